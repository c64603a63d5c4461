package dev.holdfast.cache.client;

import dev.holdfast.cache.AsyncLoadingCache;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The asynchronous view of a cache that knows its loader. */
final class AsyncLoadingEngine<K, V> extends AsyncEngine<K, V> implements AsyncLoadingCache<K, V> {
    private final LoadingEngine<K, V> cache;

    AsyncLoadingEngine(LoadingEngine<K, V> cache, EngineServices services) {
        super(cache, services);
        this.cache = cache;
    }

    @Override
    public CompletableFuture<@Nullable V> get(K key) {
        return get(key, cache.loaders().single());
    }

    @Override
    public CompletableFuture<Map<K, V>> getAll(Collection<? extends K> keys) {
        return getAll(keys, cache.loaders(), cache.policy());
    }

    @Override
    public CompletableFuture<@Nullable V> refresh(K key) {
        return refresh(key, cache.loaders().single());
    }
}
