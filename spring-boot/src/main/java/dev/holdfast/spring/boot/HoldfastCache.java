package dev.holdfast.spring.boot;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.Lookup;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.cache.support.SimpleValueWrapper;

/**
 * One of Spring's caches over one of the client's. A null value is one that the client remembers not to be there. For any number
 * of threads.
 *
 * @param <K> the type of the client's keys
 */
final class HoldfastCache<K> implements org.springframework.cache.Cache {
    private final Cache<K, Object> cache;
    private final Function<Object, K> keys;

    /**
     * Creates one.
     *
     * @param cache the client's cache
     * @param keys makes the client's key of Spring's
     */
    HoldfastCache(Cache<K, Object> cache, Function<Object, K> keys) {
        this.cache = cache;
        this.keys = keys;
    }

    @Override
    public String getName() {
        return cache.name();
    }

    @Override
    public Cache<K, Object> getNativeCache() {
        return cache;
    }

    @Override
    public @Nullable ValueWrapper get(Object key) {
        return wrapped(cache.lookup(keys.apply(key)));
    }

    private static @Nullable ValueWrapper wrapped(Lookup<Object> found) {
        return switch (found.state()) {
            case FRESH -> new SimpleValueWrapper(found.value());
            case KNOWN_ABSENT -> new SimpleValueWrapper(null);
            case STALE, ABSENT -> null;
        };
    }

    @Override
    @SuppressWarnings("unchecked") // checked, where there is something to check by
    public <T> @Nullable T get(Object key, @Nullable Class<T> type) {
        Object value = cache.get(keys.apply(key));
        if (value != null && type != null && !type.isInstance(value)) {
            throw new IllegalStateException("the cache " + getName() + " holds "
                    + value.getClass().getName() + " for a key that was asked for as " + type.getName());
        }
        return (T) value;
    }

    @Override
    @SuppressWarnings("unchecked") // the callers of a cache agree on its type
    public <T> @Nullable T get(Object key, Callable<T> valueLoader) {
        K mapped = keys.apply(key);
        try {
            return (T) cache.get(mapped, ignored -> LoaderFailure.call(valueLoader));
        } catch (CacheLoadException e) {
            throw new ValueRetrievalException(key, valueLoader, LoaderFailure.of(e));
        }
    }

    @Override
    public CompletableFuture<?> retrieve(Object key) {
        return cache.async().lookup(keys.apply(key)).thenApply(HoldfastCache::wrapped);
    }

    @Override
    @SuppressWarnings("unchecked") // the callers of a cache agree on its type
    public <T> CompletableFuture<T> retrieve(Object key, Supplier<CompletableFuture<T>> valueLoader) {
        CompletableFuture<?> loaded =
                cache.async().get(keys.apply(key), ignored -> FutureLoads.await(valueLoader.get()));
        return (CompletableFuture<T>) FutureLoads.unwrapped(loaded);
    }

    @Override
    public void put(Object key, @Nullable Object value) {
        K mapped = keys.apply(key);
        if (value == null) {
            TypedCaches.putAbsent(cache, mapped);
        } else {
            cache.put(mapped, value);
        }
    }

    @Override
    public @Nullable ValueWrapper putIfAbsent(Object key, @Nullable Object value) {
        K mapped = keys.apply(key);
        while (true) {
            ValueWrapper present = wrapped(cache.lookup(mapped));
            if (present != null) {
                return present;
            }
            if (value == null) {
                Object other = cache.get(mapped, ignored -> null);
                return other == null ? null : new SimpleValueWrapper(other);
            }
            if (cache.putIfAbsent(mapped, value)) {
                return null;
            }
        }
    }

    @Override
    public void evict(Object key) {
        cache.remove(keys.apply(key));
    }

    @Override
    public boolean evictIfPresent(Object key) {
        return cache.remove(keys.apply(key));
    }

    @Override
    public void clear() {
        cache.clear();
    }

    /** Whether there were entries is not known: other processes have them too. */
    @Override
    public boolean invalidate() {
        cache.clear();
        return false;
    }

    @Override
    public String toString() {
        return "HoldfastCache " + getName();
    }
}
