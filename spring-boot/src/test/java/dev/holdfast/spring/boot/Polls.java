package dev.holdfast.spring.boot;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for a condition, within a bound. */
final class Polls {
    private static final long LONGEST = TimeUnit.SECONDS.toNanos(30);

    private Polls() {}

    static void until(String what, BooleanSupplier condition) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > LONGEST) {
                throw new AssertionError("waited 30 s in vain until " + what);
            }
            LockSupport.parkNanos(5_000_000);
        }
    }
}
