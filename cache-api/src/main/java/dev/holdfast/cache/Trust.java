package dev.holdfast.cache;

import dev.holdfast.cache.internal.ForeignText;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** Whose signature on a server's certificate is believed. */
sealed interface Trust {

    /** The file that says so. */
    Path file();

    /**
     * Reads it.
     *
     * @throws CacheConfigException if it can't be read
     */
    TrustManager[] managers();

    private static TrustManager[] managers(KeyStore store) throws GeneralSecurityException {
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        return trust.getTrustManagers();
    }

    /**
     * Those of a trust store.
     *
     * @param file a PKCS #12 or JKS file
     * @param password its password; {@code null} if it has none
     */
    record Store(Path file, @Nullable Secret password) implements Trust {
        @Override
        public TrustManager[] managers() {
            try {
                char[] secret = password == null ? null : password.reveal().toCharArray();
                return Trust.managers(KeyStore.getInstance(file.toFile(), secret));
            } catch (GeneralSecurityException | IOException | IllegalArgumentException e) {
                throw new CacheConfigException(
                        "the trust store " + file + " can't be read; it must be a PKCS #12 or JKS file and the"
                                + " password its own: " + ForeignText.shown(e.getMessage()),
                        e);
            }
        }
    }

    /**
     * Those of a PEM file.
     *
     * @param file the file
     */
    record Pem(Path file) implements Trust {
        @Override
        public TrustManager[] managers() {
            try {
                KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
                store.load(null, null);
                for (X509Certificate authority : PemFiles.certificates(file)) {
                    store.setCertificateEntry("authority-" + store.size(), authority);
                }
                return Trust.managers(store);
            } catch (GeneralSecurityException | IOException e) {
                throw PemFiles.unreadable("the authorities' certificates", file, e);
            }
        }
    }
}
