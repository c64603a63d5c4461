package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.EntryUse;
import dev.holdfast.cache.spi.ForwardingStore;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * A server below another, as it is seen in the present period: from when this client's calls began to come to it. What was made
 * before counts as absent, whoever stored it: it may have been removed or changed above in the meantime, and a server that several
 * clients share keeps what others stored there in an outage that this client had no part in. Values that don't say when they were
 * made are seen always.
 *
 * <p>{@link #remove(String)}, {@link #removeLeaving} and {@link #removeByPrefix} may count what is not seen.
 */
final class LowerServer extends ForwardingStore {
    /** The clocks of clients that share a server may differ by so much. */
    private static final long MARGIN_MILLIS = 1_000;

    private final InstantSource clock;
    private final ToLongFunction<byte[]> made;
    private final AtomicLong sinceMillis;

    /**
     * Creates one whose period is yet to {@link #begin}.
     *
     * @param made says when a value was made, in epoch milliseconds; {@link Long#MAX_VALUE} if it does not tell
     */
    LowerServer(CacheStore store, ToLongFunction<byte[]> made) {
        this(store, made, Clock.systemUTC());
    }

    /** {@code clock}: the one that values were made by. */
    LowerServer(CacheStore store, ToLongFunction<byte[]> made, InstantSource clock) {
        this(store, made, clock, new AtomicLong(Long.MIN_VALUE));
    }

    private LowerServer(CacheStore store, ToLongFunction<byte[]> made, InstantSource clock, AtomicLong sinceMillis) {
        super(store);
        this.made = made;
        this.clock = clock;
        this.sinceMillis = sinceMillis;
    }

    /** Begins another period, now. */
    void begin() {
        begin(clock.millis());
    }

    /** Begins another period. */
    void begin(long nowMillis) {
        sinceMillis.set(nowMillis - MARGIN_MILLIS);
    }

    private boolean isSeen(byte[] value) {
        return made.applyAsLong(value) >= sinceMillis.get();
    }

    private byte @Nullable [] seen(byte @Nullable [] value) {
        return value == null || isSeen(value) ? value : null;
    }

    @Override
    public byte @Nullable [] get(String key) {
        return seen(store().get(key));
    }

    @Override
    public byte @Nullable [] getShared(String key) {
        return seen(store().getShared(key));
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        try {
            return seen(store().getAll(keys));
        } catch (CacheUnavailableException e) {
            throw e.partialResult().isEmpty() ? e : partly(e);
        }
    }

    private Map<String, byte[]> seen(Map<String, byte[]> values) {
        Map<String, byte[]> found = new HashMap<>(values);
        found.values().removeIf(value -> !isSeen(value));
        return found;
    }

    private CacheUnavailableException partly(CacheUnavailableException e) {
        String message = String.valueOf(e.getMessage());
        Map<String, byte[]> found = seen(e.partialResult());
        return e instanceof CacheTimeoutException
                ? new CacheTimeoutException(message, e, e.outcomeUnknown(), e.failedKeys(), found)
                : new CacheUnavailableException(message, e, e.reason(), e.outcomeUnknown(), e.failedKeys(), found);
    }

    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        if (seen != null) {
            return isSeen(seen) && store().fill(key, seen, value, ttl);
        }
        if (store().fill(key, null, value, ttl)) {
            return true;
        }
        byte[] there = store().get(key);
        return there != null && !isSeen(there) && store().fill(key, there, value, ttl);
    }

    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        Map<String, byte[]> fills = new HashMap<>(entries);
        fills.keySet().removeIf(key -> seen.containsKey(key) && !isSeen(seen.get(key)));
        Set<String> changed = new HashSet<>(entries.keySet());
        changed.removeAll(fills.keySet());
        changed.addAll(store().fillAll(fills, seen, ttl));
        List<String> absent =
                changed.stream().filter(key -> !seen.containsKey(key)).toList();
        if (!absent.isEmpty()) {
            fillOverUnseen(entries, absent, ttl, changed);
        }
        return changed;
    }

    /** Stores over what is not seen, and takes those keys out of the changed ones. */
    private void fillOverUnseen(Map<String, byte[]> entries, List<String> absent, Duration ttl, Set<String> changed) {
        Map<String, byte[]> unseen = new HashMap<>(store().getAll(absent));
        unseen.values().removeIf(this::isSeen);
        Map<String, byte[]> again = new HashMap<>(entries);
        again.keySet().retainAll(unseen.keySet());
        if (!again.isEmpty()) {
            changed.removeAll(again.keySet());
            changed.addAll(store().fillAll(again, unseen, ttl));
        }
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        return store().putIfAbsent(key, value, ttl) || (dropUnseen(key) && store().putIfAbsent(key, value, ttl));
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        return isSeen(expected) && store().replace(key, expected, value, ttl);
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        return isSeen(expected) && store().remove(key, expected);
    }

    @Override
    public boolean contains(String key) {
        return get(key) != null;
    }

    @Override
    public @Nullable Duration ttl(String key) {
        Duration ttl = store().ttl(key);
        return ttl != null && contains(key) ? ttl : null;
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        CacheStore.ttlMillis(ttl);
        return contains(key) && store().expire(key, ttl);
    }

    /** Removes what is not seen; returns whether there was such. */
    private boolean dropUnseen(String key) {
        byte[] value = store().get(key);
        return value != null && !isSeen(value) && store().remove(key, value);
    }

    @Override
    public CacheStore within(Duration limit) {
        return new LowerServer(store().within(limit), made, clock, sinceMillis);
    }

    /** What is read where it stands would be seen whenever it was made. */
    @Override
    public @Nullable EntryUse use(String prefix) {
        return null;
    }

    @Override
    public Tracking track(String prefix, Stamps stamps) {
        return new SeenReads(store().track(prefix, stamps));
    }

    /** Reads that may be kept, of what is seen: that a value is not seen is no change that anybody tells of, so it is not kept. */
    private final class SeenReads implements Tracking {
        private final Tracking tracking;

        SeenReads(Tracking tracking) {
            this.tracking = tracking;
        }

        @Override
        public Covered get(String key) {
            Covered found = tracking.get(key);
            byte[] value = found.value();
            return value == null || isSeen(value) ? found : new Covered(null, null);
        }

        @Override
        public Map<String, Covered> getAll(Collection<String> keys) {
            Map<String, Covered> found;
            try {
                found = new HashMap<>(tracking.getAll(keys));
            } catch (CacheUnavailableException e) {
                throw e.partialResult().isEmpty() ? e : partly(e);
            }
            found.values().removeIf(each -> each.value() != null && !isSeen(each.value()));
            return found;
        }

        @Override
        public boolean isPossible() {
            return tracking.isPossible();
        }

        @Override
        public State state() {
            return tracking.state();
        }

        @Override
        public void close() {
            tracking.close();
        }
    }
}
