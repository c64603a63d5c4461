package dev.holdfast.cache.redis;

import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.internal.Backoff;
import dev.holdfast.cache.internal.IsolatedThreads;
import java.time.Duration;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a store's open connections logged in with credentials that rotate, on a thread of its own, which there is only for those. It
 * asks for new ones before the present ones expire, when a file holds others, and when the provider says that they changed; then, and
 * about once a second, it has connections logged in anew that still have others. Thread-safe.
 */
public final class Rotation implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Rotation.class);

    private final Login login;
    private final Consumer<Authentication> connections;
    private final String name;
    private final ThreadFactory threads;
    private final AtomicBoolean started = new AtomicBoolean();
    private final Backoff registering = new Backoff(Duration.ofSeconds(1), Duration.ofMinutes(1));
    private volatile @Nullable Thread thread;
    private volatile boolean closed;
    private volatile boolean changed;

    /** Whether what a change brought is still to be asked for; of the thread. */
    private boolean owed;

    private boolean failing;
    private CredentialsProvider.@Nullable Registration registration;

    /**
     * Creates one that does nothing yet.
     *
     * @param login what connections log in with
     * @param connections logs in anew whichever connections have other words than these; blocks for a bounded time, and may throw
     * @param name the thread's
     */
    public Rotation(Login login, Consumer<Authentication> connections, String name) {
        this(login, connections, name, task -> IsolatedThreads.thread(task, name));
    }

    Rotation(Login login, Consumer<Authentication> connections, String name, ThreadFactory threads) {
        this.login = login;
        this.connections = connections;
        this.name = name;
        this.threads = threads;
    }

    /**
     * Starts it, if there is anything to rotate and nobody did before; for whoever has opened a connection.
     *
     * @throws OutOfMemoryError if there is no thread for it; the next call tries again
     */
    public void start() {
        if (login.rotates() && !started.get() && !closed && started.compareAndSet(false, true)) {
            boolean runs = false;
            try {
                Thread made = threads.newThread(this::run);
                thread = made;
                made.start();
                runs = true;
            } finally {
                if (!runs) {
                    started.set(false);
                }
            }
        }
    }

    private void run() {
        try {
            while (!closed) {
                register();
                if (!changed) {
                    LockSupport.parkNanos(this, login.pause().toNanos());
                }
                if (!closed) {
                    turn();
                }
                // A provider that was interrupted, or says so, must not keep the next pause from being one.
                Thread.interrupted();
            }
        } finally {
            if (registration != null) {
                registration.close();
            }
        }
    }

    /** Has the provider tell of changes. What changed before it did so is asked for at once. */
    private void register() {
        if (registration != null || registering.remaining(System.nanoTime()).toNanos() > 0) {
            return;
        }
        try {
            registration = login.onChange(this::hasChanged);
            changed = true;
        } catch (Throwable e) {
            registering.failed(System.nanoTime());
            if (registering.failures() == 1) {
                warn("the provider does not tell of changes", e);
            }
        }
    }

    private void hasChanged() {
        changed = true;
        LockSupport.unpark(thread);
    }

    private void turn() {
        try {
            if (changed) {
                owed = true;
                changed = false;
            }
            if (owed) {
                Authentication unused = login.ask();
                owed = false;
            } else {
                login.askIfDue();
            }
            Authentication words = login.latest();
            if (words != null && !closed) {
                connections.accept(words);
            }
            failing = false;
        } catch (Throwable e) {
            // Whatever it was: nobody else asks.
            if (!failing) {
                failing = true;
                warn("open connections stay logged in as they are", e);
            }
        }
    }

    private void warn(String what, Throwable e) {
        if (closed) {
            return;
        }
        try {
            LOG.warn("{}: {}: {}", name, what, e instanceof Error ? e.toString() : e.getMessage());
        } catch (Throwable alsoThis) {
            // Not even memory to say so.
        }
    }

    /** Ends it. Idempotent; waits for nothing. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
