package dev.holdfast.cache.monitor;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for a condition, with a bound. */
final class Await {
    private static final long STEP = TimeUnit.MILLISECONDS.toNanos(10);

    private Await() {}

    /** Returns how long it took. */
    static Duration until(Duration most, Supplier<String> what, BooleanSupplier condition) {
        long begin = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - begin > most.toNanos()) {
                throw new AssertionError("waited " + most + " for " + what.get());
            }
            LockSupport.parkNanos(STEP);
        }
        return Duration.ofNanos(System.nanoTime() - begin);
    }
}
