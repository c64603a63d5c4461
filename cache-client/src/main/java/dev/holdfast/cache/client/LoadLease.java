package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheStore;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;

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

    /** {@code token}: what stands under {@code key} by now. */
    LoadLease(CacheStore store, String key, byte[] token, Duration span, EngineServices services) {
        this.store = store;
        this.key = key;
        this.token = token;
        this.span = span;
        this.services = services;
    }

    /** Has it renewed from now on. */
    void keep() {
        long next = services.deadlines().now() + span.dividedBy(3).toNanos();
        services.deadlines().watch(new Deadlines.Deadline() {
            @Override
            public long remainingNanos(long now) {
                return next - now;
            }

            @Override
            public void passed() {
                renewAside();
            }
        });
    }

    private void renewAside() {
        if (over) {
            return;
        }
        try {
            services.threads().calls().execute(this::renew);
        } catch (RejectedExecutionException e) {
            over = true; // the client closes: it ends by itself
        }
    }

    private void renew() {
        if (over) {
            return;
        }
        try {
            over |= !store.fill(key, token, token, span);
        } catch (CacheException | IllegalStateException e) {
            // It ends by itself, unless the next try gets through.
        }
        if (!over) {
            keep();
        }
    }

    /** Lets it end by itself. */
    void leave() {
        over = true;
    }

    /** Ends it. Throws nothing that a store throws: it would end by itself. */
    void release() {
        if (over) {
            return;
        }
        over = true;
        boolean interrupted = Thread.interrupted();
        try {
            boolean unused = store.fill(key, token, token, AT_ONCE);
        } catch (CacheException | IllegalStateException e) {
            return;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
