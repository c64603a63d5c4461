package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * A lease in the store by which this client is the one that loads a key: a value that only this load has, under a key of its own, that ends by itself. It is renewed
 * at each third of its time until it is released. Whoever loses it, since the server died or this process stood still, loads on; so may another then.
 */
final class LoadLease {
    private static final Duration AT_ONCE = Duration.ofMillis(1);

    private final CacheStore store;
    private final String key;
    private final byte[] token;
    private final Duration span;
    private final EngineServices services;
    private volatile boolean over;
    private volatile Deadlines.@Nullable Deadline renewal;

    /** One that nobody has yet. {@code token}: what is to stand under {@code key}. */
    LoadLease(CacheStore store, String key, byte[] token, Duration span, EngineServices services) {
        this.store = store;
        this.key = key;
        this.token = token;
        this.span = span;
        this.services = services;
    }

    /** Tries to get it. Not as a change, which a server that is out would have to hear of. */
    boolean take() {
        return store.fill(key, null, token, span);
    }

    /** Has it renewed from now on. */
    void keep() {
        long next = services.deadlines().now() + span.dividedBy(3).toNanos();
        Deadlines.Deadline deadline = new Deadlines.Deadline() {
            @Override
            public long remainingNanos(long now) {
                return next - now;
            }

            @Override
            public void passed() {
                aside(LoadLease.this::renew);
            }
        };
        renewal = deadline;
        services.deadlines().watch(deadline);
        if (over) {
            services.deadlines().forget(deadline);
        }
    }

    /** Not on the thread of the deadlines, nor while a caller waits. */
    private void aside(Runnable step) {
        if (over) {
            return;
        }
        try {
            services.threads().calls().execute(step);
        } catch (RejectedExecutionException e) {
            over = true; // the client closes: it ends by itself
        }
    }

    private void renew() {
        if (over) {
            return;
        }
        try {
            over |= !lasts(span);
        } catch (CacheException | IllegalStateException e) {
            // It ends by itself, unless the next try gets through.
        }
        if (!over) {
            keep();
        }
    }

    /** Has it last so much longer if it is still there; returns whether it was. */
    private boolean lasts(Duration life) {
        try {
            return store.fill(key, token, token, life);
        } catch (CacheRejectedException e) {
            // A user who may not run scripts can't compare. That of whoever has it since gives way, which costs a load.
            store.fill(key, token, life);
            return true;
        }
    }

    /** Ends it soon, without waiting for the store. */
    void releaseAside() {
        aside(this::release);
    }

    /** Ends it. Throws nothing that a store throws: it would end by itself. */
    void release() {
        if (over) {
            return;
        }
        over = true;
        Deadlines.Deadline next = renewal;
        if (next != null) {
            services.deadlines().forget(next);
        }
        boolean interrupted = Thread.interrupted();
        try {
            boolean unused = lasts(AT_ONCE);
        } catch (CacheException | IllegalStateException e) {
            return;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
