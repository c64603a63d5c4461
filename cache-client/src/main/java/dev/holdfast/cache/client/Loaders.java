package dev.holdfast.cache.client;

import dev.holdfast.cache.AsyncCacheLoader;
import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;

/**
 * How values are found.
 *
 * @param given the loader as the application gave it
 * @param single finds one value
 * @param several finds those of a batch
 */
record Loaders<K, V>(Object given, CacheLoader<? super K, V> single, Loading<K, V> several) {

    /** By a loader of single keys, one key after the other. */
    static <K, V> Loaders<K, V> single(CacheLoader<? super K, V> loader) {
        return new Loaders<>(loader, loader, Loading.one());
    }

    /** By a loader of several keys, in batches as large as the policy allows. */
    static <K, V> Loaders<K, V> bulk(BulkCacheLoader<K, V> loader, CachePolicy policy) {
        return new Loaders<>(loader, Loading.single(loader), new Loading.Bulk<>(loader, policy.maxBatch()));
    }

    /** By a loader that answers later. */
    static <K, V> Loaders<K, V> later(AsyncCacheLoader<? super K, V> loader) {
        return single(new LaterLoader<K, V>(loader));
    }
}
