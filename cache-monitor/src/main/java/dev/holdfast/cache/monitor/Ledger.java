package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheStats;
import java.time.InstantSource;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Makes counts that never fall out of those of caches and tiers, which fall when somebody resets them, a cache is opened anew or memory begins to
 * serve anew: what is counted between the last look and such a moment is lost, and nothing is negative. For any number of threads.
 */
final class Ledger {
    static final int MOST_NAMED = 100;
    /** Longer than the longest window. */
    private static final long KEPT = TimeUnit.HOURS.toNanos(2);

    private final Supplier<CacheHealth> health;
    private final Supplier<SortedMap<String, CacheStats>> stats;
    private final LongSupplier nanoTime;
    private final InstantSource clock;
    private final Map<String, Entry> caches = new TreeMap<>();
    private final Map<String, Entry> tiers = new LinkedHashMap<>();
    /** Since when a cache that was open is not. */
    private final Map<String, Long> gone = new HashMap<>();

    private Set<String> named = Set.of();
    private @Nullable Tally closed;

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
        long now = nanoTime.getAsLong();
        if (named.size() < MOST_NAMED) {
            named = Stream.concat(named.stream(), caches.keySet().stream())
                    .distinct()
                    .limit(MOST_NAMED)
                    .collect(Collectors.toUnmodifiableSet());
        }
        forget(statsNow.keySet(), now);
        healthNow.tiers().forEach(tier -> enter(tiers, tier.name(), Tally.of(tier.store())));
        Sample sample = new Sample(now, clock.instant(), sums(caches), closed, named, sums(tiers));
        return new Look(sample, healthNow, statsNow);
    }

    /** An application may open and close caches for ever: those that no window has any more are one sum. */
    private void forget(Set<String> open, long now) {
        gone.keySet().removeAll(open);
        if (caches.size() == open.size()) {
            return;
        }
        for (Iterator<Map.Entry<String, Entry>> each = caches.entrySet().iterator(); each.hasNext(); ) {
            Map.Entry<String, Entry> cache = each.next();
            if (open.contains(cache.getKey()) || named.contains(cache.getKey())) {
                continue;
            }
            Long since = gone.putIfAbsent(cache.getKey(), now);
            if (since != null && now - since > KEPT) {
                Tally sum = cache.getValue().sum();
                closed = closed == null ? sum : closed.plus(sum);
                gone.remove(cache.getKey());
                each.remove();
            }
        }
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
