package dev.holdfast.cache.redis;

import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.IsolatedThreads;
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
    private final AtomicBoolean started = new AtomicBoolean();
    private volatile @Nullable Thread thread;
    private volatile boolean closed;
    private volatile boolean changed;
    private boolean failing;

    /**
     * Creates one that does nothing yet.
     *
     * @param login what connections log in with
     * @param connections logs in anew whichever connections have other words than these; blocks for a bounded time, and may throw
     * @param name the thread's
     */
    public Rotation(Login login, Consumer<Authentication> connections, String name) {
        this.login = login;
        this.connections = connections;
        this.name = name;
    }

    /** Starts it, if there is anything to rotate and nobody did before; for whoever has opened a connection. */
    public void start() {
        if (login.rotates() && !started.get() && !closed && started.compareAndSet(false, true)) {
            Thread made = IsolatedThreads.thread(this::run, name);
            thread = made;
            made.start();
        }
    }

    private void run() {
        CredentialsProvider.Registration registration = login.onChange(this::hasChanged);
        try {
            while (!closed) {
                if (!changed) {
                    LockSupport.parkNanos(this, login.pause().toNanos());
                }
                if (!closed) {
                    turn();
                }
            }
        } finally {
            registration.close();
        }
    }

    private void hasChanged() {
        changed = true;
        LockSupport.unpark(thread);
    }

    private void turn() {
        try {
            if (changed) {
                changed = false;
                Authentication unused = login.ask();
            } else {
                login.askIfDue();
            }
            Authentication words = login.latest();
            if (words != null && !closed) {
                connections.accept(words);
            }
            failing = false;
        } catch (CredentialsException | RuntimeException e) {
            if (!failing && !closed) {
                failing = true;
                LOG.warn("{}: open connections stay logged in as they are: {}", name, e.getMessage());
            }
        }
    }

    /** Ends it. Idempotent; waits for nothing. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
