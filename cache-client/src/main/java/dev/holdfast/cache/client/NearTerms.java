package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.util.function.Function;

/**
 * What a cache is to keep near.
 *
 * @param settings how much
 * @param byKey whether keys stand for themselves in a map, so that no text need be made of one to look for it: they can't be changed, and those that are equal
 *     have one text
 */
record NearTerms(NearCache settings, boolean byKey) {

    /**
     * Begins to keep.
     *
     * @param stamps those that changes raise
     * @param entries says what entries are good for
     * @throws IllegalArgumentException if the cache is raw
     * @throws CacheConfigException if its store can't tell of changes, and nobody says how long that may be borne
     */
    <K, V> Near<K, V> open(
            String cache,
            CacheStore store,
            Stamps stamps,
            StoreKeys<K> keys,
            EngineServices services,
            Entries<V> entries) {
        if (keys.prefix().isEmpty()) {
            throw new IllegalArgumentException(
                    "the cache " + cache
                            + " has a raw codec: its keys can't be told from those of others, so nothing of it can be kept near");
        }
        Tracking tracking = store.track(keys.prefix(), stamps);
        boolean opened = false;
        try {
            if (!tracking.isPossible() && settings.untrackedTtl() == null) {
                throw new CacheConfigException(
                        "near: the cache " + cache + " can't be told of changes that others make: "
                                + tracking.state().why()
                                + ". Say how long an entry may be kept all the same, NearCache.withUntrackedTtl(Duration), or leave near(...) out");
            }
            Function<? super K, ?> mapKeys = byKey ? Function.identity() : keys::of;
            Near<K, V> near = new Near<>(tracking, stamps, settings, services.nearClock(), mapKeys, entries);
            opened = true;
            return near;
        } finally {
            if (!opened) {
                tracking.close();
            }
        }
    }
}
