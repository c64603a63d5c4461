package dev.holdfast.cache.upstash;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.SocketFactory;

/** Makes the TCP sockets beneath any TLS, and can reset them all: what the peer has not read is dropped. */
final class TrackedSockets extends SocketFactory {
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();

    /** Resets every open socket; calls on them fail now. */
    void resetAll() {
        for (Socket socket : open) {
            try {
                socket.setSoLinger(true, 0);
            } catch (SocketException e) {
                // Closed meanwhile, which is what was wanted.
            }
            try {
                socket.close();
            } catch (IOException e) {
                // The same.
            }
        }
    }

    int count() {
        return open.size();
    }

    @Override
    public Socket createSocket() {
        Socket socket = new TrackedSocket();
        open.add(socket);
        return socket;
    }

    private final class TrackedSocket extends Socket {
        @Override
        @SuppressWarnings("UnsynchronizedOverridesSynchronized") // the set takes care of itself
        public void close() throws IOException {
            open.remove(this);
            super.close();
        }
    }

    @Override
    public Socket createSocket(String host, int port) throws IOException {
        throw new IOException("only unconnected sockets are made here");
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress localHost, int localPort) throws IOException {
        return createSocket(host, port);
    }

    @Override
    public Socket createSocket(InetAddress host, int port) throws IOException {
        return createSocket(host.getHostAddress(), port);
    }

    @Override
    public Socket createSocket(InetAddress address, int port, InetAddress localAddress, int localPort)
            throws IOException {
        return createSocket(address.getHostAddress(), port);
    }
}
