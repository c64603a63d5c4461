package dev.holdfast.cache.client;

import dev.holdfast.cache.AsyncCache;
import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Lookup;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The asynchronous view: each operation is an {@link AsyncCall}. */
class AsyncEngine<K, V> implements AsyncCache<K, V> {
    private final CacheEngine<K, V> cache;
    private final EngineServices services;

    AsyncEngine(CacheEngine<K, V> cache, EngineServices services) {
        this.cache = cache;
        this.services = services;
    }

    @Override
    public CompletableFuture<@Nullable V> get(K key) {
        Objects.requireNonNull(key, "key");
        return call(() -> cache.get(key));
    }

    @Override
    public CompletableFuture<Optional<V>> find(K key) {
        Objects.requireNonNull(key, "key");
        return call(() -> cache.find(key));
    }

    @Override
    public CompletableFuture<@Nullable V> getAndRemove(K key) {
        Objects.requireNonNull(key, "key");
        return call(() -> cache.getAndRemove(key));
    }

    @Override
    public CompletableFuture<@Nullable V> get(K key, CacheLoader<? super K, V> loader) {
        return get(key, loader, cache.policy());
    }

    @Override
    public CompletableFuture<@Nullable V> get(K key, CacheLoader<? super K, V> loader, CachePolicy policy) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(loader, "loader");
        CachePolicy unused = cache.checked(policy);
        AsyncCall<K, V, @Nullable V> call = newCall(values -> values.get(key));
        return start(call, () -> cache.readThrough().get(key, loader, policy, call));
    }

    @Override
    public CompletableFuture<@Nullable V> refresh(K key, CacheLoader<? super K, V> loader) {
        return refresh(key, loader, cache.policy());
    }

    @Override
    public CompletableFuture<@Nullable V> refresh(K key, CacheLoader<? super K, V> loader, CachePolicy policy) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(loader, "loader");
        CachePolicy unused = cache.checked(policy);
        AsyncCall<K, V, @Nullable V> call = newCall(values -> values.get(key));
        return start(call, () -> cache.readThrough().refresh(key, loader, policy, call));
    }

    @Override
    public CompletableFuture<Map<K, V>> getAll(Collection<? extends K> keys) {
        List<K> copy = copyOf(keys);
        return call(() -> cache.getAll(copy));
    }

    @Override
    public CompletableFuture<Map<K, V>> getAll(Collection<? extends K> keys, BulkCacheLoader<K, V> loader) {
        return getAll(keys, loader, cache.policy());
    }

    @Override
    public CompletableFuture<Map<K, V>> getAll(
            Collection<? extends K> keys, BulkCacheLoader<K, V> loader, CachePolicy policy) {
        Objects.requireNonNull(keys, "keys");
        Objects.requireNonNull(loader, "loader");
        CachePolicy unused = cache.checked(policy);
        return getAll(keys, Loaders.bulk(loader, policy), policy);
    }

    final CompletableFuture<Map<K, V>> getAll(Collection<? extends K> keys, Loaders<K, V> loaders, CachePolicy policy) {
        List<K> copy = copyOf(keys);
        AsyncCall<K, V, Map<K, V>> call = newCall(values -> ReadThrough.inOrder(copy, values));
        return start(call, () -> cache.readThrough().getAll(copy, loaders, policy, call));
    }

    @Override
    public CompletableFuture<Lookup<V>> lookup(K key) {
        Objects.requireNonNull(key, "key");
        return call(() -> cache.lookup(key));
    }

    @Override
    public CompletableFuture<Boolean> contains(K key) {
        Objects.requireNonNull(key, "key");
        return call(() -> cache.contains(key));
    }

    @Override
    public CompletableFuture<@Nullable Void> put(K key, V value) {
        return put(key, value, cache.policy());
    }

    @Override
    public CompletableFuture<@Nullable Void> put(K key, V value, CachePolicy policy) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(value, "value");
        CachePolicy unused = cache.checkedToPut(policy);
        return run(() -> cache.put(key, value, policy));
    }

    @Override
    public CompletableFuture<@Nullable Void> put(K key, V value, Duration ttl) {
        return put(key, value, cache.policy().withTtl(ttl));
    }

    @Override
    public CompletableFuture<@Nullable Void> putAbsent(K key) {
        Objects.requireNonNull(key, "key");
        return run(() -> cache.putAbsent(key));
    }

    @Override
    public CompletableFuture<@Nullable Void> putAbsent(K key, Duration ttl) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(ttl, "ttl");
        return run(() -> cache.putAbsent(key, ttl));
    }

    @Override
    public CompletableFuture<@Nullable Void> putAll(Map<? extends K, ? extends V> entries) {
        return putAll(entries, cache.policy());
    }

    @Override
    public CompletableFuture<@Nullable Void> putAll(Map<? extends K, ? extends V> entries, Duration ttl) {
        return putAll(entries, cache.policy().withTtl(ttl));
    }

    @Override
    public CompletableFuture<@Nullable Void> putAll(Map<? extends K, ? extends V> entries, CachePolicy policy) {
        Map<K, V> copy = new LinkedHashMap<>(Objects.requireNonNull(entries, "entries"));
        copy.forEach((key, value) -> {
            Objects.requireNonNull(key, "key");
            Objects.requireNonNull(value, "value");
        });
        CachePolicy unused = cache.checkedToPut(policy);
        return run(() -> cache.putAll(copy, policy));
    }

    @Override
    public CompletableFuture<Boolean> putIfAbsent(K key, V value) {
        return putIfAbsent(key, value, cache.policy());
    }

    @Override
    public CompletableFuture<Boolean> putIfAbsent(K key, V value, Duration ttl) {
        return putIfAbsent(key, value, cache.policy().withTtl(ttl));
    }

    @Override
    public CompletableFuture<Boolean> putIfAbsent(K key, V value, CachePolicy policy) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(value, "value");
        CachePolicy unused = cache.checkedToPut(policy);
        return call(() -> cache.putIfAbsent(key, value, policy));
    }

    @Override
    public CompletableFuture<Boolean> replace(K key, V expected, V value) {
        return replace(key, expected, value, cache.policy());
    }

    @Override
    public CompletableFuture<Boolean> replace(K key, V expected, V value, Duration ttl) {
        return replace(key, expected, value, cache.policy().withTtl(ttl));
    }

    @Override
    public CompletableFuture<Boolean> replace(K key, V expected, V value, CachePolicy policy) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(expected, "expected");
        Objects.requireNonNull(value, "value");
        CachePolicy unused = cache.checkedToPut(policy);
        return call(() -> cache.replace(key, expected, value, policy));
    }

    @Override
    public CompletableFuture<Optional<Duration>> ttl(K key) {
        Objects.requireNonNull(key, "key");
        return call(() -> cache.ttl(key));
    }

    @Override
    public CompletableFuture<Boolean> expire(K key, Duration ttl) {
        Objects.requireNonNull(key, "key");
        CachePolicy unused = cache.policy().withTtl(ttl);
        return call(() -> cache.expire(key, ttl));
    }

    @Override
    public CompletableFuture<Boolean> remove(K key) {
        Objects.requireNonNull(key, "key");
        return call(() -> cache.remove(key));
    }

    @Override
    public CompletableFuture<Boolean> remove(K key, V expected) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(expected, "expected");
        return call(() -> cache.remove(key, expected));
    }

    @Override
    public CompletableFuture<@Nullable Void> removeAll(Collection<? extends K> keys) {
        List<K> copy = copyOf(keys);
        return run(() -> cache.removeAll(copy));
    }

    @Override
    public CompletableFuture<Boolean> markStale(K key) {
        Objects.requireNonNull(key, "key");
        return call(() -> cache.markStale(key));
    }

    @Override
    public CompletableFuture<@Nullable Void> removeByTag(String tag) {
        CachePolicy unused = cache.policy().withTags(Objects.requireNonNull(tag, "tag"));
        return run(() -> cache.removeByTag(tag));
    }

    @Override
    public CompletableFuture<@Nullable Void> markStaleByTag(String tag) {
        CachePolicy unused = cache.policy().withTags(Objects.requireNonNull(tag, "tag"));
        return run(() -> cache.markStaleByTag(tag));
    }

    @Override
    public CompletableFuture<@Nullable Void> clear() {
        return run(cache::clear);
    }

    private CompletableFuture<@Nullable Void> run(Runnable call) {
        return call(() -> {
            call.run();
            return null;
        });
    }

    private <T extends @Nullable Object> CompletableFuture<T> call(Supplier<T> call) {
        return start(
                newCall(values -> {
                    throw new AssertionError("a call without a loader waits for no load");
                }),
                call);
    }

    private <T extends @Nullable Object> AsyncCall<K, V, T> newCall(Function<Map<K, V>, T> shape) {
        return new AsyncCall<>(
                services.threads(), cache.loads(), services.context().capture(), shape);
    }

    private <T extends @Nullable Object> CompletableFuture<T> start(AsyncCall<K, V, T> call, Supplier<T> step) {
        cache.requireOpen();
        // What a loader waits for must not wait for the loader's place, whichever thread asks for it.
        Supplier<T> held = cache.gate().isHeldHere() ? () -> cache.gate().holding(step::get) : step;
        return call.start(MarkedThreads.LEASED.isHere() ? () -> MarkedThreads.LEASED.holding(held::get) : held);
    }

    private List<K> copyOf(Collection<? extends K> keys) {
        List<K> copy = new ArrayList<>(Objects.requireNonNull(keys, "keys"));
        copy.forEach(key -> Objects.requireNonNull(key, "key"));
        return copy;
    }
}
