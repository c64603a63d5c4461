package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class StallsTest {
    private final Stalls stalls = new Stalls();

    @Test
    void aThreadThatRunsLateByMoreThanItsShareHasStoodStill() {
        assertFalse(stalls.since(Long.MIN_VALUE / 2));
        assertFalse(stalls.ran(100, 100 + Stalls.LATE));
        assertFalse(stalls.since(0));
        assertTrue(stalls.ran(100, 101 + Stalls.LATE));

        assertTrue(stalls.since(101 + Stalls.LATE));
        assertFalse(stalls.since(102 + Stalls.LATE));
    }
}
