package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.concurrent.Callable;

/** Waits for what a real process does in its own time. */
final class Eventually {
    private static final long BOUND_NANOS = 30_000_000_000L;

    private Eventually() {}

    static void until(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + BOUND_NANOS;
        while (!condition.call()) {
            if (System.nanoTime() - deadline > 0) {
                fail("waited 30 s for " + what);
            }
            Thread.sleep(5);
        }
    }
}
