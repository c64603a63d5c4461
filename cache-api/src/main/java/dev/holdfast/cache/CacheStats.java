package dev.holdfast.cache;

/**
 * What a cache has done since it was created or its statistics were reset. Counts are exact; taken while others call, they
 * are a moment's reading of each.
 *
 * @param hits reads answered by a fresh entry, near or not, a remembered absence included; each key of a bulk read counts
 * @param misses reads that found no fresh entry where the store did answer
 * @param staleHits reads answered by a stale value, because a load failed, rests or takes too long; they are misses too
 * @param joins reads that waited for a load which another had begun
 * @param loads loads that ended with a value or with its absence; each key of a bulk load counts
 * @param loadFailures loads that failed, those whose lease ran out included
 * @param leasesExpired loads that did not end within their lease
 * @param loadsRunning loads that run now
 * @param loadsWaiting loads that wait for their place now
 * @param stored entries stored, by loads and by callers
 * @param notStored loaded values that were not stored, since their key was changed meanwhile; by another process, too, which may have
 *     stored what it loaded itself
 * @param removals keys removed by callers
 * @param unreadable entries that were damaged, of an unknown version, or refused by the codec; they are misses too
 * @param misplaced unreadable entries that were written under another key: some server, proxy or client library answers questions
 *     that were not asked. Anything but 0 wants an operator's attention
 * @param failedReads reads (each call counts once) that the store did not answer: neither hits nor misses
 * @param failedWrites writes that the store did not take, those of loads included
 * @param failedRemovals removals, markings and clearings that the store did not do
 * @param loadTime how long loaders took, failed ones included
 * @param readTime how long reads of the store took, decoding included; where the store is this process's memory, of a
 *     random 64th of the calls; reads that were answered near are no reads of the store
 * @param near what its near cache has done; {@link NearStats#NONE} if it has none
 */
public record CacheStats(
        long hits,
        long misses,
        long staleHits,
        long joins,
        long loads,
        long loadFailures,
        long leasesExpired,
        long loadsRunning,
        long loadsWaiting,
        long stored,
        long notStored,
        long removals,
        long unreadable,
        long misplaced,
        long failedReads,
        long failedWrites,
        long failedRemovals,
        Latency loadTime,
        Latency readTime,
        NearStats near) {

    /**
     * Returns the share of the reads that a fresh entry answered, of those that the store did answer.
     *
     * @return from 0 to 1; 0 if there were none
     */
    public double hitRatio() {
        long reads = hits + misses;
        return reads == 0 ? 0 : (double) hits / reads;
    }
}
