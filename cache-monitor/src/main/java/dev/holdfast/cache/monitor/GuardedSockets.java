package dev.holdfast.cache.monitor;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.SocketFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections of a library that sends mail: each is made only to an address that may be connected to, asked of the very address, and is cut when the
 * time for all of it is over: the library bounds each line of the server's alone, and there may be ever more of them. For one connection at a time.
 */
final class GuardedSockets extends SocketFactory {
    private static final Logger LOG = LoggerFactory.getLogger(GuardedSockets.class);

    private final String host;
    private final ScheduledExecutorService alarms;
    private volatile @Nullable Socket open;

    /** Work that may fail. */
    interface Work<E extends Exception> {
        void run() throws E;
    }

    /** {@code host} is the name that addresses are found for. */
    GuardedSockets(String host, ScheduledExecutorService alarms) {
        this.host = host;
        this.alarms = alarms;
    }

    /** Works, and cuts the connection when the time is over. */
    <E extends Exception> void within(Duration limit, Work<E> work) throws E {
        Future<?> alarm = alarms.schedule(this::cut, limit.toNanos(), TimeUnit.NANOSECONDS);
        try {
            work.run();
        } finally {
            alarm.cancel(false);
        }
    }

    /** Closes the connection, from another thread. */
    void cut() {
        Socket socket = open;
        if (socket != null) {
            try {
                socket.close();
            } catch (IOException e) {
                LOG.debug("a connection did not end well", e);
            }
        }
    }

    @Override
    public Socket createSocket() {
        Socket socket = new Guarded(host);
        open = socket;
        return socket;
    }

    @Override
    public Socket createSocket(String to, int port) throws IOException {
        return connected(new InetSocketAddress(to, port));
    }

    @Override
    public Socket createSocket(String to, int port, InetAddress from, int fromPort) throws IOException {
        return connected(new InetSocketAddress(to, port));
    }

    @Override
    public Socket createSocket(InetAddress to, int port) throws IOException {
        return connected(new InetSocketAddress(to, port));
    }

    @Override
    public Socket createSocket(InetAddress to, int port, InetAddress from, int fromPort) throws IOException {
        return connected(new InetSocketAddress(to, port));
    }

    private Socket connected(InetSocketAddress to) throws IOException {
        Socket socket = createSocket();
        socket.connect(to);
        return socket;
    }

    /** One that asks before it connects. */
    private static final class Guarded extends Socket {
        private final String host;

        Guarded(String host) {
            this.host = host;
        }

        @Override
        public void connect(SocketAddress to) throws IOException {
            connect(to, 0);
        }

        @Override
        public void connect(SocketAddress to, int timeout) throws IOException {
            InetAddress address = to instanceof InetSocketAddress internet ? internet.getAddress() : null;
            if (address == null || !Destinations.mayConnect(address, host)) {
                throw new UnknownHostException("it resolves to nothing, or to what must not be connected to");
            }
            super.connect(to, timeout);
        }
    }
}
