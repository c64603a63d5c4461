package dev.holdfast.cache.failover;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the callers saw, and what they may see: nothing that was written before an acknowledged invalidation, after it. */
final class ModelHistory {
    private static final long NOT_OVER = Long.MAX_VALUE;

    private final ModelWorld world;
    private final Map<Long, Long> ends = new HashMap<>();
    private final List<Invalidation> invalidations = new ArrayList<>();
    private final Map<String, long[]> counts = new HashMap<>();
    private long writers;

    private static final class Invalidation {
        final String prefix;
        final boolean exact;
        final long begin;
        final long writer;
        long acknowledged = NOT_OVER;

        Invalidation(String prefix, boolean exact, long begin, long writer) {
            this.prefix = prefix;
            this.exact = exact;
            this.begin = begin;
            this.writer = writer;
        }

        boolean covers(String key) {
            return exact ? key.equals(prefix) : key.startsWith(prefix);
        }
    }

    ModelHistory(ModelWorld world) {
        this.world = world;
    }

    /** A call that stores begins; what it stores is its number. */
    long writer() {
        ends.put(++writers, NOT_OVER);
        return writers;
    }

    /** It returned or threw: what it stored counts as written before whatever begins from now on. */
    void wrote(long writer) {
        ends.put(writer, world.step);
    }

    /** A call that invalidates begins. Returns what tells that it is acknowledged. */
    Runnable invalidation(String key, boolean exact, long writer) {
        Invalidation invalidation = new Invalidation(key, exact, world.step, writer);
        invalidations.add(invalidation);
        return () -> invalidation.acknowledged = world.step;
    }

    /** A read that began then saw this. */
    void read(String key, long value, long begin, String where) {
        long end = ends.get(value);
        for (Invalidation invalidation : invalidations) {
            if (invalidation.covers(key)
                    && invalidation.writer != value
                    && end < invalidation.begin
                    && invalidation.acknowledged < begin) {
                throw new AssertionError(
                        "promise 2: " + where + " saw " + key + "=" + value + ", written before step " + end
                                + ", after it was invalidated from step " + invalidation.begin + " to "
                                + invalidation.acknowledged + "; " + world.describe());
            }
        }
    }

    void counted(String key, boolean acknowledged) {
        counts.computeIfAbsent(key, k -> new long[2])[acknowledged ? 0 : 1]++;
    }

    /** Peace has come: what the first tier holds must be right. */
    void reckon() {
        world.step++;
        Map<String, Long> values = world.finalValues(0);
        values.forEach((key, value) -> {
            if (!key.startsWith("#")) {
                read(key, value, world.step, "the end");
            }
        });
        if (world.countersVoid) {
            return;
        }
        counts.forEach((key, sums) -> {
            long counter = values.getOrDefault(key, 0L);
            if (counter < sums[0]) {
                throw new AssertionError("lost increments: " + key + "=" + counter + ", acknowledged " + sums[0] + "; "
                        + world.describe());
            }
            if (counter > sums[0] + sums[1]) {
                throw new AssertionError("increments twice: " + key + "=" + counter + ", acknowledged " + sums[0]
                        + ", unknown " + sums[1] + "; " + world.describe());
            }
        });
    }
}
