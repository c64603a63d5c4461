package dev.holdfast.cache.cluster;

import io.netty.handler.ssl.SslHandler;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;

/** TLS for connections: certificate and host name are verified. */
final class Tls {
    private Tls() {}

    /** Stands first in a connection's pipeline. Lettuce's own takes no {@link SSLContext}, which is what users have. */
    static SslHandler handler(SSLContext context, Address node, long timeoutMillis) {
        SSLEngine engine = context.createSSLEngine(node.host(), node.port());
        engine.setUseClientMode(true);
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        engine.setSSLParameters(parameters);
        SslHandler handler = new SslHandler(engine);
        handler.setHandshakeTimeoutMillis(timeoutMillis);
        return handler;
    }
}
