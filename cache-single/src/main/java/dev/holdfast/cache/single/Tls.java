package dev.holdfast.cache.single;

import dev.holdfast.cache.TlsConfig;
import java.io.IOException;
import java.net.Socket;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/** TLS over a TCP connection that exists already. */
final class Tls {
    private Tls() {}

    /** Returns the connection with TLS on it, the handshake done. Closing it closes {@code tcp}. */
    static Socket wrap(TlsConfig config, Socket tcp, String host, int port) throws IOException {
        SSLSocket socket = (SSLSocket) config.context().getSocketFactory().createSocket(tcp, host, port, true);
        if (config.verification() == TlsConfig.Verification.FULL) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
        }
        socket.startHandshake();
        return socket;
    }
}
