package dev.holdfast.cache.client;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.Codec;
import java.util.function.Function;

/** The typed cache over any store. */
abstract class CacheEngine<K, V> implements Cache<K, V> {

    /**
     * Opens a cache. In the store its keys are {@code name:key}, with a raw codec {@code key} alone.
     *
     * @throws IllegalArgumentException if the codec is raw and the policy wants staleness, refreshing or remembered absence
     */
    static <K, V> CacheEngine<K, V> open(
            String name,
            CacheStore store,
            Function<? super K, String> keyMapper,
            Codec<V> codec,
            CachePolicy policy,
            EngineServices services) {
        throw new UnsupportedOperationException("lands in a few minutes");
    }

    /** Sets every count to zero. */
    abstract void resetStats();
}
