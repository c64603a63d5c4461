package dev.holdfast.cache.examples;

import java.util.concurrent.locks.LockSupport;

/** Waits that end when a clock says so. */
final class Pause {
    private Pause() {}

    /** Waits until {@link System#nanoTime} has reached a moment. */
    static void until(long nanos) {
        long left = nanos - System.nanoTime();
        while (left > 0) {
            LockSupport.parkNanos(left);
            left = nanos - System.nanoTime();
        }
    }
}
