package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** The outage that is played before there is one. */
class RehearsalTest {
    @Test
    void playsToItsEndAndLeavesNoThread() throws InterruptedException {
        assertTrue(Rehearsal.play(), "the tier that was lost came back");

        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("holdfast-rehearsal")) {
                thread.join(10_000);
                assertFalse(thread.isAlive(), thread.getName());
            }
        }
    }

    @Test
    void endsEarlyWhenItIsInterrupted() {
        Thread.currentThread().interrupt();

        boolean toTheEnd = Rehearsal.play();

        assertTrue(Thread.interrupted(), "interrupted, as before");
        assertFalse(toTheEnd);
    }
}
