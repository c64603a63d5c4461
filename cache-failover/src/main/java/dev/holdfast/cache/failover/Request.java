package dev.holdfast.cache.failover;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a caller asked for.
 *
 * @param keys the keys; of a prefix removal, the prefix
 * @param several whether it takes several keys, so that its exception has to tell them apart
 * @param ttlNanos how long what it stores may live; 0 if it stores nothing
 * @param delta what an increment adds
 * @param found where a read of several keys gathers what it finds
 */
record Request(Kind kind, List<String> keys, boolean several, long ttlNanos, long delta, Map<String, byte[]> found) {

    Request {
        // What is wrong with an argument is said before a store sees it: whatever a store throws is then the store's
        // doing.
        keys.forEach(KeyPrefix.NONE::checkedKey);
    }

    private Request(Kind kind, List<String> keys, boolean several, long ttlNanos, long delta) {
        this(kind, keys, several, ttlNanos, delta, new HashMap<>());
    }

    /** What stores nothing. */
    static Request of(Kind kind, String key) {
        return new Request(kind, List.of(key), false, 0, 0);
    }

    /** What stores nothing, for several keys. */
    static Request of(Kind kind, Collection<String> keys) {
        return new Request(kind, keys.stream().distinct().toList(), true, 0, 0);
    }

    static Request write(Kind kind, String key, Duration ttl) {
        return new Request(kind, List.of(key), false, nanos(ttl), 0);
    }

    static Request write(Kind kind, Map<String, byte[]> entries, Duration ttl) {
        entries.values().forEach(Objects::requireNonNull);
        return new Request(kind, List.copyOf(entries.keySet()), true, nanos(ttl), 0);
    }

    static Request count(String key, long delta, Duration ttl) {
        return new Request(Kind.COUNT, List.of(key), false, nanos(ttl), delta);
    }

    /** How long a write may live, at most; more than a lifetime counts as forever. */
    private static long nanos(Duration ttl) {
        long millis = CacheStore.ttlMillis(ttl);
        return millis >= Long.MAX_VALUE / 4_000_000 ? Long.MAX_VALUE / 4 : millis * 1_000_000;
    }
}
