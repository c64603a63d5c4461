package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.spi.EntryUse;
import org.jspecify.annotations.Nullable;

/**
 * What an open cache has done and has. Does no I/O; works after the cache was closed, too. For any number of threads.
 */
public interface CacheFigures {

    /**
     * Returns what the cache has done since it was opened, whatever statistics were reset. A reading costs a microsecond.
     *
     * @return the figures, whose latencies are {@link dev.holdfast.cache.Latency#NONE}
     */
    CacheStats totals();

    /**
     * Returns what is in this process's memory of the cache, where that is all there is of it. A reading takes time for each entry.
     *
     * @return the figures; {@code null} of a cache on servers, and of one with a raw codec, whose keys can't be told from those of others
     */
    @Nullable
    EntryUse use();
}
