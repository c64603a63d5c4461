package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheCodecException;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** Reads the store, counts and measures. A store that does not answer is neither a hit nor a miss. */
final class Reads<V> {
    private static final int SAMPLE_MASK = 63;

    private final CacheStore store;
    private final Entries<V> entries;
    private final Counters counters;
    /** Reading this process's memory takes about as long as reading the clock twice. */
    private final boolean sampled;

    Reads(CacheStore store, Entries<V> entries, Counters counters) {
        this.store = store;
        this.entries = entries;
        this.counters = counters;
        this.sampled = store.callBound().isZero();
    }

    /** Like {@link #get}, for a caller that can load instead: does not wait for a store that is known to be out. */
    byte @Nullable [] getToLoad(String storeKey, Near<?, V>.@Nullable Reading reading) {
        requireServing();
        return get(storeKey, reading);
    }

    /** Like {@link #getAll}, for a caller that can load instead. */
    Map<String, byte[]> getAllToLoad(Collection<String> storeKeys, Near<?, V>.@Nullable Readings readings) {
        requireServing();
        return getAll(storeKeys, readings);
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

    /** Of a read that failed, what it found all the same. */
    static Map<String, byte[]> partOf(CacheException failure) {
        return failure instanceof CacheUnavailableException e ? e.partialResult() : Map.of();
    }

    /** Reads a key and says what it found. */
    Found<V> look(String storeKey) {
        long trusted = entries.trustedUntil();
        return found(storeKey, get(storeKey), trusted);
    }

    /** Says what an entry is; one that can't be read is counted. */
    Found<V> found(String storeKey, byte @Nullable [] entry) {
        return found(storeKey, entry, Long.MAX_VALUE);
    }

    /** The same of an entry that was asked for when entries of any age were believed until then. */
    Found<V> found(String storeKey, byte @Nullable [] entry, long trusted) {
        Entries.State state = entry == null ? Entries.State.EXPIRED : state(storeKey, entry, entries.now(), trusted);
        return new Found<>(entry, state, bytes -> decode(storeKey, bytes));
    }

    /** Says what an entry is, and counts nothing. */
    Found<V> foundUncounted(String storeKey, byte @Nullable [] entry) {
        Entries.State state = entry == null ? Entries.State.EXPIRED : entries.state(storeKey, entry, entries.now());
        return new Found<>(entry, state, this::decodeUncounted);
    }

    private @Nullable V decodeUncounted(byte[] entry) {
        try {
            return entries.decode(entry);
        } catch (CacheCodecException e) {
            return null;
        }
    }

    /** What an entry is good for; one that can't be read is counted. */
    Entries.State state(String storeKey, byte[] entry, long now, long trusted) {
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
