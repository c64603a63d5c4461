package dev.holdfast.cache.upstash;

import dev.holdfast.cache.internal.IsolatedThreads;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import okhttp3.ConnectionPool;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * Gives OkHttp threads of one store's own for what it does in the background, closing idle connections and reading HTTP/2: they
 * inherit nothing, and end a second after their last work. By itself OkHttp has one pool for the whole process, made by
 * whichever caller comes first, whose threads keep that caller's class loader for a minute after the last connection.
 *
 * <p>OkHttp has this as a parameter of its own tests only. Where it can't be reached, in another version or on the module path,
 * OkHttp's own pool is used.
 */
final class OkHttpThreads {
    private static final String PACKAGE = "okhttp3.internal.concurrent.";

    private final @Nullable Object runner;

    OkHttpThreads() {
        this.runner = runner();
    }

    /** Whether OkHttp takes them. */
    boolean areOurs() {
        return runner != null;
    }

    void use(OkHttpClient.Builder client) {
        if (runner == null) {
            return;
        }
        try {
            OkHttpClient.Builder.class
                    .getMethod("taskRunner$okhttp", Class.forName(PACKAGE + "TaskRunner"))
                    .invoke(client, runner);
        } catch (ReflectiveOperationException | RuntimeException e) {
            // OkHttp's own pool it is.
        }
    }

    ConnectionPool pool(int maxIdle, long keepAliveSeconds) {
        ConnectionPool plain = new ConnectionPool(maxIdle, keepAliveSeconds, TimeUnit.SECONDS);
        if (runner == null) {
            return plain;
        }
        try {
            Class<?> listener = Class.forName("okhttp3.internal.connection.ConnectionListener");
            Object none = ConnectionPool.class
                    .getMethod("getConnectionListener$okhttp")
                    .invoke(plain);
            return ConnectionPool.class
                    .getConstructor(
                            int.class, long.class, TimeUnit.class, Class.forName(PACKAGE + "TaskRunner"), listener)
                    .newInstance(maxIdle, keepAliveSeconds, TimeUnit.SECONDS, runner, none);
        } catch (ReflectiveOperationException | RuntimeException e) {
            return plain;
        }
    }

    private static @Nullable Object runner() {
        try {
            ThreadFactory threads = IsolatedThreads.platform("holdfast-upstash-okhttp");
            Constructor<?> backend =
                    Class.forName(PACKAGE + "TaskRunner$RealBackend").getConstructor(ThreadFactory.class);
            Object made = backend.newInstance(threads);
            ThreadPoolExecutor executor = (ThreadPoolExecutor)
                    backend.getDeclaringClass().getMethod("getExecutor").invoke(made);
            executor.setKeepAliveTime(1, TimeUnit.SECONDS);
            // It wants a logger of a package that this module does not read: OkHttp's own.
            Class<?> type = Class.forName(PACKAGE + "TaskRunner");
            Object theirs = type.getField("INSTANCE").get(null);
            Method logger = type.getMethod("getLogger$okhttp");
            return type.getConstructor(Class.forName(PACKAGE + "TaskRunner$Backend"), logger.getReturnType())
                    .newInstance(made, logger.invoke(theirs));
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            return null;
        }
    }
}
