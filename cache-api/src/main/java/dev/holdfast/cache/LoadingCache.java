package dev.holdfast.cache;

import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Cache} that knows how its values are loaded: a read of what it does not hold loads it. {@link #find}, {@link #lookup} and
 * {@link #contains} never load.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
public interface LoadingCache<K, V> extends Cache<K, V> {

    /**
     * Returns the value of a key and loads it if there is no fresh one, like {@link #get(Object, CacheLoader)} with this cache's loader.
     *
     * @param key the key
     * @return the value; {@code null} if the source has none
     * @throws CacheLoadException if the load failed and no stale value stands in; an unchecked exception of the loader arrives as it is
     */
    @Override
    @Nullable
    V get(K key);

    /**
     * Returns the values of several keys: one call of the store, and loads of what it does not hold, like
     * {@link #getAll(Collection, BulkCacheLoader)} with this cache's loader. A loader of single keys is called for one key after the other.
     *
     * @param keys the keys; duplicates are harmless
     * @return a mutable map of those that have a value, in the order of {@code keys}
     * @throws CacheLoadException if a key's load failed and no stale value stands in; what was loaded is stored all the same
     */
    @Override
    Map<K, V> getAll(Collection<? extends K> keys);

    /**
     * Loads a value whatever the cache holds, like {@link #refresh(Object, CacheLoader)} with this cache's loader.
     *
     * @param key the key
     * @return the value; {@code null} if the source has none
     * @throws CacheLoadException if the load failed
     */
    @Nullable
    V refresh(K key);

    /** {@inheritDoc} */
    @Override
    AsyncLoadingCache<K, V> async();
}
