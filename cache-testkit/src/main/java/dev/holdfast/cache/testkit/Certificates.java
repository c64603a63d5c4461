package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import javax.net.ServerSocketFactory;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * A certificate authority made on the spot, the server certificates it signs, and a trust store for the clients that are to
 * trust it.
 *
 * <pre>{@code
 * Certificates certificates = Certificates.create();
 * try (RedisServer redis = RedisServer.builder().tls(certificates, Certificates.Kind.VALID).start()) {
 *     // a client that trusts certificates.trustStore() connects to redis.url() (rediss://)
 *     redis.setCertificate(certificates, Certificates.Kind.EXPIRED);
 *     // from here on its handshakes fail
 * }
 * }</pre>
 *
 * <p>Keys are elliptic (P-256). The files lie in a directory that goes when the JVM ends. Immutable and thread-safe.
 */
public final class Certificates {
    /** What is right or wrong with a server's certificate. */
    public enum Kind {
        /** Signed by this authority, for {@code localhost}, {@code 127.0.0.1} and {@code ::1}, valid from yesterday for a year. */
        VALID,
        /** As {@link #VALID}, but its last day was yesterday. */
        EXPIRED,
        /** As {@link #VALID}, but for {@code elsewhere.invalid} only: a client that verifies host names refuses it. */
        WRONG_NAME,
        /** As {@link #VALID}, but signed by another authority, which the trust store does not hold. */
        UNTRUSTED
    }

    /** The PEM files that a server needs. */
    record Identity(Path certificate, Path key, Path authority) {

        /** As settings of a server. */
        Map<String, String> settings() {
            return Map.of(
                    "tls-cert-file", certificate.toString(),
                    "tls-key-file", key.toString(),
                    "tls-ca-cert-file", authority.toString());
        }
    }

    private static final String PASSWORD = "changeit";
    private static final String ECDSA_SHA256 = "1.2.840.10045.4.3.2";
    private static final String BASIC_CONSTRAINTS = "2.5.29.19";
    private static final String SUBJECT_ALT_NAME = "2.5.29.17";
    private static final String COMMON_NAME = "2.5.4.3";
    private static final Duration DAY = Duration.ofDays(1);

    private final SecureRandom random = new SecureRandom();
    private final Path directory;
    private final Path trustStore;
    private final Path authorityPem;
    private final KeyPair authority;
    private final KeyPair stranger;

    private Certificates() {
        directory = Guard.get().newDirectory("certificates-");
        trustStore = directory.resolve("trust.p12");
        authorityPem = directory.resolve("authority.pem");
        try {
            authority = newKey();
            stranger = newKey();
            byte[] root = sign(authority, "Testkit Authority", authority, "Testkit Authority", -1, 365, List.of());
            Files.writeString(authorityPem, pem("CERTIFICATE", root), US_ASCII);
            writeTrustStore(root);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JDK can't make certificates", e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A new authority, trusted by nobody yet.
     *
     * @throws IllegalStateException if the JDK lacks elliptic keys or PKCS #12
     */
    public static Certificates create() {
        return new Certificates();
    }

    /** A PKCS #12 trust store that holds the certificate of this authority and no other; its password is {@link #trustStorePassword}. */
    public Path trustStore() {
        return trustStore;
    }

    public String trustStorePassword() {
        return PASSWORD;
    }

    /** The certificate of this authority, in PEM. */
    public Path authority() {
        return authorityPem;
    }

    /** A new key and a certificate for it, in new files. */
    Identity issue(Kind kind) {
        try {
            KeyPair key = newKey();
            boolean expired = kind == Kind.EXPIRED;
            byte[] certificate = sign(
                    key,
                    "Testkit Server",
                    kind == Kind.UNTRUSTED ? stranger : authority,
                    kind == Kind.UNTRUSTED ? "Unknown Authority" : "Testkit Authority",
                    expired ? -30 : -1,
                    expired ? -1 : 365,
                    List.of(kind == Kind.WRONG_NAME ? elsewhere() : here()));
            Path certificatePem = Files.createTempFile(directory, "server-", ".pem");
            Path keyPem = Files.createTempFile(directory, "server-", ".key");
            Files.writeString(certificatePem, pem("CERTIFICATE", certificate), US_ASCII);
            Files.writeString(keyPem, pem("PRIVATE KEY", key.getPrivate().getEncoded()), US_ASCII);
            return new Identity(certificatePem, keyPem, authorityPem);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JDK can't make certificates", e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A certificate of a client, signed by this authority.
     *
     * @param certificate the certificate, in a PEM file
     * @param key its private key in PKCS #8, in a PEM file
     */
    public record Client(Path certificate, Path key) {}

    /** A new key of a client and a certificate for it, in new files. */
    public Client client() {
        Identity identity = issue(Kind.VALID);
        return new Client(identity.certificate(), identity.key());
    }

    /** As {@link #client()}, the key encrypted with a password as OpenSSL does it: PBES2, PBKDF2 with SHA-256, AES-256. */
    public Client client(String keyPassword) {
        Client client = client();
        try {
            String pem = Files.readString(client.key(), US_ASCII).replaceAll("-----[A-Z ]+-----|\\s", "");
            byte[] encrypted = EncryptedKey.of(Base64.getDecoder().decode(pem), keyPassword, random);
            Files.writeString(client.key(), pem("ENCRYPTED PRIVATE KEY", encrypted), US_ASCII);
            return client;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JDK can't encrypt keys", e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Makes listening sockets of a server that has a new key and a certificate for it. */
    ServerSocketFactory serverSockets(Kind kind) {
        Identity identity = issue(kind);
        try {
            CertificateFactory x509 = CertificateFactory.getInstance("X.509");
            Certificate certificate =
                    x509.generateCertificate(new ByteArrayInputStream(Files.readAllBytes(identity.certificate())));
            String pem = Files.readString(identity.key(), US_ASCII).replaceAll("-----[A-Z ]+-----|\\s", "");
            KeyStore keys = KeyStore.getInstance("PKCS12");
            keys.load(null, null);
            keys.setKeyEntry(
                    "server",
                    KeyFactory.getInstance("EC")
                            .generatePrivate(
                                    new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem))),
                    PASSWORD.toCharArray(),
                    new Certificate[] {certificate});
            KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            managers.init(keys, PASSWORD.toCharArray());
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(managers.getKeyManagers(), trust(), null);
            return context.getServerSocketFactory();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JDK can't make certificates", e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Trusts what this authority has signed. */
    private TrustManager[] trust() throws GeneralSecurityException, IOException {
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(KeyStore.getInstance(trustStore.toFile(), PASSWORD.toCharArray()));
        return trust.getTrustManagers();
    }

    private static KeyPair newKey() throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"));
        return generator.generateKeyPair();
    }

    private void writeTrustStore(byte[] root) throws GeneralSecurityException, IOException {
        Certificate certificate =
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(root));
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setCertificateEntry("testkit", certificate);
        try (OutputStream out = Files.newOutputStream(trustStore)) {
            store.store(out, PASSWORD.toCharArray());
        }
    }

    private byte[] sign(
            KeyPair subject,
            String subjectName,
            KeyPair issuer,
            String issuerName,
            int fromDay,
            int toDay,
            List<byte[]> alternativeNames)
            throws GeneralSecurityException {
        Instant now = Instant.now();
        byte[] algorithm = Der.sequence(Der.oid(ECDSA_SHA256));
        byte[] toBeSigned = Der.sequence(
                Der.tagged(0xa0, Der.integer(BigInteger.TWO)),
                Der.integer(new BigInteger(63, random).add(BigInteger.ONE)),
                algorithm,
                name(issuerName),
                Der.sequence(
                        Der.time(now.plus(DAY.multipliedBy(fromDay))), Der.time(now.plus(DAY.multipliedBy(toDay)))),
                name(subjectName),
                subject.getPublic().getEncoded(),
                Der.tagged(
                        0xa3, Der.sequence(alternativeNames.isEmpty() ? isAuthority() : isServer(alternativeNames))));
        return Der.sequence(toBeSigned, algorithm, Der.bits(signature(issuer.getPrivate(), toBeSigned)));
    }

    private static byte[] signature(PrivateKey key, byte[] bytes) throws GeneralSecurityException {
        Signature signature = Signature.getInstance("SHA256withECDSA");
        signature.initSign(key);
        signature.update(bytes);
        return signature.sign();
    }

    private static byte[] name(String commonName) {
        return Der.sequence(Der.set(Der.sequence(Der.oid(COMMON_NAME), Der.utf8(commonName))));
    }

    private static byte[] isAuthority() {
        return Der.sequence(Der.oid(BASIC_CONSTRAINTS), Der.bool(true), Der.octets(Der.sequence(Der.bool(true))));
    }

    private static byte[] isServer(List<byte[]> alternativeNames) {
        return Der.sequence(
                Der.oid(SUBJECT_ALT_NAME), Der.octets(Der.sequence(alternativeNames.toArray(byte[][]::new))));
    }

    private static byte[][] elsewhere() {
        return new byte[][] {dnsName("elsewhere.invalid")};
    }

    private static byte[][] here() {
        List<byte[]> names = new ArrayList<>(List.of(dnsName("localhost")));
        for (String address : List.of("127.0.0.1", "::1")) {
            names.add(Der.tagged(0x87, address(address)));
        }
        return names.toArray(byte[][]::new);
    }

    private static byte[] dnsName(String host) {
        return Der.tagged(0x82, host.getBytes(US_ASCII));
    }

    private static byte[] address(String literal) {
        try {
            return InetAddress.getByName(literal).getAddress();
        } catch (IOException e) {
            throw new AssertionError("a literal address is not looked up: " + literal, e);
        }
    }

    private static String pem(String type, byte[] der) {
        String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return "-----BEGIN " + type + "-----\n" + body + "\n-----END " + type + "-----\n";
    }
}
