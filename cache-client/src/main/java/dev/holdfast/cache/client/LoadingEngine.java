package dev.holdfast.cache.client;

import dev.holdfast.cache.AsyncLoadingCache;
import dev.holdfast.cache.LoadingCache;
import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A typed cache that knows its loader. */
final class LoadingEngine<K, V> extends CacheEngine<K, V> implements LoadingCache<K, V> {
    private final Loaders<K, V> loaders;
    private final AsyncLoadingCache<K, V> async;

    LoadingEngine(EngineSpec<K, V> spec, Loaders<K, V> loaders) {
        super(spec);
        this.loaders = loaders;
        this.async = new AsyncLoadingEngine<>(this, spec.services());
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
        return readThrough().getAll(wanted, loaders, policy(), null);
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
