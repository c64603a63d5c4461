package dev.holdfast.cache;

import dev.holdfast.cache.internal.ForeignText;
import java.io.ByteArrayInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import org.jspecify.annotations.Nullable;

/** Certificates and private keys in PEM (RFC 7468). */
final class PemFiles {
    private static final Pattern KEY = Pattern.compile(
            "-----BEGIN ((?:[A-Z0-9]+ )*)PRIVATE KEY-----([A-Za-z0-9+/=\\s]*)-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----");

    private static final Pattern CERTIFICATE = Pattern.compile(
            "-----BEGIN (?:X509 )?CERTIFICATE-----([A-Za-z0-9+/=\\s]*)-----END (?:X509 )?CERTIFICATE-----");
    private static final Pattern CERTIFICATE_BEGINS = Pattern.compile("-----BEGIN [A-Z0-9 ]*CERTIFICATE-----");

    private PemFiles() {}

    /** Reads all certificates of a file, at least one. Whatever else is in it, such as a key, is passed over. */
    static List<X509Certificate> certificates(Path file) throws IOException, GeneralSecurityException {
        String pem = Files.readString(file, StandardCharsets.ISO_8859_1);
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        List<X509Certificate> certificates = new ArrayList<>();
        Matcher each = CERTIFICATE.matcher(pem);
        while (each.find()) {
            byte[] der = decoded(each.group(1), certificates.size() + 1);
            certificates.add((X509Certificate) factory.generateCertificate(new ByteArrayInputStream(der)));
        }
        if (certificates.isEmpty()) {
            throw new CertificateException("there is no BEGIN CERTIFICATE in it that has its end");
        }
        if (CERTIFICATE_BEGINS.matcher(pem).results().count() != certificates.size()) {
            throw new CertificateException("one of its certificates is cut off, or is not Base64");
        }
        return certificates;
    }

    private static byte[] decoded(String base64, int number) throws CertificateException {
        try {
            return Base64.getMimeDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            throw new CertificateException("its certificate " + number + " is not Base64", e);
        }
    }

    /**
     * Reads a private key.
     *
     * @param algorithm that of its public key
     * @param password {@code null} if it is not encrypted
     * @throws CacheConfigException if that is not possible
     */
    static PrivateKey key(Path file, String algorithm, @Nullable Secret password) {
        try {
            Matcher key = KEY.matcher(Files.readString(file, StandardCharsets.ISO_8859_1));
            if (!key.find()) {
                throw new GeneralSecurityException("there is no BEGIN PRIVATE KEY in it");
            }
            byte[] der = Base64.getMimeDecoder().decode(key.group(2));
            PKCS8EncodedKeySpec spec =
                    switch (key.group(1)) {
                        case "" -> new PKCS8EncodedKeySpec(der);
                        case "ENCRYPTED " -> decrypted(der, password);
                        default ->
                            throw new GeneralSecurityException("it begins with BEGIN " + key.group(1)
                                    + "PRIVATE KEY; convert it: openssl pkcs8 -topk8 -in FILE -out NEW");
                    };
            return KeyFactory.getInstance(algorithm).generatePrivate(spec);
        } catch (InvalidKeySpecException e) {
            throw unreadable(
                    "the private key",
                    file,
                    new GeneralSecurityException(
                            "it is damaged, or not of the kind of its certificate's key, which is " + algorithm, e));
        } catch (GeneralSecurityException | IOException | IllegalArgumentException e) {
            throw unreadable("the private key", file, e);
        }
    }

    private static PKCS8EncodedKeySpec decrypted(byte[] der, @Nullable Secret password)
            throws GeneralSecurityException, IOException {
        if (password == null) {
            throw new GeneralSecurityException("it is encrypted, and no password of it is set");
        }
        EncryptedPrivateKeyInfo key = new EncryptedPrivateKeyInfo(der);
        // Of PBES2 only the parameters name the ciphers.
        String cipher = key.getAlgName().equals("PBES2") || key.getAlgName().startsWith("1.2.840.113549.1.5.13")
                ? key.getAlgParameters().toString()
                : key.getAlgName();
        try {
            PBEKeySpec secret = new PBEKeySpec(password.reveal().toCharArray());
            Cipher decrypting = Cipher.getInstance(cipher);
            decrypting.init(
                    Cipher.DECRYPT_MODE,
                    SecretKeyFactory.getInstance(cipher).generateSecret(secret),
                    key.getAlgParameters());
            return key.getKeySpec(decrypting);
        } catch (GeneralSecurityException e) {
            throw new GeneralSecurityException(
                    "its password is not the one that is set, or its cipher " + cipher + " is not one of this JVM's",
                    e);
        }
    }

    static CacheConfigException unreadable(String what, Path file, Exception e) {
        boolean missing = e instanceof NoSuchFileException || e instanceof FileNotFoundException;
        return new CacheConfigException(
                what + " in " + file + " can't be read; it must be a PEM file: "
                        + (missing ? "there is no such file" : ForeignText.shown(e.getMessage())),
                e);
    }
}
