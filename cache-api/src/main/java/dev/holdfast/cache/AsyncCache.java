package dev.holdfast.cache;

import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Cache} whose operations return at once. A future fails with the exception that the blocking operation throws; arguments are
 * checked at once, on the caller's thread. Cancelling a future leaves: a load goes on while anybody else waits for it, and is
 * interrupted when nobody does. For any number of threads.
 *
 * <p><b>Threads.</b> Each call and each load has a virtual thread of its own where the JVM has them. Elsewhere calls share up to 64 daemon
 * threads, on which nothing but the cache's own code runs, and each load has a thread of its own, at most {@link CachePolicy#maxLoads()} at
 * once, beside up to twice as many whose loaders ignored the interrupt at the end of their lease. What is chained to a future without an executor then runs on threads for just that, up to 16 and one more for each that waits
 * for another future: it may wait for futures, and delays what else is chained if it blocks otherwise; it never delays a call, nor those
 * who wait for a future itself. No thread inherits anything from its callers.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
public interface AsyncCache<K, V> {

    /** {@link Cache#get(Object)}. */
    CompletableFuture<@Nullable V> get(K key);

    /** {@link Cache#find(Object)}. */
    CompletableFuture<Optional<V>> find(K key);

    /** {@link Cache#getAndRemove(Object)}. */
    CompletableFuture<@Nullable V> getAndRemove(K key);

    /** {@link Cache#get(Object, CacheLoader)}. */
    CompletableFuture<@Nullable V> get(K key, CacheLoader<? super K, V> loader);

    /** {@link Cache#get(Object, CacheLoader, CachePolicy)}. */
    CompletableFuture<@Nullable V> get(K key, CacheLoader<? super K, V> loader, CachePolicy policy);

    /** {@link Cache#getAll(Collection)}. */
    CompletableFuture<Map<K, V>> getAll(Collection<? extends K> keys);

    /** {@link Cache#getAll(Collection, BulkCacheLoader)}. */
    CompletableFuture<Map<K, V>> getAll(Collection<? extends K> keys, BulkCacheLoader<K, V> loader);

    /** {@link Cache#getAll(Collection, BulkCacheLoader, CachePolicy)}. */
    CompletableFuture<Map<K, V>> getAll(Collection<? extends K> keys, BulkCacheLoader<K, V> loader, CachePolicy policy);

    /** {@link Cache#lookup(Object)}. */
    CompletableFuture<Lookup<V>> lookup(K key);

    /** {@link Cache#contains(Object)}. */
    CompletableFuture<Boolean> contains(K key);

    /** {@link Cache#refresh(Object, CacheLoader)}. */
    CompletableFuture<@Nullable V> refresh(K key, CacheLoader<? super K, V> loader);

    /** {@link Cache#refresh(Object, CacheLoader, CachePolicy)}. */
    CompletableFuture<@Nullable V> refresh(K key, CacheLoader<? super K, V> loader, CachePolicy policy);

    /** {@link Cache#put(Object, Object)}. */
    CompletableFuture<@Nullable Void> put(K key, V value);

    /** {@link Cache#put(Object, Object, CachePolicy)}. */
    CompletableFuture<@Nullable Void> put(K key, V value, CachePolicy policy);

    /** {@link Cache#put(Object, Object, Duration)}. */
    CompletableFuture<@Nullable Void> put(K key, V value, Duration ttl);

    /** {@link Cache#putAbsent(Object)}. */
    CompletableFuture<@Nullable Void> putAbsent(K key);

    /** {@link Cache#putAbsent(Object, Duration)}. */
    CompletableFuture<@Nullable Void> putAbsent(K key, Duration ttl);

    /** {@link Cache#putAll(Map)}. */
    CompletableFuture<@Nullable Void> putAll(Map<? extends K, ? extends V> entries);

    /** {@link Cache#putAll(Map, CachePolicy)}. */
    CompletableFuture<@Nullable Void> putAll(Map<? extends K, ? extends V> entries, CachePolicy policy);

    /** {@link Cache#putAll(Map, Duration)}. */
    CompletableFuture<@Nullable Void> putAll(Map<? extends K, ? extends V> entries, Duration ttl);

    /** {@link Cache#putIfAbsent(Object, Object)}. */
    CompletableFuture<Boolean> putIfAbsent(K key, V value);

    /** {@link Cache#putIfAbsent(Object, Object, CachePolicy)}. */
    CompletableFuture<Boolean> putIfAbsent(K key, V value, CachePolicy policy);

    /** {@link Cache#putIfAbsent(Object, Object, Duration)}. */
    CompletableFuture<Boolean> putIfAbsent(K key, V value, Duration ttl);

    /** {@link Cache#replace(Object, Object, Object)}. */
    CompletableFuture<Boolean> replace(K key, V expected, V value);

    /** {@link Cache#replace(Object, Object, Object, CachePolicy)}. */
    CompletableFuture<Boolean> replace(K key, V expected, V value, CachePolicy policy);

    /** {@link Cache#replace(Object, Object, Object, Duration)}. */
    CompletableFuture<Boolean> replace(K key, V expected, V value, Duration ttl);

    /** {@link Cache#ttl(Object)}. */
    CompletableFuture<Optional<Duration>> ttl(K key);

    /** {@link Cache#expire(Object, Duration)}. */
    CompletableFuture<Boolean> expire(K key, Duration ttl);

    /** {@link Cache#remove(Object)}. */
    CompletableFuture<Boolean> remove(K key);

    /** {@link Cache#remove(Object, Object)}. */
    CompletableFuture<Boolean> remove(K key, V expected);

    /** {@link Cache#removeAll(Collection)}. */
    CompletableFuture<@Nullable Void> removeAll(Collection<? extends K> keys);

    /** {@link Cache#markStale(Object)}. */
    CompletableFuture<Boolean> markStale(K key);

    /** {@link Cache#removeByTag(String)}. */
    CompletableFuture<@Nullable Void> removeByTag(String tag);

    /** {@link Cache#markStaleByTag(String)}. */
    CompletableFuture<@Nullable Void> markStaleByTag(String tag);

    /** {@link Cache#clear()}. */
    CompletableFuture<@Nullable Void> clear();
}
