package dev.holdfast.cache.internal;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoneCallsTest {
    private final LoneCalls calls = new LoneCalls();
    private long now;

    /** A call that takes so long, after a pause. */
    private void call(long pause, long took) {
        long heardAt = now;
        now += pause;
        calls.sent(now, heardAt);
        now += took;
        calls.took(took);
    }

    @Test
    void ofEightInARowOneGoesWithAMark() {
        call(0, 100);
        for (int i = 1; i < LoneCalls.MOST_UNPROVEN; i++) {
            assertFalse(calls.isMarkDue(), "call " + i);
            call(10, 100);
        }
        assertTrue(calls.isMarkDue());
        calls.marked();
        assertFalse(calls.isMarkDue());
    }

    @Test
    void aPauseInWhichALeftOverReplyWouldHaveComeProvesThemAll() {
        for (int i = 0; i < 100; i++) {
            call(401, 100);
            assertFalse(calls.isMarkDue());
        }
    }

    /** Each reply is that to the call before, which had almost arrived when the next call was sent. */
    @ParameterizedTest
    @ValueSource(longs = {1, 5, 20, 100, 150})
    void aPauseThatIsLongOnlyForRepliesThatCameTooSoonProvesNothing(long tooSoon) {
        for (int i = 0; i < 20; i++) {
            call(850, 1_000);
            if (calls.isMarkDue()) {
                calls.marked();
            }
        }
        int wrong = 0;
        while (!calls.isMarkDue() && wrong < 1_000) {
            call(850, tooSoon);
            wrong++;
        }
        int most = wrong;
        assertTrue(most <= LoneCalls.MOST_UNPROVEN, () -> most + " calls without a mark");
    }
}
