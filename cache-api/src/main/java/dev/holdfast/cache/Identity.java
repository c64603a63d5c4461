package dev.holdfast.cache;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import org.jspecify.annotations.Nullable;

/**
 * What a client shows of itself.
 *
 * @param certificate a PEM file with its certificate and those of authorities in between, in any order
 * @param key a PEM file with its private key
 * @param password the key's; {@code null} if it is not encrypted
 */
record Identity(Path certificate, Path key, @Nullable Secret password) {
    private static final char[] IN_MEMORY = {};
    private static final byte[] ANY = {1, 2, 3};

    /**
     * Reads both.
     *
     * @throws CacheConfigException if one can't be read, or they don't belong together
     */
    KeyManager[] managers() {
        List<X509Certificate> given = given();
        PrivateKey secret = key(given);
        try {
            List<X509Certificate> chain = chain(given, secret);
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setKeyEntry("client", secret, IN_MEMORY, chain.toArray(X509Certificate[]::new));
            KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            managers.init(store, IN_MEMORY);
            return managers.getKeyManagers();
        } catch (GeneralSecurityException | IOException e) {
            throw PemFiles.unreadable("the certificate", certificate, e);
        }
    }

    /** Reads the key, which is of the kind of one of the certificates: of the first, as a rule. */
    private PrivateKey key(List<X509Certificate> given) {
        CacheConfigException failure = null;
        for (X509Certificate each : given) {
            try {
                return PemFiles.key(key, each.getPublicKey().getAlgorithm(), password);
            } catch (CacheConfigException e) {
                failure = failure == null ? e : failure;
            }
        }
        throw Objects.requireNonNull(failure);
    }

    /** The key's certificate, then each one's authority, as far as they are given: in the order that TLS wants. */
    private List<X509Certificate> chain(List<X509Certificate> given, PrivateKey secret)
            throws GeneralSecurityException {
        List<X509Certificate> left = new ArrayList<>(given);
        X509Certificate next = null;
        for (X509Certificate each : given) {
            if (next == null && belongTogether(each, secret)) {
                next = each;
            }
        }
        if (next == null) {
            throw new CacheConfigException("the private key " + key + " is not that of the certificate " + certificate
                    + ": both must be of one pair");
        }
        List<X509Certificate> chain = new ArrayList<>();
        while (next != null) {
            chain.add(next);
            left.remove(next);
            X509Certificate last = next;
            next = left.stream()
                    .filter(each -> each.getSubjectX500Principal().equals(last.getIssuerX500Principal()))
                    .findFirst()
                    .orElse(null);
        }
        return chain;
    }

    private List<X509Certificate> given() {
        try {
            return PemFiles.certificates(certificate);
        } catch (GeneralSecurityException | IOException e) {
            throw PemFiles.unreadable("the certificate", certificate, e);
        }
    }

    private static boolean belongTogether(X509Certificate certificate, PrivateKey key) throws GeneralSecurityException {
        if (!certificate.getPublicKey().getAlgorithm().equals(key.getAlgorithm())) {
            return false;
        }
        String algorithm =
                switch (key.getAlgorithm()) {
                    case "EC" -> "SHA256withECDSA";
                    case "RSA" -> "SHA256withRSA";
                    default -> null;
                };
        if (algorithm == null) {
            // Others name their own signature; the server will tell.
            return true;
        }
        Signature signature = Signature.getInstance(algorithm);
        signature.initSign(key);
        signature.update(ANY);
        byte[] signed = signature.sign();
        signature.initVerify(certificate.getPublicKey());
        signature.update(ANY);
        try {
            return signature.verify(signed);
        } catch (SignatureException e) {
            // Of another curve.
            return false;
        }
    }
}
