package dev.holdfast.cache;

import java.util.Map;
import java.util.Set;

/**
 * Finds several values at their source in one go. Otherwise like {@link CacheLoader}.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
@FunctionalInterface
public interface BulkCacheLoader<K, V> {

    /**
     * Loads values.
     *
     * @param keys keys that are missing and that nobody else is loading, in the order they were asked for, without
     *     duplicates; never empty, and at most {@link CachePolicy#maxBatch()}
     * @return the values by key. A key that is not in the map has no value, as if a {@link CacheLoader} had returned
     *     {@code null} for it; a key that was not asked for is ignored
     * @throws Exception if the values can't be had; it is a failed load of every key
     */
    Map<K, V> loadAll(Set<K> keys) throws Exception;
}
