package dev.holdfast.cache;

import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A {@link LoadingCache} whose operations return at once.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
public interface AsyncLoadingCache<K, V> extends AsyncCache<K, V> {

    /** {@link LoadingCache#get(Object)}. */
    @Override
    CompletableFuture<@Nullable V> get(K key);

    /** {@link LoadingCache#getAll(Collection)}. */
    @Override
    CompletableFuture<Map<K, V>> getAll(Collection<? extends K> keys);

    /** {@link LoadingCache#refresh(Object)}. */
    CompletableFuture<@Nullable V> refresh(K key);
}
