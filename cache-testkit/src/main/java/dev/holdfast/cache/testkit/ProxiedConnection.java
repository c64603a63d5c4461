package dev.holdfast.cache.testkit;

import dev.holdfast.cache.testkit.TcpProxy.Direction;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;

/** A client's connection, the one to the server that belongs to it, and a link each way. */
final class ProxiedConnection {
    private static final int CONNECT_MILLIS = 10_000;
    /** So much of what the client has sent is remembered: a log-in and what follows it. */
    private static final int REMEMBERED = 2_048;

    private final TcpProxy proxy;
    private final Socket client;
    private final Socket upstream = new Socket();
    private final InetSocketAddress server;
    private final Link toServer;
    private final Link toClient;
    private final AtomicInteger linksToEnd = new AtomicInteger(2);
    private volatile long heardAt = System.nanoTime();
    private volatile boolean dropped;
    /** What the client has sent first. */
    private volatile String sent = "";

    ProxiedConnection(TcpProxy proxy, Socket client, InetSocketAddress server) {
        this.proxy = proxy;
        this.client = client;
        this.server = server;
        this.toServer = new Link(Direction.TO_SERVER, proxy, this, client, upstream);
        this.toClient = new Link(Direction.TO_CLIENT, proxy, this, upstream, client);
    }

    /** Connects, then carries the client's bytes itself, while another thread carries the server's. */
    void run() {
        try {
            client.setTcpNoDelay(true);
            if (swallows()) {
                // A cut cable does not tell whether there is a server at its other end.
                toServer.spoil();
            } else {
                upstream.setTcpNoDelay(true);
                upstream.connect(server, CONNECT_MILLIS);
                proxy.startThread(toClient::carry);
            }
        } catch (IOException unreachable) {
            reset();
            return;
        }
        toServer.carry();
    }

    /** Ends both connections at once, with RST. */
    void reset() {
        Streams.reset(client);
        Streams.reset(upstream);
        toServer.end();
        toClient.end();
        proxy.forget(this);
    }

    /** The end of one link is the half-close of a stream; the end of both is the end of the connection. */
    void linkEnded() {
        if (linksToEnd.decrementAndGet() == 0) {
            Streams.close(client);
            Streams.close(upstream);
            proxy.forget(this);
        }
    }

    void wake() {
        toServer.wake();
        toClient.wake();
    }

    /** The client has sent something; for the one thread that reads from it. */
    void sent(byte[] bytes) {
        if (sent.length() < REMEMBERED) {
            sent = sent.concat(new String(bytes, 0, Math.min(bytes.length, REMEMBERED), StandardCharsets.ISO_8859_1));
        }
    }

    /** Whether that was among the first that the client has sent. */
    boolean hasSent(byte[] bytes) {
        return sent.contains(new String(bytes, StandardCharsets.ISO_8859_1));
    }

    /** The port of the client's end. */
    int clientPort() {
        return client.getPort();
    }

    /** Loses all that comes from now on, as a NAT does that has forgotten the flow. */
    void drop() {
        dropped = true;
    }

    /** Passes what comes again; if it has lost bytes, it is reset instead. */
    void recover() {
        if (isSpoiled()) {
            reset();
        }
        dropped = false;
    }

    /** To be called when bytes have come: finds out whether they come too late. */
    void heard() {
        long limit = proxy.faults(this).idleNanos();
        long now = System.nanoTime();
        if (limit >= 0 && now - heardAt > limit) {
            dropped = true;
        }
        heardAt = now;
    }

    /** Whether what comes is lost. */
    boolean swallows() {
        return dropped || proxy.faults(this).swallows();
    }

    private boolean isSpoiled() {
        return toServer.isSpoiled() || toClient.isSpoiled();
    }

    void restartCounting(Direction direction) {
        (direction == Direction.TO_SERVER ? toServer : toClient).restartCounting();
    }

    void expectGarbage() {
        toClient.expectGarbage();
    }
}
