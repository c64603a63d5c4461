package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheStats;
import java.time.InstantSource;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Makes counts that never fall out of those of caches and tiers, which fall when somebody resets them, a cache is opened anew or memory begins to
 * serve anew: what is counted between the last look and such a moment is lost, and nothing is negative. For any number of threads.
 */
final class Ledger {
    private final Supplier<CacheHealth> health;
    private final Supplier<SortedMap<String, CacheStats>> stats;
    private final LongSupplier nanoTime;
    private final InstantSource clock;
    private final Map<String, Entry> caches = new TreeMap<>();
    private final Map<String, Entry> tiers = new LinkedHashMap<>();

    /** What was last seen of a source, and what it comes to. */
    private record Entry(Tally seen, Tally sum) {
        Entry next(Tally now) {
            return now.isThatOf(seen) ? this : new Entry(now, sum.plus(now.since(seen)));
        }
    }

    /**
     * What was seen at one moment.
     *
     * @param sample what it comes to
     * @param health the health
     * @param stats what the caches say
     */
    record Look(Sample sample, CacheHealth health, SortedMap<String, CacheStats> stats) {}

    Ledger(
            Supplier<CacheHealth> health,
            Supplier<SortedMap<String, CacheStats>> stats,
            LongSupplier nanoTime,
            InstantSource clock) {
        this.health = health;
        this.stats = stats;
        this.nanoTime = nanoTime;
        this.clock = clock;
    }

    /** The present moment, as samples have it. */
    long nanos() {
        return nanoTime.getAsLong();
    }

    synchronized Look look() {
        CacheHealth healthNow = health.get();
        SortedMap<String, CacheStats> statsNow = stats.get();
        statsNow.forEach((name, each) -> enter(caches, name, Tally.of(each)));
        healthNow.tiers().forEach(tier -> enter(tiers, tier.name(), Tally.of(tier.store())));
        Sample sample = new Sample(nanoTime.getAsLong(), clock.instant(), sums(caches), sums(tiers));
        return new Look(sample, healthNow, statsNow);
    }

    private static void enter(Map<String, Entry> entries, String name, Tally now) {
        Entry known = entries.get(name);
        entries.put(name, known == null ? new Entry(now, now) : known.next(now));
    }

    private static Map<String, Tally> sums(Map<String, Entry> entries) {
        Map<String, Tally> sums = new LinkedHashMap<>();
        entries.forEach((name, entry) -> sums.put(name, entry.sum()));
        return Collections.unmodifiableMap(sums);
    }
}
