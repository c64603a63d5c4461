package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
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

    /** What the store holds; not to be changed. */
    byte @Nullable [] get(String storeKey) {
        boolean timed = !sampled || (ThreadLocalRandom.current().nextInt() & SAMPLE_MASK) == 0;
        long start = timed ? System.nanoTime() : 0;
        byte[] entry;
        try {
            entry = store.getShared(storeKey); // decoded in place: a codec neither keeps nor changes it
        } catch (CacheException e) {
            throw counted(e);
        }
        if (timed) {
            counters.readTime.record(System.nanoTime() - start);
        }
        return entry;
    }

    /** Reads several keys. */
    Map<String, byte[]> getAll(Collection<String> storeKeys) {
        long start = System.nanoTime();
        try {
            Map<String, byte[]> found = store.getAll(storeKeys);
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

    /** What an entry is good for; one that can't be read is counted. */
    Entries.State state(String storeKey, byte[] entry, long now) {
        Entries.State state = entries.state(entry, now);
        if (state == Entries.State.UNREADABLE) {
            counters.entryUnreadable(storeKey, entries.problem(entry));
        }
        return state;
    }

    /** The value of an entry; {@code null}, and counted, if its codec refuses it. */
    @Nullable
    V decode(String storeKey, byte[] entry) {
        return entries.decode(storeKey, entry, counters);
    }
}
