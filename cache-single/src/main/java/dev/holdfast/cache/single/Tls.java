package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Secret;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** TLS over a TCP connection that exists already; certificate and host name are verified. */
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

    /** Returns the connection with TLS on it, the handshake done. Closing it closes {@code tcp}. */
    static Socket wrap(SSLContext context, Socket tcp, String host, int port) throws IOException {
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(tcp, host, port, true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }
}
