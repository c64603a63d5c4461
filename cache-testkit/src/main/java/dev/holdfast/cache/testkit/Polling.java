package dev.holdfast.cache.testkit;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** A bounded wait for what others bring about, by looking again every few milliseconds. */
final class Polling {
    private static final long NAP_MILLIS = 5;

    private Polling() {}

    /**
     * Waits until it is so.
     *
     * @return whether it came to be so within the bound
     * @throws IllegalStateException if the thread is interrupted; it stays so
     */
    static boolean until(Duration bound, BooleanSupplier condition) {
        long deadline = System.nanoTime() + bound.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                return false;
            }
            try {
                Thread.sleep(NAP_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while waiting", e);
            }
        }
        return true;
    }
}
