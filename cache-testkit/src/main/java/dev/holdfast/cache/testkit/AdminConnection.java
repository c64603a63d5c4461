package dev.holdfast.cache.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;

/**
 * The testkit's own way into a server, as its own user and past any certificate. It keeps one connection, and opens another
 * for a call that comes while that one is in use, so that a blocking command does not lock out the next. Thread-safe.
 */
final class AdminConnection implements AutoCloseable {
    static final Duration TIMEOUT = Duration.ofSeconds(30);

    /** Whether the server has closed one that was idle for longer is looked at first; no server does earlier. */
    private static final long IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final ReentrantLock lock = new ReentrantLock();
    private final int port;
    private final @Nullable SSLSocketFactory tls;
    private @Nullable RespConnection kept;
    private long usedAt;

    AdminConnection(int port, boolean tls) {
        this.port = port;
        this.tls = tls ? trustingAnyone() : null;
    }

    /** @throws IllegalStateException if the server answers with an error */
    @Nullable
    Object call(byte[]... args) throws IOException {
        if (!lock.tryLock()) {
            try (RespConnection extra = open()) {
                return extra.call(args);
            }
        }
        try {
            if (System.nanoTime() - usedAt > IDLE_NANOS && kept != null && kept.isClosed()) {
                drop();
            }
            RespConnection connection = kept == null ? open() : kept;
            kept = null;
            try {
                Object reply = connection.call(args);
                kept = connection;
                return reply;
            } catch (IllegalStateException error) {
                kept = connection;
                throw error;
            } finally {
                usedAt = System.nanoTime();
                if (kept == null) {
                    connection.close();
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private RespConnection open() throws IOException {
        return RespConnection.open(port, tls, TIMEOUT).login("AUTH", ServerAccess.ADMIN, ServerAccess.ADMIN_PASSWORD);
    }

    @Override
    public void close() {
        lock.lock();
        try {
            drop();
        } finally {
            lock.unlock();
        }
    }

    private void drop() {
        if (kept != null) {
            kept.close();
            kept = null;
        }
    }

    private static SSLSocketFactory trustingAnyone() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {new TrustsAnyone()}, null);
            return context.getSocketFactory();
        } catch (GeneralSecurityException e) {
            throw new UncheckedIOException(new IOException("this JDK has no TLS", e));
        }
    }

    /** The testkit must reach its server with every certificate it may be given, the expired one included. */
    private static final class TrustsAnyone implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
