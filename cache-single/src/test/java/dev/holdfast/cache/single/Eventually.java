package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for what must come, with a bound. */
final class Eventually {
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private Eventually() {}

    static void until(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                fail("waited in vain for: " + what);
            }
            LockSupport.parkNanos(1_000_000);
        }
    }
}
