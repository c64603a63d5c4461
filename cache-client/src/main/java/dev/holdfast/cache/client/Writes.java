package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStore;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What callers change in the store; each change wins over the loads under way. */
final class Writes<K, V> {
    /** Compare-and-set tries before giving up; each failure means that another caller got its change through. */
    private static final int ATTEMPTS = 100;

    private final CacheStore store;
    private final Entries<V> entries;
    private final Counters counters;
    private final Flights<K, V> flights;
    private final RetryPauses pauses;

    Writes(CacheStore store, Entries<V> entries, Counters counters, Flights<K, V> flights, RetryPauses pauses) {
        this.store = store;
        this.entries = entries;
        this.counters = counters;
        this.flights = flights;
        this.pauses = pauses;
    }

    void put(String storeKey, V value, CachePolicy policy) {
        Entries.Encoded encoded = entries.encode(value, policy);
        change(storeKey, "put", () -> {
            store.put(storeKey, encoded.entry(), encoded.ttl());
            return true;
        });
        counters.stored.increment();
    }

    void putAll(Map<String, V> values, CachePolicy policy) {
        if (values.isEmpty()) {
            return;
        }
        Map<String, byte[]> batch = new LinkedHashMap<>();
        values.forEach((storeKey, value) ->
                batch.put(storeKey, entries.encode(value, policy).entry()));
        change(batch.keySet(), "putAll", () -> store.putAll(batch, entries.ttlOfBatch(policy)));
        counters.stored.add(batch.size());
    }

    boolean putIfAbsent(String storeKey, V value, CachePolicy policy) {
        Entries.Encoded encoded = entries.encode(value, policy);
        boolean stored = change(storeKey, "putIfAbsent", () -> putIfAbsent(storeKey, encoded));
        if (stored) {
            counters.stored.increment();
        }
        return stored;
    }

    private boolean putIfAbsent(String storeKey, Entries.Encoded encoded) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            if (store.putIfAbsent(storeKey, encoded.entry(), encoded.ttl())) {
                return true;
            }
            byte[] present = store.get(storeKey);
            if (present == null) {
                continue;
            }
            if (entries.state(present, entries.now()) == Entries.State.FRESH
                    && entries.decode(storeKey, present, counters) != null) {
                return false;
            }
            // Stale, a remembered absence, or unreadable: absent to callers, so it gives way.
            if (store.replace(storeKey, present, encoded.entry(), encoded.ttl())) {
                return true;
            }
        }
        return false;
    }

    boolean replace(String storeKey, V expected, V value, CachePolicy policy) {
        Entries.Encoded encoded = entries.encode(value, policy);
        boolean replaced = change(storeKey, "replace", () -> replaceFresh(storeKey, encoded, expected));
        if (replaced) {
            counters.stored.increment();
        }
        return replaced;
    }

    private boolean replaceFresh(String storeKey, Entries.Encoded encoded, V expected) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            byte[] present = fresh(storeKey);
            V value = present == null ? null : entries.decode(storeKey, present, counters);
            if (present == null || value == null || !Objects.deepEquals(value, expected)) {
                return false;
            }
            if (store.replace(storeKey, present, encoded.entry(), encoded.ttl())) {
                return true;
            }
        }
        return false;
    }

    boolean markStale(String storeKey) {
        return change(storeKey, "markStale", () -> {
            for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
                byte[] present = store.get(storeKey);
                long now = entries.now();
                Entries.State state = present == null ? Entries.State.EXPIRED : entries.state(present, now);
                if (present == null || (state != Entries.State.FRESH && state != Entries.State.ABSENCE)) {
                    return false;
                }
                // A remembered absence has nothing that could stand in, and the next read is to load.
                if (state == Entries.State.ABSENCE && store.remove(storeKey, present)) {
                    return false;
                }
                if (state == Entries.State.FRESH && replaceByStale(storeKey, present, now)) {
                    return true;
                }
            }
            return false;
        });
    }

    private boolean replaceByStale(String storeKey, byte[] present, long now) {
        Duration left = Lifetime.remaining(Envelope.staleUntil(present), now);
        return store.replace(storeKey, present, entries.markedStale(present, now), left);
    }

    private byte @Nullable [] fresh(String storeKey) {
        byte[] present = store.get(storeKey);
        return present != null && entries.state(present, entries.now()) == Entries.State.FRESH ? present : null;
    }

    boolean remove(String storeKey) {
        boolean removed = change(storeKey, "remove", () -> store.remove(storeKey));
        counters.removals.increment();
        return removed;
    }

    void removeAll(Collection<String> storeKeys) {
        if (storeKeys.isEmpty()) {
            return;
        }
        change(storeKeys, "removeAll", () -> store.removeAll(storeKeys));
        counters.removals.add(storeKeys.size());
    }

    void clear(String prefix) {
        pauses.endAll();
        try {
            flights.changingAll(() -> store.removeByPrefix(prefix));
        } catch (CacheException e) {
            throw counted("clear", e);
        }
    }

    private <T> T change(String storeKey, String operation, Supplier<T> command) {
        pauses.end(storeKey);
        try {
            return flights.changing(storeKey, command);
        } catch (CacheException e) {
            throw counted(operation, e);
        }
    }

    private void change(Collection<String> storeKeys, String operation, Runnable command) {
        storeKeys.forEach(pauses::end);
        try {
            flights.changing(storeKeys, command);
        } catch (CacheException e) {
            throw counted(operation, e);
        }
    }

    private CacheException counted(String operation, CacheException e) {
        if (e instanceof CacheInterruptedException) {
            return e;
        }
        switch (operation) {
            case "remove", "removeAll", "markStale", "clear" -> counters.removalFailed(operation, e);
            default -> counters.writeFailed(operation, e);
        }
        return e;
    }
}
