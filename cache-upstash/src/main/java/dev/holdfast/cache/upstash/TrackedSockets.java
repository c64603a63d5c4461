package dev.holdfast.cache.upstash;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.SocketFactory;
import org.jspecify.annotations.Nullable;

/** Makes the TCP sockets beneath any TLS, and can reset them all: what the peer has not read is dropped. */
final class TrackedSockets extends SocketFactory {
    private final Set<TrackedSocket> open = ConcurrentHashMap.newKeySet();
    private final Dials dials;

    TrackedSockets(Dials dials) {
        this.dials = dials;
    }

    /** Resets every open socket; calls on them fail now. */
    void resetAll() {
        open.forEach(TrackedSocket::sever);
    }

    int count() {
        return open.size();
    }

    @Override
    public Socket createSocket() {
        TrackedSocket socket = new TrackedSocket();
        open.add(socket);
        return socket;
    }

    private final class TrackedSocket extends Socket implements FramedSocket {
        private final long madeAt = System.nanoTime();
        private final AtomicBoolean counted = new AtomicBoolean();
        private volatile @Nullable FramedInput input;

        @Override
        public void connect(SocketAddress endpoint, int timeoutMillis) throws IOException {
            dials.admit();
            super.connect(endpoint, timeoutMillis);
        }

        @Override
        public InputStream getInputStream() throws IOException {
            FramedInput in = input;
            if (in == null) {
                in = new FramedInput(super.getInputStream(), this);
                input = in;
            }
            return in;
        }

        @Override
        public void expectAnswer(long maxAnswerBytes) throws IOException {
            FramedInput in = (FramedInput) getInputStream();
            if (in.available() > 0) {
                throw in.unusable("the peer sent an answer that nobody asked for");
            }
            in.expect(maxAnswerBytes);
        }

        @Override
        public long heardAt() {
            FramedInput in = input;
            return in == null ? madeAt : in.heardAt();
        }

        @Override
        public boolean hasArrived() {
            try {
                FramedInput in = input;
                return in != null && in.available() > 0;
            } catch (IOException e) {
                return false;
            }
        }

        @Override
        public boolean hasEndedUncounted() {
            return isClosed() && counted.compareAndSet(false, true);
        }

        @Override
        public void sever() {
            try {
                setSoLinger(true, 0);
            } catch (SocketException e) {
                // Closed meanwhile, which is what was wanted.
            }
            try {
                close();
            } catch (IOException e) {
                // The same.
            }
        }

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
