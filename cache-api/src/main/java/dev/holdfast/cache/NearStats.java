package dev.holdfast.cache;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a near cache has done since its cache was opened or its statistics were reset. Counts are exact; taken while others call, they are a moment's
 * reading of each.
 *
 * @param hits reads that were answered near, remembered absences included; they are hits of the cache, too
 * @param misses reads that went on to the store
 * @param invalidations changes of keys that were told, this client's own included where a server tells of them
 * @param flushes how often all that was near became unusable at once, by reason; unmodifiable, with every reason, or empty if the
 *     cache keeps nothing near
 * @param entries how many entries are kept now, those that are outdated and not yet replaced included
 * @param trustedSince since when changes by others have been told of; {@code null} if they are not at the moment
 */
public record NearStats(
        long hits,
        long misses,
        long invalidations,
        Map<FlushReason, Long> flushes,
        long entries,
        @Nullable Instant trustedSince) {

    /** Those of a cache without near cache. */
    public static final NearStats NONE = new NearStats(0, 0, 0, Map.of(), 0, null);

    /** Copies. */
    public NearStats {
        flushes = Map.copyOf(flushes);
    }

    /**
     * Says whether the cache keeps entries near at all.
     *
     * @return {@code false} of {@link #NONE}
     */
    public boolean isKept() {
        return !flushes.isEmpty();
    }

    /**
     * Returns how often all that was near became unusable at once.
     *
     * @param reason for this reason
     * @return how often
     */
    public long flushes(FlushReason reason) {
        return flushes.getOrDefault(reason, 0L);
    }
}
