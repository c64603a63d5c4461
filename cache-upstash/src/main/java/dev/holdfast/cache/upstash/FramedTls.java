package dev.holdfast.cache.upstash;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.function.Supplier;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/** Puts TLS over a connected socket, so that the answers within it are framed. */
final class FramedTls extends SSLSocketFactory {
    private static final String UNCONNECTED = "TLS is only put over connected sockets here";

    private final Supplier<SSLSocketFactory> tls;

    /**
     * Creates one.
     *
     * @param tls asked for each connection
     */
    FramedTls(Supplier<SSLSocketFactory> tls) {
        this.tls = tls;
    }

    @Override
    public Socket createSocket(Socket beneath, String host, int port, boolean autoClose) throws IOException {
        if (!(beneath instanceof FramedSocket)) {
            throw new IOException("TLS is only put over this store's own sockets");
        }
        return new FramedTlsSocket((SSLSocket) tls.get().createSocket(beneath, host, port, autoClose), beneath);
    }

    @Override
    public String[] getDefaultCipherSuites() {
        return tls.get().getDefaultCipherSuites();
    }

    @Override
    public String[] getSupportedCipherSuites() {
        return tls.get().getSupportedCipherSuites();
    }

    @Override
    public Socket createSocket(String host, int port) throws IOException {
        throw new IOException(UNCONNECTED);
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress localHost, int localPort) throws IOException {
        throw new IOException(UNCONNECTED);
    }

    @Override
    public Socket createSocket(InetAddress host, int port) throws IOException {
        throw new IOException(UNCONNECTED);
    }

    @Override
    public Socket createSocket(InetAddress address, int port, InetAddress localAddress, int localPort)
            throws IOException {
        throw new IOException(UNCONNECTED);
    }
}
