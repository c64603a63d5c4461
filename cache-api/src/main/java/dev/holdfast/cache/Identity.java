package dev.holdfast.cache;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import org.jspecify.annotations.Nullable;

/**
 * What a client shows of itself.
 *
 * @param certificate a PEM file with its certificate, then those of authorities in between
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
        List<X509Certificate> chain = chain();
        PrivateKey secret = PemFiles.key(key, chain.get(0).getPublicKey().getAlgorithm(), password);
        try {
            if (!belongTogether(chain.get(0), secret)) {
                throw new CacheConfigException("the private key " + key + " is not that of the certificate "
                        + certificate + ": both must be of one pair");
            }
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

    private List<X509Certificate> chain() {
        try {
            return PemFiles.certificates(certificate);
        } catch (GeneralSecurityException | IOException e) {
            throw PemFiles.unreadable("the certificate", certificate, e);
        }
    }

    private static boolean belongTogether(X509Certificate certificate, PrivateKey key) throws GeneralSecurityException {
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
        return signature.verify(signed);
    }
}
