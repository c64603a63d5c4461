package dev.holdfast.cache.benchmarks;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.locks.LockSupport;

/** How long, at most, this machine has kept a thread waiting that had nothing to wait for. Thread-safe. */
final class StallWatch implements AutoCloseable {
    private static final long NAP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final LongAccumulator longest = new LongAccumulator(Math::max, 0);
    private final Thread thread = new Thread(this::watch, "stall-watch");
    private volatile boolean closed;

    StallWatch() {
        thread.setDaemon(true);
        thread.start();
    }

    private void watch() {
        while (!closed) {
            long before = System.nanoTime();
            LockSupport.parkNanos(NAP_NANOS);
            longest.accumulate(System.nanoTime() - before - NAP_NANOS);
        }
    }

    Thread thread() {
        return thread;
    }

    /** Forgets what was. */
    void reset() {
        longest.reset();
    }

    double millis() {
        return longest.get() / 1e6;
    }

    @Override
    public void close() {
        closed = true;
    }
}
