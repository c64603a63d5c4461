package dev.holdfast.cache.client;

import dev.holdfast.cache.AsyncCache;
import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Lookup;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The asynchronous view. Its calls of the store run on the client's call threads, its loads aside. */
final class AsyncEngine<K, V> implements AsyncCache<K, V> {
    private final CacheEngine<K, V> cache;
    private final EngineServices services;
    private final Executor background;

    AsyncEngine(CacheEngine<K, V> cache, EngineServices services, Executor background) {
        this.cache = cache;
        this.services = services;
        this.background = background;
    }

    @Override
    public CompletableFuture<@Nullable V> get(K key) {
        Objects.requireNonNull(key, "key");
        return call(() -> cache.get(key));
    }

    @Override
    public CompletableFuture<@Nullable V> get(K key, CacheLoader<? super K, V> loader) {
        return get(key, loader, cache.policy());
    }

    @Override
    public CompletableFuture<@Nullable V> get(K key, CacheLoader<? super K, V> loader, CachePolicy policy) {
        requireAll(key, loader, policy);
        AsyncLoad<K, V> caller = new AsyncLoad<>(cache.loads(), background);
        return load(caller, () -> cache.answer(key, loader, policy, caller));
    }

    @Override
    public CompletableFuture<@Nullable V> refresh(K key, CacheLoader<? super K, V> loader) {
        requireAll(key, loader, cache.policy());
        AsyncLoad<K, V> caller = new AsyncLoad<>(cache.loads(), background);
        return load(caller, () -> cache.refresh(key, loader, caller));
    }

    private CompletableFuture<@Nullable V> load(AsyncLoad<K, V> caller, Runnable call) {
        cache.requireOpen();
        // The load runs aside of this call: it carries the context that this call was given.
        execute(caller.result(), () -> {
            if (!caller.result().isDone()) {
                try {
                    call.run();
                } catch (RuntimeException | Error e) {
                    caller.fail(e);
                }
            }
        });
        return caller.result();
    }

    @Override
    public CompletableFuture<Map<K, V>> getAll(Collection<? extends K> keys) {
        List<K> copy = copyOf(keys);
        return call(() -> cache.getAll(copy));
    }

    @Override
    public CompletableFuture<Map<K, V>> getAll(Collection<? extends K> keys, BulkCacheLoader<K, V> loader) {
        Objects.requireNonNull(loader, "loader");
        List<K> copy = copyOf(keys);
        cache.requireOpen();
        CompletableFuture<Map<K, V>> result = new CompletableFuture<>();
        AtomicBoolean ended = new AtomicBoolean();
        FutureTask<?> load = new FutureTask<>(
                () -> answer(result, () -> {
                    try {
                        return cache.getAll(copy, loader);
                    } finally {
                        ended.set(true);
                    }
                }),
                null);
        execute(result, load);
        // Who completes it otherwise leaves, as a caller does that is interrupted.
        CompletableFuture<?> unused = result.whenComplete((values, failure) -> {
            if (!ended.get()) {
                load.cancel(true);
            }
        });
        return result;
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
        requireAll(key, value, policy);
        return run(() -> cache.put(key, value, policy));
    }

    @Override
    public CompletableFuture<@Nullable Void> putAll(Map<? extends K, ? extends V> entries) {
        Map<K, V> copy = new LinkedHashMap<>(entries);
        return run(() -> cache.putAll(copy));
    }

    @Override
    public CompletableFuture<Boolean> putIfAbsent(K key, V value) {
        requireAll(key, value, cache.policy());
        return call(() -> cache.putIfAbsent(key, value));
    }

    @Override
    public CompletableFuture<Boolean> replace(K key, V expected, V value) {
        requireAll(key, expected, value);
        return call(() -> cache.replace(key, expected, value));
    }

    @Override
    public CompletableFuture<Boolean> remove(K key) {
        Objects.requireNonNull(key, "key");
        return call(() -> cache.remove(key));
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
        cache.requireOpen();
        CompletableFuture<T> result = new CompletableFuture<>();
        execute(result, () -> answer(result, call));
        return result;
    }

    private static <T extends @Nullable Object> void answer(CompletableFuture<T> result, Supplier<T> call) {
        if (!result.isDone()) {
            try {
                result.complete(call.get());
            } catch (RuntimeException | Error e) {
                result.completeExceptionally(e);
            }
        }
    }

    private void execute(CompletableFuture<?> result, Runnable task) {
        try {
            services.calls().execute(services.context().carry(task));
        } catch (RejectedExecutionException e) {
            result.completeExceptionally(new IllegalStateException("the cache " + cache.name() + " is closed", e));
        }
    }

    private static void requireAll(Object key, Object second, Object third) {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(second);
        Objects.requireNonNull(third);
    }

    private List<K> copyOf(Collection<? extends K> keys) {
        List<K> copy = new ArrayList<>(keys);
        copy.forEach(key -> Objects.requireNonNull(key, "key"));
        return copy;
    }
}
