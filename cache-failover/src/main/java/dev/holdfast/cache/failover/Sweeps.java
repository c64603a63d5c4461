package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Roll;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Frees the first server of what is below the floors of caches that were cleared. Nobody who knows the floor reads it, but it takes room, and a
 * client that is not on the roll knows no floors. One prefix at a time, in no hurry, as often as it takes, and by one client of the server at a time: each
 * leaves nine tenths of the server's time to others, and ten would leave none. Whoever finds that another has got as far has nothing to do. For any
 * number of threads.
 */
final class Sweeps {
    /** So many bytes of a value say when it was made. */
    static final int HEAD = 64;

    private static final Logger log = LoggerFactory.getLogger(FailoverStore.class);
    private static final long PAUSE = TimeUnit.SECONDS.toNanos(5);

    /** Who holds it sweeps. */
    private static final String LEASE = Roll.PREFIX + "sweep";

    /** Before the prefix: up to which floor it was swept. */
    private static final String SWEPT = Roll.PREFIX + "swept:";

    /** Longer than a sweep takes before it is begun again. */
    private static final Duration LEASE_LIFE = CacheStore.PREFIX_REMOVAL_LIMIT.plus(Duration.ofSeconds(30));

    private static final Duration SWEPT_LIFE = Duration.ofHours(1);

    private final Tier first;
    private final byte[] holder;
    private final ToLongFunction<String> known;
    private final ToLongFunction<byte[]> made;
    private final Workers workers;
    /** By prefix; at most one for each cache. */
    private final Map<String, Long> floors = new HashMap<>();

    private boolean running;

    /**
     * Makes one that has nothing to do.
     *
     * @param made when a value was made, by its first bytes
     * @param known the highest floor that is known of a prefix
     */
    Sweeps(Tier first, ToLongFunction<byte[]> made, ToLongFunction<String> known, Workers workers) {
        this.first = first;
        this.holder = UUID.randomUUID().toString().getBytes(StandardCharsets.US_ASCII);
        this.known = known;
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
        } catch (Throwable e) {
            ended();
            throw e;
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
        CacheStore store = first.store();
        try {
            if (sweptUpTo(store, prefix) >= floor) {
                return;
            }
            if (!holdsLease(store)) {
                again(prefix, floor);
                LockSupport.parkNanos(PAUSE);
                return;
            }
            // What others have cleared since is done with it, so that they need not.
            long reach = Math.max(floor, known.applyAsLong(prefix));
            store.sweep(prefix, HEAD, value -> made.applyAsLong(value) < reach);
            swept(store, prefix, reach);
        } catch (CacheTimeoutException e) {
            again(prefix, floor); // a minute was not enough, or the server stands still; the lease is kept
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
        } catch (CacheUnavailableException e) {
            again(prefix, floor);
            LockSupport.parkNanos(PAUSE);
        } catch (RuntimeException e) {
            log.debug("what a cache was cleared of stays in its server until its time to live ends", e);
        }
    }

    private static long sweptUpTo(CacheStore store, String prefix) {
        try {
            byte[] mark = store.get(SWEPT + prefix);
            return mark != null && mark.length == Long.BYTES
                    ? ByteBuffer.wrap(mark).getLong()
                    : Long.MIN_VALUE;
        } catch (CacheRejectedException e) {
            return Long.MIN_VALUE;
        }
    }

    /** Where there is no room for it, or no right to it, there is none, and much to be freed. */
    private boolean holdsLease(CacheStore store) {
        try {
            return store.putIfAbsent(LEASE, holder, LEASE_LIFE) || store.replace(LEASE, holder, holder, LEASE_LIFE);
        } catch (CacheRejectedException e) {
            return true;
        }
    }

    private void swept(CacheStore store, String prefix, long reach) {
        try {
            store.put(
                    SWEPT + prefix,
                    ByteBuffer.allocate(Long.BYTES).putLong(reach).array(),
                    SWEPT_LIFE);
            boolean unused = store.remove(LEASE, holder);
        } catch (CacheRejectedException e) {
            log.debug("others do not learn that a cache was swept", e);
        }
    }

    private synchronized void again(String prefix, long floor) {
        floors.merge(prefix, floor, Math::max);
    }
}
