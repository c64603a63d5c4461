package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * How the keys of a cache are removed. Where other processes see the store, a tombstone is left for as long as a load may take
 * that began before: it does not find what it saw, and so its value is not stored. The loads of this process are known
 * ({@link Flights}), so in its own memory nothing is left; nor by a raw cache, whose keys others read.
 *
 * <p>A server that answers that it won't have a tombstone, since it is full, say, or this user may not run scripts, is asked for a plain removal.
 */
final class Removals {
    private final CacheStore store;
    private final @Nullable Duration life;

    private Removals(CacheStore store, @Nullable Duration life) {
        this.store = store;
        this.life = life;
    }

    static Removals of(CacheStore store, boolean raw, CachePolicy policy) {
        Duration bound = store.callBound();
        boolean ownMemory = bound.isZero();
        return new Removals(store, raw || ownMemory ? null : life(policy.loadTimeout(), bound));
    }

    /** As long as it may take from the question whether a key is there to the end of storing what was loaded. */
    private static Duration life(Duration lease, Duration callBound) {
        Duration life = lease.plus(callBound.multipliedBy(2));
        return life.compareTo(CacheStore.MAX_TTL) < 0 ? life : CacheStore.MAX_TTL;
    }

    static byte[] tombstone() {
        return Envelope.tombstone(ThreadLocalRandom.current().nextLong());
    }

    /** For how long a tombstone is left; {@code null} if none is. */
    @Nullable
    Duration life() {
        return life;
    }

    /** Whether tombstones are left, so that what is loaded has to be stored with regard to them. */
    boolean leaveTombstones() {
        return life != null;
    }

    /** Returns whether anything was there. */
    boolean remove(String storeKey) {
        if (life == null) {
            return store.remove(storeKey);
        }
        try {
            return store.removeLeaving(storeKey, tombstone(), life);
        } catch (CacheException e) {
            requireRefusal(e);
            return store.remove(storeKey);
        }
    }

    void removeAll(Collection<String> storeKeys) {
        if (life == null) {
            store.removeAll(storeKeys);
            return;
        }
        try {
            store.removeAllLeaving(storeKeys, tombstone(), life);
        } catch (CacheException e) {
            requireRefusal(e);
            store.removeAll(storeKeys);
        }
    }

    /** Removes what is expected to be there; returns whether it was. */
    boolean remove(String storeKey, byte[] present) {
        if (life == null) {
            return store.remove(storeKey, present);
        }
        try {
            return store.replace(storeKey, present, tombstone(), life);
        } catch (CacheException e) {
            requireRefusal(e);
            return store.remove(storeKey, present);
        }
    }

    /**
     * Changes a key under which nothing was found, and what another caller has stored there meanwhile not at all. Returns whether
     * nothing was.
     *
     * @param nobodys a value that nobody stores
     */
    boolean removeAbsent(String storeKey, byte[] nobodys) {
        if (life == null) {
            boolean unused = store.remove(storeKey, nobodys);
            return true;
        }
        try {
            return store.putIfAbsent(storeKey, tombstone(), life);
        } catch (CacheException e) {
            requireRefusal(e);
            boolean unused = store.remove(storeKey, nobodys);
            return true;
        }
    }

    /** Nothing was changed, and a server has said so. */
    private static void requireRefusal(CacheException e) {
        boolean full = e instanceof CacheUnavailableException failure
                && failure.reason() == Reason.SERVER_STATE
                && !failure.outcomeUnknown();
        if (!full && !(e instanceof CacheRejectedException)) {
            throw e;
        }
    }
}
