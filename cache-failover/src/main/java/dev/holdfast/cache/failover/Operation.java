package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheStore;
import java.util.List;

/** What a request does on one store. */
@FunctionalInterface
interface Operation<R> {
    /**
     * Does it.
     *
     * @param store where
     * @param keys for which of the request's keys
     * @return its result
     */
    R on(CacheStore store, List<String> keys);

    /** One without a result. */
    @FunctionalInterface
    interface Change {
        void on(CacheStore store, List<String> keys);
    }

    static Operation<Boolean> of(Change change) {
        return (store, keys) -> {
            change.on(store, keys);
            return true;
        };
    }
}
