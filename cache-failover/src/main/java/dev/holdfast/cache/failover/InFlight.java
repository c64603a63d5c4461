package dev.holdfast.cache.failover;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Counts a tier's calls, begun and ended, by the time in which they began: what began long ago and has not ended is stuck. Times
 * are told apart in steps of one tick, or of as many as it takes to look back as far as is asked for. For any number of threads,
 * without locks; two uncontended additions a call, no allocation.
 */
final class InFlight {
    /** How many steps are told apart; older calls are seen among those of the step that took their bucket over. */
    static final int BUCKETS = 64;

    private static final int STRIPE = 2 * BUCKETS;
    private static final int STRIPES =
            Math.min(64, Integer.highestOneBit(Math.max(2, Runtime.getRuntime().availableProcessors()) * 2 - 1) * 2);

    private final AtomicLongArray cells = new AtomicLongArray(STRIPES * STRIPE);
    /** A step has two to the power of this many ticks. */
    private final int shift;

    /**
     * Makes one without calls.
     *
     * @param longest the greatest age, in ticks, that {@link #stuck} will be asked for
     */
    InFlight(int longest) {
        int steps = 0;
        while (longest >> steps > BUCKETS / 2) {
            steps++;
        }
        shift = steps;
    }

    void begin(int tick) {
        cells.getAndIncrement(cell(tick));
    }

    void end(int tick) {
        cells.getAndIncrement(cell(tick) + 1);
    }

    private int cell(int tick) {
        int stripe = (int) Thread.currentThread().getId() & STRIPES - 1;
        return stripe * STRIPE + 2 * (tick >> shift & BUCKETS - 1);
    }

    /** How many calls have ended. */
    long ended() {
        long sum = 0;
        for (int i = 1; i < cells.length(); i += 2) {
            sum += cells.get(i);
        }
        return sum;
    }

    /** Whether a call that began {@code age} ticks ago or earlier, up to a step earlier than asked for, has not ended. */
    boolean stuck(int tick, int age) {
        int step = tick >> shift;
        for (int i = (age + (1 << shift) - 1) >> shift; i < BUCKETS; i++) {
            int cell = 2 * (step - i & BUCKETS - 1);
            // Ends first: a call that ends in between makes the count too high for a moment, never too low.
            long open = 0;
            for (int stripe = 0; stripe < STRIPES; stripe++) {
                open -= cells.get(stripe * STRIPE + cell + 1);
            }
            for (int stripe = 0; stripe < STRIPES; stripe++) {
                open += cells.get(stripe * STRIPE + cell);
            }
            if (open > 0) {
                return true;
            }
        }
        return false;
    }
}
