package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.spi.CacheStore;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What callers change in the store; each change wins over the loads under way. */
final class Writes<K, V> {
    private final CacheStore store;
    private final CompareAndSet<V> comparing;
    private final Entries<V> entries;
    private final Counters counters;
    private final Flights<K, V> flights;
    private final RetryPauses pauses;
    private final Tombstones tombstones;
    private final Tags tags;
    private final @Nullable Near<K, V> near;

    Writes(EngineParts<K, V> cache) {
        this.store = cache.store();
        this.comparing = new CompareAndSet<>(cache);
        this.entries = cache.entries();
        this.counters = cache.counters();
        this.flights = cache.flights();
        this.pauses = cache.pauses();
        this.tombstones = cache.tombstones();
        this.tags = cache.tags();
        this.near = cache.near();
    }

    void put(String storeKey, V value, CachePolicy policy) {
        put("put", storeKey, encode("put", storeKey, value, policy));
        counters.stored.increment();
    }

    private void put(String operation, String storeKey, Entries.Encoded encoded) {
        change(storeKey, operation, () -> {
            store.put(storeKey, encoded.entry(), encoded.ttl());
            return true;
        });
    }

    void putAll(Map<String, V> values, CachePolicy policy) {
        if (values.isEmpty()) {
            return;
        }
        Map<String, byte[]> batch = new LinkedHashMap<>();
        Map<String, Long> numbers = tagsOf("putAll", policy);
        values.forEach((storeKey, value) -> batch.put(
                storeKey, entries.encode(storeKey, value, policy, numbers).entry()));
        change(batch.keySet(), "putAll", () -> store.putAll(batch, entries.ttlOfBatch(policy)));
        counters.stored.add(batch.size());
    }

    boolean putIfAbsent(String storeKey, V value, CachePolicy policy) {
        Entries.Encoded encoded = encode("putIfAbsent", storeKey, value, policy);
        boolean stored = changeIf(storeKey, "putIfAbsent", () -> comparing.putIfAbsent(storeKey, encoded));
        if (stored) {
            counters.stored.increment();
        }
        return stored;
    }

    boolean replace(String storeKey, V expected, V value, CachePolicy policy) {
        Entries.Encoded encoded = encode("replace", storeKey, value, policy);
        boolean replaced = changeIf(
                storeKey,
                "replace",
                () -> comparing.changeFresh(
                        "replace",
                        storeKey,
                        present -> Objects.deepEquals(present, expected),
                        present -> store.replace(storeKey, present, encoded.entry(), encoded.ttl())));
        if (replaced) {
            counters.stored.increment();
        }
        return replaced;
    }

    /** Gives a fresh value another time to live. */
    boolean expire(String storeKey, CachePolicy policy) {
        if (entries.isRaw()) {
            return change(storeKey, "expire", () -> store.expire(storeKey, policy.ttl()));
        }
        return changeIf(
                storeKey,
                "expire",
                () -> comparing.changeFresh("expire", storeKey, value -> true, present -> {
                    // So that its tags last as long; whether one was removed meanwhile, the entry's own numbers say.
                    Map<String, Long> unused =
                            tags.toStore(entries.tags(present).keySet(), Tags.lifeOf(policy));
                    Entries.Encoded renewed = entries.renewed(present, policy);
                    return store.replace(storeKey, present, renewed.entry(), renewed.ttl());
                }));
    }

    /** Remembers that the source has no value, for as long as the policy says. */
    void putAbsent(String storeKey, CachePolicy policy) {
        Map<String, Long> numbers = tagsOf("putAbsent", policy);
        put("putAbsent", storeKey, entries.encodeAbsence(storeKey, policy.rememberAbsence(), entries.begin(), numbers));
    }

    /** Removes what is expected to be there. */
    boolean remove(String storeKey, V expected) {
        boolean removed = changeIf(
                storeKey,
                "remove",
                () -> comparing.changeFresh(
                        "remove",
                        storeKey,
                        value -> Objects.deepEquals(value, expected),
                        present -> tombstones.remove(storeKey, present)));
        if (removed) {
            counters.removals.increment();
        }
        return removed;
    }

    /**
     * Removes what is there and returns it if it was fresh. Always asks for a change, as {@link #markStale} does and for its reason, but for one that does
     * nothing to what another caller has stored meanwhile.
     */
    @Nullable
    V getAndRemove(String storeKey) {
        Optional<V> taken = change(storeKey, "remove", () -> comparing.take(storeKey));
        counters.removals.increment();
        return taken.orElse(null);
    }

    /**
     * Always changes the store, if only by writing what is there once more: to a composite whose first server is out, a change is what
     * keeps that server's own copy from coming back fresh. An entry that can't be compared with what was read is removed, which is the
     * stronger invalidation.
     */
    boolean markStale(String storeKey) {
        return change(storeKey, "markStale", () -> comparing.markStale(storeKey));
    }

    boolean remove(String storeKey) {
        boolean removed = change(storeKey, "remove", () -> tombstones.remove(storeKey));
        counters.removals.increment();
        return removed;
    }

    void removeAll(Collection<String> storeKeys) {
        if (storeKeys.isEmpty()) {
            return;
        }
        change(storeKeys, "removeAll", () -> tombstones.removeAll(storeKeys));
        counters.removals.add(storeKeys.size());
    }

    /** Encodes a value under the tags of its policy, as they stand. */
    private Entries.Encoded encode(String operation, String storeKey, V value, CachePolicy policy) {
        return entries.encode(storeKey, value, policy, tagsOf(operation, policy));
    }

    private Map<String, Long> tagsOf(String operation, CachePolicy policy) {
        try {
            return tags.toStore(policy.tags(), Tags.lifeOf(policy));
        } catch (CacheException e) {
            throw counted(operation, e);
        }
    }

    void removeByTag(String tag, CachePolicy policy) {
        changeTag("removeByTag", tag, () -> tags.remove(tag, policy));
        counters.removals.increment();
    }

    void markStaleByTag(String tag, CachePolicy policy) {
        changeTag("markStale", tag, () -> tags.markStale(tag, policy));
    }

    private void changeTag(String operation, String tag, Runnable command) {
        try {
            command.run();
        } catch (CacheException e) {
            throw counted(operation, e);
        } finally {
            flights.overtake(tag);
        }
    }

    void clear(String prefix) {
        try {
            flights.changingAll(() -> entries.clear() ? 0L : store.removeByPrefix(prefix));
        } catch (CacheException e) {
            throw counted("clear", e);
        } finally {
            pauses.endAll();
        }
        if (near != null) {
            near.forgetAll();
        }
    }

    /** Runs a change that may turn out to be none. */
    private boolean changeIf(String storeKey, String operation, BooleanSupplier command) {
        try {
            boolean changed = flights.changingIf(storeKey, command);
            if (changed) {
                pauses.end(storeKey);
            }
            return changed;
        } catch (CacheException e) {
            throw counted(operation, e);
        }
    }

    private <T> T change(String storeKey, String operation, Supplier<T> command) {
        try {
            return flights.changing(storeKey, command);
        } catch (CacheException e) {
            throw counted(operation, e);
        } finally {
            pauses.end(storeKey);
        }
    }

    private void change(Collection<String> storeKeys, String operation, Runnable command) {
        try {
            flights.changing(storeKeys, command);
        } catch (CacheException e) {
            throw counted(operation, e);
        } finally {
            storeKeys.forEach(pauses::end);
        }
    }

    private CacheException counted(String operation, CacheException e) {
        if (e instanceof CacheInterruptedException) {
            return e;
        }
        switch (operation) {
            case "remove", "removeAll", "removeByTag", "markStale", "expire", "clear" ->
                counters.removalFailed(operation, e);
            default -> counters.writeFailed(operation, e);
        }
        return e;
    }
}
