package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Frees the first server of what is below the floors of caches that were cleared. Nobody who knows the floor reads it, but it takes room, and a
 * client that is not on the roll knows no floors. One prefix at a time, in no hurry, as often as it takes. For any number of threads.
 */
final class Sweeps {
    /** So many bytes of a value say when it was made. */
    static final int HEAD = 64;

    private static final Logger log = LoggerFactory.getLogger(FailoverStore.class);
    private static final long PAUSE = TimeUnit.SECONDS.toNanos(5);

    private final Tier first;
    private final ToLongFunction<byte[]> made;
    private final Workers workers;
    /** By prefix; at most one for each cache. */
    private final Map<String, Long> floors = new HashMap<>();

    private boolean running;

    /** {@code made}: when a value was made, by its first bytes. */
    Sweeps(Tier first, ToLongFunction<byte[]> made, Workers workers) {
        this.first = first;
        this.made = made;
        this.workers = workers;
    }

    /** Has what begins with a prefix and was made before a floor removed, some time. */
    synchronized void begin(String prefix, long floor) {
        floors.merge(prefix, floor, Math::max);
        if (!running) {
            running = true;
            workers.submit(this::run);
        }
    }

    private void run() {
        try {
            Map.Entry<String, Long> next = next();
            while (next != null) {
                sweep(next.getKey(), next.getValue());
                next = next();
            }
        } finally {
            ended();
        }
    }

    private synchronized void ended() {
        running = false;
    }

    /** Takes the next; {@code null}, and this has ended, if there is none. */
    private synchronized Map.@Nullable Entry<String, Long> next() {
        if (floors.isEmpty() || Thread.currentThread().isInterrupted()) {
            running = false;
            return null;
        }
        Map.Entry<String, Long> next = Map.entry(
                floors.keySet().iterator().next(), floors.values().iterator().next());
        floors.remove(next.getKey());
        return next;
    }

    private void sweep(String prefix, long floor) {
        try {
            first.store().sweep(prefix, HEAD, value -> made.applyAsLong(value) < floor);
        } catch (CacheTimeoutException e) {
            again(prefix, floor); // a minute was not enough, or the server stands still
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
        } catch (CacheUnavailableException e) {
            again(prefix, floor);
            LockSupport.parkNanos(PAUSE);
        } catch (RuntimeException e) {
            log.debug("what a cache was cleared of stays in its server until its time to live ends", e);
        }
    }

    private synchronized void again(String prefix, long floor) {
        floors.merge(prefix, floor, Math::max);
    }
}
