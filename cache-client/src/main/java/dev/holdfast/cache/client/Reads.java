package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheCodecException;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** Reads the store, counts and measures. A store that does not answer is neither a hit nor a miss. */
final class Reads<V> {
    private static final int SAMPLE_MASK = 63;

    private final CacheStore store;
    private final Entries<V> entries;
    private final Counters counters;
    private final TagReader tags;
    /** Reading this process's memory takes about as long as reading the clock twice. */
    private final boolean sampled;

    Reads(CacheStore store, Entries<V> entries, Counters counters, TagReader tags) {
        this.store = store;
        this.entries = entries;
        this.counters = counters;
        this.tags = tags;
        this.sampled = store.callBound().isZero();
    }

    /** Like {@link #get}, for a caller that can load instead: does not wait for a store that is known to be out. */
    byte @Nullable [] getToLoad(String storeKey, Near<?, V>.@Nullable Reading reading) {
        requireServing();
        return get(storeKey, reading);
    }

    private void requireServing() {
        if (!store.isServing()) {
            throw counted(new CacheUnavailableException(store + " is known to be out", null, Reason.CONNECTION, false));
        }
    }

    /** What the store holds; not to be changed. */
    byte @Nullable [] get(String storeKey) {
        return get(storeKey, null);
    }

    /** What the store holds; not to be changed. {@code reading}: of whoever may keep it near. */
    byte @Nullable [] get(String storeKey, Near<?, V>.@Nullable Reading reading) {
        boolean timed = !sampled || (ThreadLocalRandom.current().nextInt() & SAMPLE_MASK) == 0;
        long start = timed ? System.nanoTime() : 0;
        byte[] entry;
        try {
            // Decoded in place: a codec neither keeps nor changes it.
            entry = reading == null ? store.getShared(storeKey) : reading.read();
        } catch (CacheException e) {
            throw counted(e);
        }
        if (timed) {
            counters.readTime.record(System.nanoTime() - start);
        }
        return entry;
    }

    /** Reads several keys. {@code readings}: of whoever may keep what is found near. */
    Map<String, byte[]> getAll(Collection<String> storeKeys, Near<?, V>.@Nullable Readings readings) {
        long start = System.nanoTime();
        try {
            Map<String, byte[]> found = readings == null ? store.getAll(storeKeys) : readings.read(storeKeys);
            counters.readTime.record(System.nanoTime() - start);
            return found;
        } catch (CacheException e) {
            throw counted(e);
        }
    }

    private CacheException counted(CacheException e) {
        if (!(e instanceof CacheInterruptedException)) {
            counters.readFailed("get", e);
        }
        return e;
    }

    private static Map<String, byte[]> partOf(CacheException failure) {
        return failure instanceof CacheUnavailableException e ? e.partialResult() : Map.of();
    }

    /** Reads a key and says all that is known of it. */
    Lookup<V> lookup(String storeKey) {
        long trusted = entries.trustedUntil();
        Found<V> found = found(storeKey, get(storeKey), trusted);
        String tier = store.tierName();
        V value = found.value();
        (found.isAnswer() ? counters.hits : counters.misses).increment();
        byte[] entry = found.entry();
        if (entry == null || (value == null && !found.isAbsence())) {
            return new Lookup<>(Lookup.State.ABSENT, null, Duration.ZERO, Optional.empty(), tier);
        }
        Lookup.State state = found.isAbsence()
                ? Lookup.State.KNOWN_ABSENT
                : found.fresh() != null ? Lookup.State.FRESH : Lookup.State.STALE;
        return new Lookup<>(state, value, entries.age(entry, entries.now()), entries.etag(entry), tier);
    }

    /** For how much longer a key has a fresh value; {@code null} if it has none. */
    @Nullable
    Duration ttl(String storeKey) {
        if (entries.isRaw()) {
            return store.ttl(storeKey);
        }
        Found<V> found = peek(storeKey);
        byte[] entry = found.entry();
        return found.fresh() == null || entry == null
                ? null
                : Lifetime.remaining(Envelope.freshUntil(entry), entries.now());
    }

    /** Reads a key and says what it found, neither as a hit nor as a miss. */
    Found<V> peek(String storeKey) {
        long trusted = entries.trustedUntil();
        return foundUncounted(storeKey, get(storeKey), trusted);
    }

    /** Says what an entry is; one that can't be read is counted. */
    Found<V> found(String storeKey, byte @Nullable [] entry) {
        return found(storeKey, entry, Long.MAX_VALUE);
    }

    /** The same of an entry that was asked for when entries of any age were believed until then. */
    Found<V> found(String storeKey, byte @Nullable [] entry, long trusted) {
        Entries.State state =
                entry == null ? Entries.State.EXPIRED : state(storeKey, entry, entries.now(), trusted, null);
        return new Found<>(entry, state, bytes -> decode(storeKey, bytes));
    }

    /**
     * Says what the entries of several keys are, as {@link #found} does; their tags are read together.
     *
     * @param found what the store holds
     * @param readings of whoever may keep it near
     * @return what is there of each key, in their order
     */
    Map<String, Found<V>> foundAll(
            Collection<String> storeKeys,
            Map<String, byte[]> found,
            long trusted,
            Near<?, V>.@Nullable Readings readings) {
        long now = entries.now();
        Map<String, Entries.State> states = new LinkedHashMap<>();
        Map<String, Map<String, Long>> tagged = new HashMap<>();
        for (String storeKey : storeKeys) {
            byte[] entry = found.get(storeKey);
            Entries.State state =
                    entry == null ? Entries.State.EXPIRED : stateWithoutTags(storeKey, entry, now, trusted);
            states.put(storeKey, state);
            if (entry != null && isTagged(state, entry)) {
                tagged.put(storeKey, entries.tags(entry));
            }
        }
        if (!tagged.isEmpty()) {
            Set<String> all = new LinkedHashSet<>();
            tagged.values().forEach(its -> all.addAll(its.keySet()));
            Map<String, TagReader.Known> known = new HashMap<>(read(all, readings != null));
            if (readings != null) {
                Set<String> doubtful = new LinkedHashSet<>();
                tagged.values().stream()
                        .filter(its -> TagReader.standing(its, known) != TagReader.Standing.UNCHANGED)
                        .forEach(its -> doubtful.addAll(its.keySet()));
                if (!doubtful.isEmpty()) {
                    known.putAll(read(doubtful, false)); // as for one key
                }
            }
            tagged.forEach((storeKey, its) -> {
                states.computeIfPresent(storeKey, (same, state) -> state.under(TagReader.standing(its, known)));
                if (readings != null) {
                    readings.of(storeKey).under(TagReader.of(its, known).values());
                }
            });
        }
        Map<String, Found<V>> all = new LinkedHashMap<>();
        states.forEach((storeKey, state) ->
                all.put(storeKey, new Found<>(found.get(storeKey), state, bytes -> decode(storeKey, bytes))));
        return all;
    }

    /**
     * Reads several keys as {@link #getToLoad} does and says what is there.
     *
     * @return what is there of each key, without those of which the store did not say it, or not where their tags stand
     */
    Map<String, Found<V>> foundAllToLoad(
            Collection<String> storeKeys, long trusted, Near<?, V>.@Nullable Readings readings) {
        try {
            Map<String, byte[]> read;
            Collection<String> known = new HashSet<>(storeKeys);
            try {
                requireServing();
                read = getAll(storeKeys, readings);
            } catch (CacheInterruptedException e) {
                throw e;
            } catch (CacheException e) {
                read = partOf(e);
                known = read.keySet();
            }
            return foundAll(known, read, trusted, readings);
        } catch (CacheInterruptedException e) {
            throw e;
        } catch (CacheException e) {
            return Map.of();
        }
    }

    /** Until when entries of any age are believed, so far; to be asked before the store is. */
    long trustedUntil() {
        return entries.trustedUntil();
    }

    /** Says what an entry is that was asked for when entries of any age were believed until then, and counts nothing. */
    Found<V> foundUncounted(String storeKey, byte @Nullable [] entry, long trusted) {
        Entries.State state = entry == null
                ? Entries.State.EXPIRED
                : underTags(entry, entries.state(storeKey, entry, entries.now(), trusted), null);
        return new Found<>(entry, state, this::decodeUncounted);
    }

    private @Nullable V decodeUncounted(byte[] entry) {
        try {
            return entries.decode(entry);
        } catch (CacheCodecException e) {
            return null;
        }
    }

    /**
     * What an entry is good for; one that can't be read is counted.
     *
     * @param reading of whoever may keep it near
     */
    Entries.State state(String storeKey, byte[] entry, long now, long trusted, Near<?, V>.@Nullable Reading reading) {
        return underTags(entry, stateWithoutTags(storeKey, entry, now, trusted), reading);
    }

    private boolean isTagged(Entries.State state, byte[] entry) {
        return state != Entries.State.EXPIRED && state != Entries.State.UNREADABLE && entries.isTagged(entry);
    }

    /** Takes an entry for none of which a tag was removed since it was made, and for a stale one if a tag was marked so. */
    private Entries.State underTags(byte[] entry, Entries.State state, Near<?, V>.@Nullable Reading reading) {
        if (!isTagged(state, entry)) {
            return state;
        }
        Map<String, Long> its = entries.tags(entry);
        Map<String, TagReader.Known> known = read(its.keySet(), reading != null);
        if (reading != null && TagReader.standing(its, known) != TagReader.Standing.UNCHANGED) {
            // The entry may be newer than what is kept of where its tags stand.
            known = read(its.keySet(), false);
        }
        if (reading != null) {
            reading.under(known.values());
        }
        return state.under(TagReader.standing(its, known));
    }

    /** Whoever reads an entry where it may not be kept asks the store for its tags too. */
    private Map<String, TagReader.Known> read(Collection<String> names, boolean near) {
        try {
            return near ? tags.read(names) : tags.readAnew(names);
        } catch (CacheException e) {
            throw counted(e);
        }
    }

    private Entries.State stateWithoutTags(String storeKey, byte[] entry, long now, long trusted) {
        Entries.State state = entries.state(storeKey, entry, now, trusted);
        if (state == Entries.State.UNREADABLE) {
            unreadable(storeKey, entry);
        }
        return state;
    }

    private void unreadable(String storeKey, byte[] entry) {
        if (entries.isMisplaced(storeKey, entry)) {
            counters.entryMisplaced(storeKey);
        } else {
            counters.entryUnreadable(storeKey, entries.problem(entry));
        }
    }

    /** The value of an entry; {@code null}, and counted, if its codec refuses it. */
    @Nullable
    V decode(String storeKey, byte[] entry) {
        return entries.decode(storeKey, entry, counters);
    }
}
