package dev.holdfast.cache.internal;

import java.security.AccessController;
import java.security.PrivilegedAction;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Factories of daemon threads that inherit nothing from the thread that happens to make them, for implementations of stores and
 * clients: no inheritable thread-local, no context class loader and no access control context. A thread of a pool is made for
 * whichever caller comes first and serves all later ones, so that whatever it inherited would be seen by strangers, and would
 * keep an application that was undeployed in memory.
 *
 * <p>Thread-safe; so are the factories.
 */
public final class IsolatedThreads {
    private static final @Nullable Object VIRTUAL = virtualBuilder();

    private IsolatedThreads() {}

    /**
     * Returns a factory of platform threads.
     *
     * @param name what the threads' names begin with; {@code -1}, {@code -2} and so on follow
     */
    public static ThreadFactory platform(String name) {
        AtomicLong number = new AtomicLong();
        return task -> thread(task, name + '-' + number.incrementAndGet());
    }

    /**
     * Returns a factory of virtual threads.
     *
     * @param name what the threads' names begin with; {@code -1}, {@code -2} and so on follow
     * @return empty where the JVM has no virtual threads, or has them only as a preview
     */
    public static Optional<ThreadFactory> virtual(String name) {
        if (VIRTUAL == null) {
            return Optional.empty();
        }
        try {
            Class<?> type = Class.forName("java.lang.Thread$Builder");
            // Builders change in place, so each factory gets a builder of its own.
            Object builder = type.getMethod("inheritInheritableThreadLocals", boolean.class)
                    .invoke(Thread.class.getMethod("ofVirtual").invoke(null), false);
            builder = type.getMethod("name", String.class, long.class).invoke(builder, name + '-', 1L);
            ThreadFactory threads = (ThreadFactory) type.getMethod("factory").invoke(builder);
            return Optional.of(task -> isolated(() -> threads.newThread(task)));
        } catch (ReflectiveOperationException e) {
            return Optional.empty();
        }
    }

    /**
     * Makes one platform thread, not yet started.
     *
     * @param task what it runs
     * @param name its whole name
     */
    public static Thread thread(Runnable task, String name) {
        Thread made = isolated(() -> new Thread(null, task, name, 0, false));
        made.setDaemon(true);
        return made;
    }

    // A new thread keeps the access control context of its maker, and with it the class loaders of all who called: on
    // Java 17
    // always. Called with privileges, the context ends here.
    @SuppressWarnings("removal")
    private static Thread isolated(PrivilegedAction<Thread> maker) {
        Thread made = AccessController.doPrivileged(maker);
        made.setContextClassLoader(IsolatedThreads.class.getClassLoader());
        return made;
    }

    private static @Nullable Object virtualBuilder() {
        try {
            return Thread.class.getMethod("ofVirtual").invoke(null);
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }
}
