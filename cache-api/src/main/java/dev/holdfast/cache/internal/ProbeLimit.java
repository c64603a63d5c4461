package dev.holdfast.cache.internal;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * How long a probe of one server may take, for implementations of stores and clients. While callers wait for the verdict: four times the
 * median of the last five probes that were answered, no shorter than a healthy server on a bad day needs, and no longer than 1.5
 * seconds. While the server is out nobody waits, and how far it is may be unknown: then two seconds, if that is longer. A probe that took
 * longer than it was given says nothing of how far the server is: this process was stopped, or the answer was held back. Thread-safe.
 */
public final class ProbeLimit {
    private static final int KEPT = 5;
    private static final int FACTOR = 4;
    private static final long LONGEST_NANOS = TimeUnit.MILLISECONDS.toNanos(1_500);
    private static final long WHILE_OUT_NANOS = TimeUnit.SECONDS.toNanos(2);

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
     * @param nanos how long that took, in nanoseconds
     * @param limitNanos how long it had been given, in nanoseconds; it is not counted if it took longer
     */
    public synchronized void took(long nanos, long limitNanos) {
        if (nanos > limitNanos) {
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
        return Math.max(leastNanos, Math.min(FACTOR * medianNanos, LONGEST_NANOS));
    }

    /**
     * Returns how long the next probe may take if the server is out.
     *
     * @return nanoseconds, no less than {@link #nanos()}
     */
    public long nanosWhileOut() {
        return Math.max(nanos(), WHILE_OUT_NANOS);
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
