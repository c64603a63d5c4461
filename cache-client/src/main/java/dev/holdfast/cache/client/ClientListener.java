package dev.holdfast.cache.client;

import dev.holdfast.cache.Cache;

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
     * @param figures what it has done and has, now and later
     */
    default void cacheOpened(Cache<?, ?> cache, CacheFigures figures) {}

    /**
     * A cache was closed. Another one of the same name may be open already.
     *
     * @param cache the cache
     */
    default void cacheClosed(Cache<?, ?> cache) {}

    /** The client closes: its health can't be asked any more, and nothing is told after this but the closing of caches. */
    default void clientClosed() {}
}
