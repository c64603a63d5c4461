package dev.holdfast.cache.client;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheStats;
import java.util.function.Supplier;

/**
 * Is told which caches a client has, and when it closes. Called on the thread that opens or closes, which waits; what it throws is
 * logged. Of a cache that is opened and closed at the same time the last that is told is that it was closed; either may be told twice.
 * For any number of threads.
 */
public interface ClientListener {

    /**
     * A cache was opened, or was open when this listener was added.
     *
     * @param cache the cache
     * @param totals what it has done since it was opened, whatever statistics were reset: a reading costs a microsecond, does no I/O and works
     *     after closing, too. Its latencies are {@link dev.holdfast.cache.Latency#NONE}
     */
    default void cacheOpened(Cache<?, ?> cache, Supplier<CacheStats> totals) {}

    /**
     * A cache was closed. Another one of the same name may be open already.
     *
     * @param cache the cache
     */
    default void cacheClosed(Cache<?, ?> cache) {}

    /** The client closes: its health can't be asked any more, and nothing is told after this but the closing of caches. */
    default void clientClosed() {}
}
