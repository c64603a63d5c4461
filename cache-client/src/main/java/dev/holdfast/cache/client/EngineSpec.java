package dev.holdfast.cache.client;

import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.spi.CacheStore;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a cache is opened with.
 *
 * @param name the cache's
 * @param services shared by the caches of a client
 * @param near what is kept near; {@code null} for nothing
 */
record EngineSpec<K, V>(
        String name,
        CacheStore store,
        Function<? super K, String> keyMapper,
        Codec<V> codec,
        CachePolicy policy,
        EngineServices services,
        @Nullable NearTerms near) {

    /** Where its keys stand in the store: under {@code name:key}, with a raw codec under {@code key} alone. */
    StoreKeys<K> keys() {
        return new StoreKeys<>(codec.isRaw() ? "" : name + ':', keyMapper);
    }
}
