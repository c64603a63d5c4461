package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Address;
import io.netty.handler.ssl.SslHandler;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;

/** TLS for connections. */
final class Tls {
    private Tls() {}

    /** Stands first in a connection's pipeline. Lettuce's own takes no {@link SSLContext}, which is what users have. */
    static SslHandler handler(SSLContext context, boolean verifiesHost, Address node, long timeoutMillis) {
        SSLEngine engine = context.createSSLEngine(node.host(), node.port());
        engine.setUseClientMode(true);
        if (verifiesHost) {
            SSLParameters parameters = engine.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            engine.setSSLParameters(parameters);
        }
        SslHandler handler = new SslHandler(engine);
        handler.setHandshakeTimeoutMillis(timeoutMillis);
        return handler;
    }
}
