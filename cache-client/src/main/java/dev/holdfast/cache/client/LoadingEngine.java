package dev.holdfast.cache.client;

import dev.holdfast.cache.AsyncLoadingCache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.LoadingCache;
import java.util.Collection;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A typed cache that knows its loader. */
final class LoadingEngine<K, V> extends CacheEngine<K, V> implements LoadingCache<K, V> {
    private final Loaders<K, V> loaders;
    private final AsyncLoadingCache<K, V> async;

    LoadingEngine(
            String name,
            CacheStore store,
            Function<? super K, String> keyMapper,
            Codec<V> codec,
            CachePolicy policy,
            EngineServices services,
            @Nullable NearTerms front,
            Loaders<K, V> loaders) {
        super(name, store, keyMapper, codec, policy, services, front);
        this.loaders = loaders;
        this.async = new AsyncLoadingEngine<>(this, services);
    }

    Loaders<K, V> loaders() {
        return loaders;
    }

    @Override
    public @Nullable V get(K key) {
        return get(key, loaders.single(), policy());
    }

    @Override
    public Map<K, V> getAll(Collection<? extends K> wanted) {
        requireUsable();
        return answerAll(wanted, loaders, policy(), null);
    }

    @Override
    public @Nullable V refresh(K key) {
        return refresh(key, loaders.single(), policy());
    }

    @Override
    public AsyncLoadingCache<K, V> async() {
        return async;
    }
}
