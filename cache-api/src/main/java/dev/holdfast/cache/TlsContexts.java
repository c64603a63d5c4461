package dev.holdfast.cache;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** Whom a store's connections trust, for implementations of stores. */
public final class TlsContexts {
    private TlsContexts() {}

    /**
     * Returns the context that the JVM uses by default ({@code javax.net.ssl.*}).
     *
     * @return the context
     * @throws CacheConfigException if the JVM's settings are not usable
     */
    public static SSLContext system() {
        try {
            return SSLContext.getDefault();
        } catch (GeneralSecurityException e) {
            throw new CacheConfigException(
                    "the JVM's own TLS settings are not usable: " + ForeignText.shown(e.getMessage()), e);
        }
    }

    /**
     * Makes a context that trusts the certificates of one file and no others.
     *
     * @param trustStore a PKCS #12 or JKS file
     * @param password its password; {@code null} if it has none
     * @return the context
     * @throws CacheConfigException if it can't be read
     */
    public static SSLContext trusting(Path trustStore, @Nullable Secret password) {
        try {
            KeyStore store = KeyStore.getInstance(
                    trustStore.toFile(),
                    password == null ? null : password.reveal().toCharArray());
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException | IOException | IllegalArgumentException e) {
            throw new CacheConfigException(
                    "the trust store " + trustStore + " can't be read; it must be a PKCS #12 or JKS file and the"
                            + " password its own: " + ForeignText.shown(e.getMessage()),
                    e);
        }
    }
}
