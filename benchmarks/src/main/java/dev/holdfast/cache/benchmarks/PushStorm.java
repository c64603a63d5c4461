package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Stands before a server and, while it blows, tells tracking connections of a million changed keys a second that nobody has changed: as many as a server can't be
 * made to tell of beside its writer on a machine of two processors.
 */
final class PushStorm implements AutoCloseable {
    private static final int KEYS_IN_A_PUSH = 100;
    private static final int PUSHES_IN_A_MILLISECOND = 10;

    private final RedisServer redis;
    private final ServerSocket listener;
    private final byte[][] pushes;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private volatile boolean blows;
    private volatile boolean closed;
    private volatile @Nullable OutputStream tracker;

    private PushStorm(RedisServer redis, ServerSocket listener, byte[][] pushes) {
        this.redis = redis;
        this.listener = listener;
        this.pushes = pushes;
    }

    /** Begins to listen. The keys begin with {@code prefix}, there are so many of them, and none shares a stripe with those that are read. */
    static PushStorm before(RedisServer redis, String prefix, int keys, Set<Integer> readStripes) throws IOException {
        byte[][] pushes = new byte[keys / KEYS_IN_A_PUSH][];
        int number = 0;
        for (int i = 0; i < pushes.length; i++) {
            ByteArrayOutputStream push = new ByteArrayOutputStream();
            push.writeBytes(bytes(">2\r\n$10\r\ninvalidate\r\n*" + KEYS_IN_A_PUSH + "\r\n"));
            for (int each = 0; each < KEYS_IN_A_PUSH; each++) {
                String key = prefix + number++;
                while (readStripes.contains(Stamps.stripe(key))) {
                    key = prefix + number++;
                }
                push.writeBytes(bytes("$" + key.length() + "\r\n" + key + "\r\n"));
            }
            pushes[i] = push.toByteArray();
        }
        PushStorm storm = new PushStorm(redis, new ServerSocket(0, 64, InetAddress.getLoopbackAddress()), pushes);
        storm.start(storm::accept);
        storm.start(storm::push);
        return storm;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    int port() {
        return listener.getLocalPort();
    }

    void blow(boolean on) {
        blows = on;
    }

    private interface Step {
        void run() throws IOException;
    }

    private void start(Step step) {
        Thread thread = new Thread(() -> {
            try {
                step.run();
            } catch (IOException e) {
                if (!closed) {
                    tracker = null; // the client has closed a connection
                }
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() throws IOException {
        while (true) {
            Socket client = listener.accept();
            Socket server = new Socket(redis.host(), redis.port());
            client.setTcpNoDelay(true);
            server.setTcpNoDelay(true);
            sockets.addAll(List.of(client, server));
            start(() -> forward(client.getInputStream(), server.getOutputStream(), client.getOutputStream()));
            start(() -> forward(server.getInputStream(), client.getOutputStream(), null));
        }
    }

    /** {@code asking}: what goes back to who says this, if it is a client. */
    private void forward(InputStream from, OutputStream to, @Nullable OutputStream asking) throws IOException {
        byte[] buffer = new byte[1 << 16];
        for (int read = from.read(buffer); read >= 0; read = from.read(buffer)) {
            // Replies and pushes of a tracking connection are short: each comes whole, and none is torn by what is put
            // between.
            synchronized (to) {
                to.write(buffer, 0, read);
            }
            if (asking != null && new String(buffer, 0, read, StandardCharsets.ISO_8859_1).contains("TRACKING")) {
                tracker = asking;
            }
        }
        to.close();
    }

    private void push() throws IOException {
        int next = 0;
        long begun = 0;
        long said = 0;
        while (!closed) {
            OutputStream told = tracker;
            if (!blows || told == null) {
                begun = 0;
                LockSupport.parkNanos(1_000_000);
                continue;
            }
            if (begun == 0) {
                begun = System.nanoTime();
                said = 0;
            }
            long due = (System.nanoTime() - begun) / 1_000_000 * PUSHES_IN_A_MILLISECOND;
            if (said >= due) {
                LockSupport.parkNanos(200_000);
                continue;
            }
            synchronized (told) {
                told.write(pushes[next]);
            }
            next = (next + 1) % pushes.length;
            said++;
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
