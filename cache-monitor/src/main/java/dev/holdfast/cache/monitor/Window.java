package dev.holdfast.cache.monitor;

import dev.holdfast.cache.Latency;
import dev.holdfast.cache.LatencyBuckets;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What went on between two samples. Rates are {@code null} where there was nothing to take them of.
 *
 * @param from the earlier sample
 * @param to the later one
 * @param servingTier whose operations are timed; {@code null} if no tier serves
 */
record Window(Sample from, Sample to, @Nullable String servingTier) {
    private static final double HUNDRED = 100;

    long millis() {
        return TimeUnit.NANOSECONDS.toMillis(to.nanos() - from.nanos());
    }

    /** The sum of a count over all caches. */
    long ofCaches(Tally.OfCache which) {
        return to.caches().keySet().stream()
                .mapToLong(name -> ofCache(name).count(which))
                .sum();
    }

    Tally ofCache(String name) {
        return since(name, from.caches(), to.caches());
    }

    /** The sum of a count over all tiers, since a call may be answered by one that does not serve. */
    long ofTiers(Tally.OfTier which) {
        return to.tiers().keySet().stream()
                .mapToLong(name -> since(name, from.tiers(), to.tiers()).count(which))
                .sum();
    }

    private static Tally since(String name, Map<String, Tally> from, Map<String, Tally> to) {
        Tally later = to.get(name);
        if (later == null) {
            throw new IllegalArgumentException("nothing is counted for " + name);
        }
        Tally earlier = from.get(name);
        return earlier == null ? later : later.since(earlier);
    }

    long reads() {
        return ofCaches(Tally.OfCache.HITS) + ofCaches(Tally.OfCache.MISSES);
    }

    /** In percent. */
    @Nullable
    Double hitRate() {
        return percent(ofCaches(Tally.OfCache.HITS), reads());
    }

    @Nullable
    Double hitRate(String cache) {
        Tally tally = ofCache(cache);
        long hits = tally.count(Tally.OfCache.HITS);
        return percent(hits, hits + tally.count(Tally.OfCache.MISSES));
    }

    /** In percent. */
    @Nullable
    Double errorRate() {
        return percent(ofTiers(Tally.OfTier.FAILED), ofTiers(Tally.OfTier.TOTAL));
    }

    double operationsPerSecond() {
        long millis = millis();
        return millis == 0 ? 0 : ofTiers(Tally.OfTier.TOTAL) * 1_000.0 / millis;
    }

    /** How long the serving tier's operations took; {@link Latency#NONE} where they are not timed, as in memory. */
    Latency responseTime() {
        LatencyBuckets times = servingTier == null || !to.tiers().containsKey(servingTier)
                ? LatencyBuckets.NONE
                : since(servingTier, from.tiers(), to.tiers()).times();
        return times.summary();
    }

    private static @Nullable Double percent(long part, long all) {
        return all == 0 ? null : HUNDRED * part / all;
    }
}
