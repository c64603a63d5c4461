package dev.holdfast.cache.testkit;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A listener on {@code 127.0.0.1} that passes each connection on to a server, and spoils it on demand.
 *
 * <pre>{@code
 * try (RedisServer redis = RedisServer.start();
 *         TcpProxy proxy = TcpProxy.to(redis.host(), redis.port())) {
 *     var app = new App("redis://127.0.0.1:" + proxy.port());
 *     proxy.delay(Duration.ofMillis(300));   // a brown-out
 *     proxy.halfOpen();                      // the cable is cut: no reset, no answer
 *     proxy.pass();                          // all is well again
 * }
 * }</pre>
 *
 * <p>Faults add up until {@link #pass()} ends them all; each takes effect at once, on open connections too. If the server can't be
 * reached, a client's connection is accepted and then reset.
 *
 * <p>It forwards with threads, two to four for a connection, and keeps the ends of streams apart (half-close). Thread-safe.
 */
public final class TcpProxy implements AutoCloseable {
    /** Which way bytes go. */
    public enum Direction {
        TO_SERVER,
        TO_CLIENT
    }

    private final ReentrantLock lock = new ReentrantLock();
    private volatile InetSocketAddress server;
    private final int port;
    private final Set<ProxiedConnection> open = ConcurrentHashMap.newKeySet();
    private final ServingThreads threads;
    private final AtomicLong accepted = new AtomicLong();
    private final AtomicLong bytesToServer = new AtomicLong();
    private final AtomicLong bytesToClient = new AtomicLong();
    private volatile LinkFaults faults = LinkFaults.NONE;
    private volatile byte @Nullable [] garbage;
    private volatile byte @Nullable [] mark;
    private volatile boolean closed;
    private @Nullable ServerSocket listener;
    private @Nullable Thread acceptor;

    private TcpProxy(InetSocketAddress server) {
        this.server = server;
        ServerSocket first = Ports.listen();
        this.port = first.getLocalPort();
        this.threads = new ServingThreads("tcp-proxy-" + port);
        listen(first);
    }

    /**
     * Starts a proxy that passes everything.
     *
     * @param host of the server, which need not be up
     */
    public static TcpProxy to(String host, int port) {
        return new TcpProxy(new InetSocketAddress(host, port));
    }

    /** The port to give to the client; it stays the same. */
    public int port() {
        return port;
    }

    /** Leads new connections to another server, as a name does that resolves anew. Those that are open stay; {@link #reset} ends them. */
    public void redirect(String host, int port) {
        server = new InetSocketAddress(host, port);
    }

    /** How many connections it has accepted. */
    public long connections() {
        return accepted.get();
    }

    /** How many connections are open now. */
    public int openConnections() {
        return open.size();
    }

    /** How many bytes it has passed on, that way. */
    public long bytes(Direction direction) {
        return counter(direction).get();
    }

    /**
     * Has faults, {@link #reset} included, concern only connections on which the client has sent this text, in one piece, since {@link #only} was called or
     * before: what is sent once on each of them tells a kind of connections from others, as {@code SUBSCRIBE} or {@code TRACKING} do. Others pass.
     *
     * @param sent the text, in ASCII; {@code null} for all connections
     */
    public void only(@Nullable String sent) {
        locked(() -> {
            mark = sent == null ? null : sent.getBytes(StandardCharsets.US_ASCII);
            open.forEach(ProxiedConnection::wake);
        });
    }

    /** Ends every fault. Connections that have lost bytes are reset, since what would follow makes no sense. */
    public void pass() {
        locked(() -> {
            faults = LinkFaults.NONE;
            garbage = null;
            open.forEach(ProxiedConnection::recover);
            open.forEach(ProxiedConnection::wake);
            if (listener == null && !closed) {
                listen(Ports.listen(port));
            }
        });
    }

    /** Refuses new connections, as a dead process does. Those that are open stay; {@link #reset} ends them. */
    public void refuse() {
        locked(this::stopListening);
    }

    /** Resets all open connections (RST), as a process does that is killed. New ones are accepted as before. */
    public void reset() {
        open.stream().filter(this::concerns).forEach(ProxiedConnection::reset);
    }

    /** Accepts connections and swallows what comes, either way, as after a cable was cut. Nothing is reset, nothing is closed. */
    public void halfOpen() {
        change(LinkFaults::withSwallowing);
    }

    /**
     * Forgets flows, as a NAT, a load balancer or a firewall does: what comes on a connection, either way, after it has been without a
     * byte for longer than this is swallowed, and so is all that follows on it. Nothing is reset, new connections pass.
     *
     * @param limit zero or more; zero loses everything but the first bytes of a connection
     */
    public void dropIdle(Duration limit) {
        if (limit.isNegative()) {
            throw new IllegalArgumentException("limit must not be negative: " + limit);
        }
        change(now -> now.withIdleLimit(limit.toNanos()));
    }

    /**
     * Swallows from now on what comes on one connection, either way; it is not reset. The others pass.
     *
     * @param clientPort the port of the client's end, see {@link #clientPorts}
     * @return whether there is such a connection
     */
    public boolean swallow(int clientPort) {
        List<ProxiedConnection> named =
                open.stream().filter(each -> each.clientPort() == clientPort).toList();
        named.forEach(ProxiedConnection::drop);
        return !named.isEmpty();
    }

    /** The ports of the clients' ends of all open connections, in no order: they name them. */
    public List<Integer> clientPorts() {
        return open.stream().map(ProxiedConnection::clientPort).toList();
    }

    /** Delays each direction by so much: a round trip takes twice as long. See {@link #delay(Direction, Duration)}. */
    public void delay(Duration eachWay) {
        delay(Direction.TO_SERVER, eachWay);
        delay(Direction.TO_CLIENT, eachWay);
    }

    /**
     * Latency: every byte arrives so much later than it was sent, however many are under way. Bandwidth is not touched. A few tenths of a
     * millisecond are added by the threads, more on a busy machine.
     *
     * @param delay zero or more
     */
    public void delay(Direction direction, Duration delay) {
        if (delay.isNegative()) {
            throw new IllegalArgumentException("delay must not be negative: " + delay);
        }
        change(now -> now.withDelay(direction, delay.toNanos()));
    }

    /**
     * Lets at most so many bytes a second pass, on each connection and each way.
     *
     * @param bytesPerSecond at least 1
     */
    public void throttle(long bytesPerSecond) {
        if (bytesPerSecond < 1) {
            throw new IllegalArgumentException("bytesPerSecond must be positive: " + bytesPerSecond);
        }
        change(now -> now.withRate(bytesPerSecond));
    }

    /**
     * Resets each connection once so many bytes have passed that way: counted from now on open connections, from their start on new ones.
     *
     * @param bytes 0 or more
     */
    public void cutAfter(Direction direction, long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("bytes must not be negative: " + bytes);
        }
        open.forEach(connection -> connection.restartCounting(direction));
        change(now -> now.withCut(direction, bytes));
    }

    /** Puts these bytes before the next that a client gets, once on each connection, open or new. */
    public void garbage(byte[] bytes) {
        open.forEach(ProxiedConnection::expectGarbage);
        garbage = bytes.clone();
    }

    /**
     * Sends replies byte by byte, each by itself.
     *
     * @param pause before each byte; zero or more
     */
    public void drip(Duration pause) {
        if (pause.isNegative()) {
            throw new IllegalArgumentException("pause must not be negative: " + pause);
        }
        change(now -> now.withDrip(pause.toNanos()));
    }

    /** Stops listening, resets all connections and waits for its threads to end. */
    @Override
    public void close() {
        closed = true;
        locked(this::stopListening);
        threads.join(() -> open.forEach(ProxiedConnection::reset));
        Ports.release(port);
    }

    @Override
    public String toString() {
        return "TcpProxy[" + port + " to " + server + "]";
    }

    LinkFaults faults(ProxiedConnection connection) {
        return concerns(connection) ? faults : LinkFaults.NONE;
    }

    private boolean concerns(ProxiedConnection connection) {
        byte[] wanted = mark;
        return wanted == null || connection.hasSent(wanted);
    }

    /** Not to be changed. */
    byte @Nullable [] garbageBytes(ProxiedConnection connection) {
        return concerns(connection) ? garbage : null;
    }

    AtomicLong counter(Direction direction) {
        return direction == Direction.TO_SERVER ? bytesToServer : bytesToClient;
    }

    void forget(ProxiedConnection connection) {
        open.remove(connection);
    }

    private void change(UnaryOperator<LinkFaults> change) {
        locked(() -> {
            faults = change.apply(faults);
            open.forEach(ProxiedConnection::wake);
        });
    }

    /** A thread that {@link #close} waits for. */
    Thread startThread(Runnable task) {
        return threads.start(task);
    }

    private void listen(ServerSocket socket) {
        listener = socket;
        acceptor = startThread(() -> accept(socket));
    }

    private void stopListening() {
        ServerSocket socket = listener;
        Thread thread = acceptor;
        listener = null;
        acceptor = null;
        if (socket != null && thread != null) {
            Streams.close(socket);
            // The kernel goes on listening for as long as a thread is in accept.
            Streams.join(thread);
        }
    }

    private void accept(ServerSocket socket) {
        while (true) {
            Socket client;
            try {
                client = socket.accept();
            } catch (IOException ended) {
                return;
            }
            accepted.incrementAndGet();
            ProxiedConnection connection = new ProxiedConnection(this, client, server);
            open.add(connection);
            startThread(connection::run);
        }
    }

    private void locked(Runnable action) {
        lock.lock();
        try {
            action.run();
        } finally {
            lock.unlock();
        }
    }
}
