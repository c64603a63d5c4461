package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Secret;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** TLS for connections: certificate and host name are verified. */
final class Tls {
    private Tls() {}

    static SSLContext systemContext() {
        try {
            return SSLContext.getDefault();
        } catch (GeneralSecurityException e) {
            throw new CacheConfigException("the JVM's own TLS settings are not usable: " + e.getMessage(), e);
        }
    }

    static SSLContext contextTrusting(Path trustStore, @Nullable Secret password) {
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
                            + " password its own: " + e.getMessage(),
                    e);
        }
    }

    /** Stands first in a connection's pipeline. Lettuce's own takes no {@link SSLContext}, which is what users have. */
    static SslHandler handler(SSLContext context, Address node, Duration timeout) {
        SSLEngine engine = context.createSSLEngine(node.host(), node.port());
        engine.setUseClientMode(true);
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        engine.setSSLParameters(parameters);
        SslHandler handler = new SslHandler(engine);
        handler.setHandshakeTimeoutMillis(timeout.toMillis());
        return handler;
    }
}
