package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Predicate;

/** Changes of what is found in the store, tried until no other change comes in between. */
final class CompareAndSet<V> {
    /**
     * Tries before giving up. A failure means that another caller got its change through, or that reads come from a
     * replica that is behind: then none ever succeeds.
     */
    private static final int ATTEMPTS = 100;

    private final CacheStore store;
    private final Reads<V> reads;
    private final Entries<V> entries;
    private final Tombstones tombstones;

    CompareAndSet(EngineParts<?, V> cache) {
        this.store = cache.store();
        this.reads = cache.reads();
        this.entries = cache.entries();
        this.tombstones = cache.tombstones();
    }

    /** Puts an entry where there is no fresh value; returns whether it did. */
    boolean putIfAbsent(String storeKey, Entries.Encoded encoded) {
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

    /** Tries a change of the fresh entry that is there until none comes in between; {@code false} if there is none, or not one that is wanted. */
    boolean changeFresh(String operation, String storeKey, Predicate<V> wanted, Predicate<byte[]> comparedChange) {
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

    /** Removes what is there and returns it if it was fresh. Asks for a change in any case, but for one that does nothing to what another caller has stored. */
    Optional<V> take(String storeKey) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            long trusted = entries.trustedUntil();
            byte[] present = store.get(storeKey);
            V value = reads.found(storeKey, present, trusted).fresh();
            if (present == null ? tombstones.removeAbsent(storeKey) : tombstones.remove(storeKey, present)) {
                return Optional.ofNullable(value);
            }
        }
        throw givenUp("getAndRemove");
    }

    /** Makes what is there stale, or removes it where nothing could stand in. Returns whether it was fresh. */
    boolean markStale(String storeKey) {
        boolean fresh = false;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            byte[] present = store.get(storeKey);
            if (present == null) {
                tombstones.remove(storeKey);
                return false;
            }
            Found<V> found = reads.found(storeKey, present);
            fresh = found.fresh() != null;
            boolean marked =
                    found.value() == null ? tombstones.remove(storeKey, present) : replaceByStale(storeKey, present);
            if (marked) {
                return fresh;
            }
        }
        tombstones.remove(storeKey);
        return fresh;
    }

    private boolean replaceByStale(String storeKey, byte[] present) {
        long now = entries.now();
        Duration left = Lifetime.remaining(Envelope.staleUntil(present), now);
        return store.replace(storeKey, present, entries.markedStale(present, now), left);
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
}
