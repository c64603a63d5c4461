package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What callers change in the store; each change wins over the loads under way. */
final class Writes<K, V> {
    /**
     * Compare-and-set tries before giving up. A failure means that another caller got its change through, or that reads come from a
     * replica that is behind: then none ever succeeds.
     */
    private static final int ATTEMPTS = 100;

    /** What no caller stores: a value of 16 random bytes. */
    private static final byte[] NOBODYS = nobodys();

    private final CacheStore store;
    private final Reads<V> reads;
    private final Entries<V> entries;
    private final Counters counters;
    private final Flights<K, V> flights;
    private final RetryPauses pauses;
    private final Removals removals;
    private final Tags tags;

    Writes(
            CacheStore store,
            Reads<V> reads,
            Entries<V> entries,
            Counters counters,
            Flights<K, V> flights,
            RetryPauses pauses,
            Removals removals,
            Tags tags) {
        this.store = store;
        this.reads = reads;
        this.entries = entries;
        this.counters = counters;
        this.flights = flights;
        this.pauses = pauses;
        this.removals = removals;
        this.tags = tags;
    }

    private static byte[] nobodys() {
        byte[] value = new byte[16];
        ThreadLocalRandom.current().nextBytes(value);
        return value;
    }

    void put(String storeKey, V value, CachePolicy policy) {
        Entries.Encoded encoded = encode("put", storeKey, value, policy);
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
        Map<String, Long> numbers = tagsOf("putAll", policy);
        values.forEach((storeKey, value) -> batch.put(
                storeKey, entries.encode(storeKey, value, policy, numbers).entry()));
        change(batch.keySet(), "putAll", () -> store.putAll(batch, entries.ttlOfBatch(policy)));
        counters.stored.add(batch.size());
    }

    boolean putIfAbsent(String storeKey, V value, CachePolicy policy) {
        Entries.Encoded encoded = encode("putIfAbsent", storeKey, value, policy);
        boolean stored = changeIf(storeKey, "putIfAbsent", () -> putIfAbsent(storeKey, encoded));
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
            if (reads.found(storeKey, present).fresh() != null) {
                return false;
            }
            // Stale, a remembered absence, or unreadable: absent to callers, so it gives way.
            if (store.replace(storeKey, present, encoded.entry(), encoded.ttl())) {
                return true;
            }
        }
        throw givenUp("putIfAbsent");
    }

    /** Nothing was changed, and why can't be told: an answer would be a guess. */
    private CacheException givenUp(String operation) {
        return new CacheUnavailableException(
                operation + ": " + ATTEMPTS + " times what was read from the tier " + store.tierName()
                        + " was not what stood there; nothing was changed",
                null,
                Reason.PARTIAL,
                false);
    }

    boolean replace(String storeKey, V expected, V value, CachePolicy policy) {
        Entries.Encoded encoded = encode("replace", storeKey, value, policy);
        boolean replaced = changeIf(storeKey, "replace", () -> replaceFresh(storeKey, encoded, expected));
        if (replaced) {
            counters.stored.increment();
        }
        return replaced;
    }

    private boolean replaceFresh(String storeKey, Entries.Encoded encoded, V expected) {
        return changeFresh(
                "replace",
                storeKey,
                value -> Objects.deepEquals(value, expected),
                present -> store.replace(storeKey, present, encoded.entry(), encoded.ttl()));
    }

    /** Tries a change of the fresh entry that is there until none comes in between; {@code false} if there is none, or not one that is wanted. */
    private boolean changeFresh(
            String operation, String storeKey, Predicate<V> wanted, Predicate<byte[]> comparedChange) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            long trusted = entries.trustedUntil();
            byte[] present = store.get(storeKey);
            V value = reads.found(storeKey, present, trusted).fresh();
            if (present == null || value == null || !wanted.test(value)) {
                return false;
            }
            if (comparedChange.test(present)) {
                return true;
            }
        }
        throw givenUp(operation);
    }

    /** Gives a fresh value another time to live. */
    boolean expire(String storeKey, CachePolicy policy) {
        if (entries.isRaw()) {
            return change(storeKey, "expire", () -> store.expire(storeKey, policy.ttl()));
        }
        return changeIf(
                storeKey,
                "expire",
                () -> changeFresh("expire", storeKey, value -> true, present -> {
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
        Entries.Encoded absence = entries.encodeAbsence(storeKey, policy.rememberAbsence(), entries.begin(), numbers);
        change(storeKey, "putAbsent", () -> {
            store.put(storeKey, absence.entry(), absence.ttl());
            return true;
        });
    }

    /** Removes what is expected to be there. */
    boolean remove(String storeKey, V expected) {
        boolean removed = changeIf(
                storeKey,
                "remove",
                () -> changeFresh(
                        "remove",
                        storeKey,
                        value -> Objects.deepEquals(value, expected),
                        present -> removals.remove(storeKey, present)));
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
        Optional<V> taken = change(storeKey, "remove", () -> {
            for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
                long trusted = entries.trustedUntil();
                byte[] present = store.get(storeKey);
                V value = reads.found(storeKey, present, trusted).fresh();
                if (present == null ? removals.removeAbsent(storeKey, NOBODYS) : removals.remove(storeKey, present)) {
                    return Optional.ofNullable(value);
                }
            }
            throw givenUp("getAndRemove");
        });
        counters.removals.increment();
        return taken.orElse(null);
    }

    /**
     * Always changes the store, if only by writing what is there once more: to a composite whose first server is out, a change is what
     * keeps that server's own copy from coming back fresh. An entry that can't be compared with what was read is removed, which is the
     * stronger invalidation.
     */
    boolean markStale(String storeKey) {
        return change(storeKey, "markStale", () -> {
            boolean fresh = false;
            for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
                byte[] present = store.get(storeKey);
                Found<V> found = reads.found(storeKey, present);
                fresh = found.fresh() != null;
                if (present == null || found.value() == null) {
                    // Nothing could stand in: absent, a remembered absence, or unreadable.
                    if (present == null) {
                        removals.remove(storeKey);
                        return false;
                    } else if (removals.remove(storeKey, present)) {
                        return false;
                    }
                } else if (replaceByStale(storeKey, present)) {
                    return fresh;
                }
            }
            removals.remove(storeKey);
            return fresh;
        });
    }

    private boolean replaceByStale(String storeKey, byte[] present) {
        long now = entries.now();
        Duration left = Lifetime.remaining(Envelope.staleUntil(present), now);
        return store.replace(storeKey, present, entries.markedStale(present, now), left);
    }

    boolean remove(String storeKey) {
        boolean removed = change(storeKey, "remove", () -> removals.remove(storeKey));
        counters.removals.increment();
        return removed;
    }

    void removeAll(Collection<String> storeKeys) {
        if (storeKeys.isEmpty()) {
            return;
        }
        change(storeKeys, "removeAll", () -> removals.removeAll(storeKeys));
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
