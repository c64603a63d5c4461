package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Keys that rest after a failed load. */
class RetryPausesTest {
    private static final Duration REST = Duration.ofSeconds(5);

    private final FakeTime time = new FakeTime();
    private final RetryPauses pauses = new RetryPauses(time);

    @Test
    void aPauseEndsAfterItsTimeOrByAChange() {
        pauses.begin("a", REST);
        pauses.begin("b", REST);
        pauses.begin("c", Duration.ZERO);
        assertTrue(pauses.holds("a"));
        assertFalse(pauses.holds("c"));
        pauses.end("a");
        assertFalse(pauses.holds("a"));
        time.advance(REST);
        assertFalse(pauses.holds("b"));
    }

    @Test
    void beyondTheBoundTheOldestPauseGivesWayToTheNewest() {
        int many = 5 * RetryPauses.MOST;
        for (int i = 0; i < many; i++) {
            pauses.begin("k" + i, REST);
        }
        assertEquals(RetryPauses.MOST, pauses.count());
        assertTrue(pauses.holds("k" + (many - 1)));
        assertTrue(pauses.holds("k" + (many - RetryPauses.MOST)));
        assertFalse(pauses.holds("k" + (many - RetryPauses.MOST - 1)));
    }

    @Test
    void oneKeyThatRestsAgainAndAgainPushesNoOtherOutAndTakesNoMoreRoom() {
        pauses.begin("other", REST);
        for (int i = 0; i < RetryPauses.MOST - 1; i++) {
            pauses.begin("k", REST);
            pauses.end("k");
        }
        assertTrue(pauses.holds("other"));
        for (int i = 0; i < 3 * RetryPauses.MOST; i++) {
            pauses.begin("k", REST);
        }
        assertTrue(pauses.holds("k"), "an old end of it ends no new one");
        assertEquals(RetryPauses.MOST, pauses.count());
    }
}
