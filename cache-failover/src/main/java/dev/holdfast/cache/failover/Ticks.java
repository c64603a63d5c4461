package dev.holdfast.cache.failover;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A clock that costs its readers one volatile read: a number that grows by one about every 50 ms while calls are made. It
 * counts how often its thread ran, not the time: after a pause of the process no call looks old that is not.
 */
final class Ticks {
    static final long PERIOD = TimeUnit.MILLISECONDS.toNanos(50);

    private static final int KEPT = 256;

    private final LongSupplier nanoTime;
    private final AtomicLongArray startedAt = new AtomicLongArray(KEPT);
    private volatile @Nullable Thread thread;
    /** Not negative while the clock runs; its complement while it rests. */
    private volatile int tick;

    Ticks(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        startedAt.set(0, nanoTime.getAsLong());
    }

    /** The thread to be woken by the first call after a rest. */
    void wakes(Thread ticker) {
        thread = ticker;
    }

    /** The tick in which a call begins; wakes the clock if it rests. */
    int begin() {
        int now = tick;
        return now >= 0 ? now : wake();
    }

    /** The current tick. */
    int current() {
        int now = tick;
        return now >= 0 ? now : ~now;
    }

    private int wake() {
        int next = advance();
        LockSupport.unpark(thread);
        return next;
    }

    /** Begins the next tick. */
    synchronized int advance() {
        int next = current() + 1 & Integer.MAX_VALUE;
        startedAt.set(next & KEPT - 1, nanoTime.getAsLong());
        tick = next;
        return next;
    }

    /** Stops the clock until the next call. */
    synchronized void rest() {
        tick = ~current();
    }

    /** When a tick began; of one too long ago, when the oldest known one did. */
    long startOf(int tick) {
        int age = current() - tick;
        return startedAt.get(age < KEPT ? tick & KEPT - 1 : current() + 1 & KEPT - 1);
    }
}
