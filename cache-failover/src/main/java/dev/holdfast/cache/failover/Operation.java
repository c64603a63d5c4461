package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheStore;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a request does on one store. */
@FunctionalInterface
interface Operation<R extends @Nullable Object> {
    /**
     * Does it.
     *
     * @param store where
     * @param keys for which of the request's keys
     * @return its result
     */
    R on(CacheStore store, List<String> keys);
}
