package dev.holdfast.cache.internal;

import dev.holdfast.cache.Latency;
import dev.holdfast.cache.LatencyHistogram;
import dev.holdfast.cache.OperationStats;
import dev.holdfast.cache.StoreHealth;
import java.util.concurrent.atomic.LongAdder;

/**
 * Counts a store's operations and how long they took, for {@link StoreHealth}. For any number of threads, without locks;
 * recording allocates nothing.
 */
public final class OperationMeter {
    private final LongAdder failed = new LongAdder();
    private final LatencyHistogram latency = new LatencyHistogram();

    /** Creates one that has counted nothing. */
    public OperationMeter() {}

    /**
     * Counts an operation.
     *
     * @param startNanos {@link System#nanoTime()} when it began
     * @param success whether it got an answer, a refusal included
     */
    public void record(long startNanos, boolean success) {
        latency.record(System.nanoTime() - startNanos);
        if (!success) {
            failed.increment();
        }
    }

    /** Forgets everything. */
    public void reset() {
        failed.reset();
        latency.reset();
    }

    /**
     * Sums up what was recorded so far.
     *
     * @return the figures
     */
    public OperationStats snapshot() {
        long failures = failed.sum();
        Latency figures = latency.snapshot();
        return new OperationStats(Math.max(figures.count(), failures), failures, figures);
    }
}
