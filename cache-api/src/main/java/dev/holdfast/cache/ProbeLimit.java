package dev.holdfast.cache;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * How long a probe of one server may take, for implementations of stores and clients: four times the median of the last five that were
 * answered, and no shorter than a healthy server on a bad day needs. A probe that took longer than its limit says nothing of how far
 * the server is: this process was stopped, or the answer was held back. Thread-safe.
 */
public final class ProbeLimit {
    private static final int KEPT = 5;
    private static final int FACTOR = 4;

    private final long leastNanos;
    private final long[] times = new long[KEPT];
    private int count;
    private volatile long medianNanos;

    /**
     * Creates one that knows no probe.
     *
     * @param leastNanos the shortest limit, in nanoseconds, positive
     */
    public ProbeLimit(long leastNanos) {
        if (leastNanos <= 0) {
            throw new IllegalArgumentException("leastNanos must be positive, but is " + leastNanos);
        }
        this.leastNanos = leastNanos;
    }

    /**
     * Notes that a probe was answered.
     *
     * @param nanos how long that took, in nanoseconds; not counted if it is longer than the limit
     */
    public synchronized void took(long nanos) {
        if (nanos > nanos()) {
            return;
        }
        times[count++ % KEPT] = Math.max(0, nanos);
        long[] sorted = Arrays.copyOf(times, Math.min(count, KEPT));
        Arrays.sort(sorted);
        // Of an even number the lower: one slow answer at the start is not the rule.
        medianNanos = sorted[(sorted.length - 1) / 2];
    }

    /**
     * Returns how long the next probe may take.
     *
     * @return nanoseconds, positive
     */
    public long nanos() {
        return Math.max(leastNanos, FACTOR * medianNanos);
    }

    /**
     * Returns how long a probe takes, as a rule.
     *
     * @return nanoseconds; 0 if none was answered yet
     */
    public long medianNanos() {
        return medianNanos;
    }

    @Override
    public String toString() {
        return TimeUnit.NANOSECONDS.toMillis(nanos()) + " ms";
    }
}
