package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * How the keys of a cache are removed, and filled by loads. Where other processes see the store, a removal leaves a tombstone for as long as a load may take
 * that began before: it does not find what it saw, and so its value is not stored. The loads of this process are known
 * ({@link Flights}), so in its own memory nothing is left; nor by a raw cache, whose keys others read.
 *
 * <p>A server that answers that it won't have a tombstone, since it is full, say, or this user may not run scripts, is asked for a plain removal.
 */
final class Tombstones {
    /** What no caller stores: a value of 16 random bytes. */
    private static final byte[] NOBODYS = nobodys();

    private final CacheStore store;
    private final @Nullable Duration life;

    private Tombstones(CacheStore store, @Nullable Duration life) {
        this.store = store;
        this.life = life;
    }

    static Tombstones of(CacheStore store, boolean raw, CachePolicy policy) {
        Duration bound = store.callBound();
        boolean ownMemory = bound.isZero();
        return new Tombstones(store, raw || ownMemory ? null : life(policy.loadTimeout(), bound));
    }

    /** As long as it may take from the question whether a key is there to the end of storing what was loaded. */
    private static Duration life(Duration lease, Duration callBound) {
        Duration life = lease.plus(callBound.multipliedBy(2));
        return life.compareTo(CacheStore.MAX_TTL) < 0 ? life : CacheStore.MAX_TTL;
    }

    private static byte[] nobodys() {
        byte[] value = new byte[16];
        ThreadLocalRandom.current().nextBytes(value);
        return value;
    }

    static byte[] tombstone() {
        return Envelope.tombstone(ThreadLocalRandom.current().nextLong());
    }

    /** For how long a tombstone is left; {@code null} if none is. */
    @Nullable
    Duration life() {
        return life;
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
     */
    boolean removeAbsent(String storeKey) {
        if (life == null) {
            boolean unused = store.remove(storeKey, NOBODYS);
            return true;
        }
        try {
            return store.putIfAbsent(storeKey, tombstone(), life);
        } catch (CacheException e) {
            requireRefusal(e);
            boolean unused = store.remove(storeKey, NOBODYS);
            return true;
        }
    }

    /** Stores what a load found, unless the key was changed or removed since it held what was seen. Returns whether it did. */
    boolean fill(String storeKey, byte @Nullable [] seen, Entries.Encoded encoded) {
        if (life != null) {
            try {
                return store.fill(storeKey, seen, encoded.entry(), encoded.ttl());
            } catch (CacheRejectedException e) {
                requireIncomparable(seen != null, e);
            }
        }
        store.fill(storeKey, encoded.entry(), encoded.ttl());
        return true;
    }

    /**
     * A refresh is a change: a server that is out while it happens must not bring the old value back. Nor must a value of somebody
     * else's stay that may be older: what can't take the place of what was seen takes away what is there.
     */
    boolean refresh(String storeKey, byte @Nullable [] seen, Entries.Encoded encoded) {
        if (life == null) {
            store.put(storeKey, encoded.entry(), encoded.ttl());
            return true;
        }
        boolean stored = false;
        try {
            stored = seen == null
                    ? store.putIfAbsent(storeKey, encoded.entry(), encoded.ttl())
                    : store.replace(storeKey, seen, encoded.entry(), encoded.ttl());
            return stored;
        } catch (CacheRejectedException e) {
            requireIncomparable(seen != null, e);
            store.put(storeKey, encoded.entry(), encoded.ttl());
            stored = true;
            return true;
        } finally {
            if (!stored) {
                boolean unused = remove(storeKey);
            }
        }
    }

    /** {@link #fill} of several keys. Returns how many had changed. */
    int fillAll(Map<String, byte[]> batch, Map<String, byte[]> seen, Duration ttl) {
        if (life != null) {
            try {
                return store.fillAll(batch, seen, ttl).size();
            } catch (CacheRejectedException e) {
                requireIncomparable(!seen.isEmpty(), e);
            }
        }
        store.fillAll(batch, ttl);
        return 0;
    }

    /** A user who may not run scripts leaves no tombstones either, and a database may not take two large values in one command. */
    private static void requireIncomparable(boolean compared, CacheRejectedException e) {
        if (!compared) {
            throw e;
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
