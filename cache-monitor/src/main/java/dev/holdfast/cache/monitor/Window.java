package dev.holdfast.cache.monitor;

import dev.holdfast.cache.Latency;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What went on between two samples. Rates are {@code null} where there was nothing to take them of. Immutable. */
final class Window {
    private static final double HUNDRED = 100;

    private final Sample from;
    private final Sample to;
    private final @Nullable String servingTier;
    private final Map<String, Tally> caches;
    private final Map<String, Tally> tiers;

    /**
     * Compares two samples.
     *
     * @param from the earlier
     * @param to the later
     * @param servingTier whose operations are timed; {@code null} if no tier serves
     */
    Window(Sample from, Sample to, @Nullable String servingTier) {
        this.from = from;
        this.to = to;
        this.servingTier = servingTier;
        this.caches = since(from.caches(), to.caches());
        this.tiers = since(from.tiers(), to.tiers());
    }

    private static Map<String, Tally> since(Map<String, Tally> from, Map<String, Tally> to) {
        Map<String, Tally> since = new LinkedHashMap<>();
        to.forEach((name, later) -> {
            Tally earlier = from.get(name);
            since.put(name, earlier == null ? later : later.since(earlier));
        });
        return since;
    }

    Instant end() {
        return to.time();
    }

    long millis() {
        return TimeUnit.NANOSECONDS.toMillis(to.nanos() - from.nanos());
    }

    /** By name, sorted. */
    Map<String, Tally> caches() {
        return caches;
    }

    /** The sum of a count over all caches. */
    long ofCaches(Tally.OfCache which) {
        return caches.values().stream().mapToLong(tally -> tally.count(which)).sum();
    }

    /** The sum of a count over all tiers, since a call may be answered by one that does not serve. */
    long ofTiers(Tally.OfTier which) {
        return tiers.values().stream().mapToLong(tally -> tally.count(which)).sum();
    }

    long reads() {
        return ofCaches(Tally.OfCache.HITS) + ofCaches(Tally.OfCache.MISSES);
    }

    /** In percent. */
    @Nullable
    Double hitRate() {
        return percent(ofCaches(Tally.OfCache.HITS), reads());
    }

    static long reads(Tally cache) {
        return cache.count(Tally.OfCache.HITS) + cache.count(Tally.OfCache.MISSES);
    }

    /** In percent. */
    static @Nullable Double hitRate(Tally cache) {
        return percent(cache.count(Tally.OfCache.HITS), reads(cache));
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
        Tally serving = servingTier == null ? null : tiers.get(servingTier);
        return serving == null ? Latency.NONE : serving.times().summary();
    }

    private static @Nullable Double percent(long part, long all) {
        return all == 0 ? null : HUNDRED * part / all;
    }
}
