package dev.holdfast.cache.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Free TCP ports of the loopback address {@code 127.0.0.1}.
 *
 * <p>They lie below the range from which the system takes the local ports of outgoing connections, so a port stays free
 * while its server is down: nobody's client is given it, and no client that dials it can reach itself.
 *
 * <p>Thread-safe.
 */
public final class Ports {
    private static final int FIRST = 10_000;
    private static final int LAST = 32_700;
    private static final int ATTEMPTS = 10_000;
    private static final int BACKLOG = 1024;

    /** A server that is down for a while must find its port again, so no port is given twice in one JVM. */
    private static final Set<Integer> GIVEN = ConcurrentHashMap.newKeySet();

    private Ports() {}

    /**
     * A port on which nobody listens, and which this method does not return again in this JVM before it has run out of others.
     * Another process may take it at any time; a server that binds it must be ready to try another.
     *
     * @return a port between 10000 and 32700
     * @throws IllegalStateException if none is found
     */
    public static int free() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        for (int i = 0; i < ATTEMPTS; i++) {
            int port = random.nextInt(FIRST, LAST + 1);
            if (GIVEN.add(port)) {
                if (isFree(port)) {
                    return port;
                }
                GIVEN.remove(port);
            }
        }
        GIVEN.clear();
        throw new IllegalStateException("no free port between " + FIRST + " and " + LAST + " on 127.0.0.1");
    }

    static void release(int port) {
        GIVEN.remove(port);
    }

    /** A socket that listens on a free port. */
    static ServerSocket listen() {
        for (int attempt = 1; ; attempt++) {
            try {
                return listen(free());
            } catch (UncheckedIOException taken) {
                if (attempt == 5) {
                    throw taken;
                }
            }
        }
    }

    static ServerSocket listen(int port) {
        try {
            ServerSocket socket = new ServerSocket();
            try {
                socket.setReuseAddress(true);
                socket.bind(new InetSocketAddress(loopback(), port), BACKLOG);
                return socket;
            } catch (IOException e) {
                socket.close();
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException("can't listen on port " + port, e);
        }
    }

    private static boolean isFree(int port) {
        try (ServerSocket probe = listen(port)) {
            return probe.isBound();
        } catch (IOException | UncheckedIOException taken) {
            return false;
        }
    }

    static InetAddress loopback() {
        try {
            return InetAddress.getByAddress("127.0.0.1", new byte[] {127, 0, 0, 1});
        } catch (IOException impossible) {
            throw new AssertionError("four bytes are an address", impossible);
        }
    }
}
