package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.LatencyBuckets;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.StoreHealth;
import java.util.Arrays;
import java.util.List;

/** Counts, each with its place, and durations, that can be subtracted and added. Immutable. */
final class Tally {
    private final long[] counts;
    private final LatencyBuckets times;

    /** The place of a count. */
    interface Count {
        int place();
    }

    /** The counts of a cache. */
    enum OfCache implements Count {
        HITS(0),
        MISSES(1),
        STALE_HITS(2),
        LOADS(3),
        LOAD_FAILURES(4),
        FAILED_READS(5);

        private final int place;

        OfCache(int place) {
            this.place = place;
        }

        @Override
        public int place() {
            return place;
        }
    }

    /** The counts of a tier. */
    enum OfTier implements Count {
        TOTAL(0),
        FAILED(1),
        EXHAUSTED(2),
        EVICTIONS(3);

        private final int place;

        OfTier(int place) {
            this.place = place;
        }

        @Override
        public int place() {
            return place;
        }
    }

    private Tally(LatencyBuckets times, long... counts) {
        this.times = times;
        this.counts = counts;
    }

    static Tally of(CacheStats cache) {
        return new Tally(
                cache.loadTime().buckets(),
                cache.hits(),
                cache.misses(),
                cache.staleHits(),
                cache.loads(),
                cache.loadFailures(),
                cache.failedReads());
    }

    static Tally of(StoreHealth tier) {
        MemoryUse memory = tier.memory();
        return new Tally(
                tier.operations().latency().buckets(),
                tier.operations().total(),
                tier.operations().failed(),
                tier.pool().exhausted(),
                memory == null ? 0 : memory.evictions());
    }

    long count(Count which) {
        return counts[which.place()];
    }

    /** How long a cache's loads took, or a tier's operations. */
    LatencyBuckets times() {
        return times;
    }

    /** What came since an earlier one of the same source; all of this if the source began anew in between, which a lower count tells. */
    Tally since(Tally earlier) {
        if (this == earlier) {
            return new Tally(LatencyBuckets.NONE, new long[counts.length]);
        }
        long[] difference = new long[counts.length];
        for (int i = 0; i < counts.length; i++) {
            difference[i] = counts[i] - earlier.counts[i];
            if (difference[i] < 0) {
                return this;
            }
        }
        return new Tally(times.since(earlier.times), difference);
    }

    /** Whether nothing was counted in between. */
    boolean isThatOf(Tally other) {
        return Arrays.equals(counts, other.counts) && times.equals(other.times);
    }

    /** The sum of one or more; in pairs, so that thousands take no longer than they must. */
    static Tally sum(List<Tally> all) {
        int half = all.size() / 2;
        return half == 0 ? all.get(0) : sum(all.subList(0, half)).plus(sum(all.subList(half, all.size())));
    }

    Tally plus(Tally other) {
        long[] sum = new long[counts.length];
        for (int i = 0; i < counts.length; i++) {
            sum[i] = counts[i] + other.counts[i];
        }
        return new Tally(times.plus(other.times), sum);
    }
}
