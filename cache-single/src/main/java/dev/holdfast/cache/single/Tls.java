package dev.holdfast.cache.single;

import java.io.IOException;
import java.net.Socket;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/** TLS over a TCP connection that exists already; certificate and host name are verified. */
final class Tls {
    private Tls() {}

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
