package dev.holdfast.cache;

import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Finds a value at a source that answers later. Otherwise like {@link CacheLoader}.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
@FunctionalInterface
public interface AsyncCacheLoader<K, V> {

    /**
     * Begins to load a value.
     *
     * @param key the key
     * @return ends with the value, {@code null} if there is none, or with why it can't be had. Cancelled when the lease
     *     ({@link CachePolicy#loadTimeout()}) runs out or nobody waits for it any more
     * @throws Exception if it can't even begin
     */
    CompletionStage<@Nullable V> load(K key) throws Exception;
}
