package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What the last twenty calls say. */
class BreakerTest {
    private final Breaker breaker = new Breaker("tier", Duration.ofSeconds(1));

    private void fail(int calls) {
        for (int i = 0; i < calls; i++) {
            breaker.failed(new IllegalStateException("a call failed"));
        }
    }

    @Test
    void itTripsWhenHalfOfTwentyCallsFailed() {
        fail(9);
        breaker.answered(10, 0);
        assertFalse(breaker.tripped(), "nineteen are too few");
        assertEquals(9 / 19.0, breaker.failureRate(), 1e-9);
        fail(1);

        assertTrue(breaker.tripped());
        assertFalse(breaker.slow());
        assertEquals(0.5, breaker.failureRate(), 1e-9);
        fail(20);
        breaker.answered(100, 0);
        assertEquals(0.5, breaker.failureRate(), 1e-9, "what is tripped counts no more");
    }

    @Test
    void nineOfTwentyAreNotEnough() {
        fail(9);
        breaker.answered(11, 0);
        assertFalse(breaker.tripped());
        breaker.answered(1, 0);
        assertEquals(8 / 20.0, breaker.failureRate(), 1e-9, "the oldest is forgotten");
    }

    @Test
    void itTripsForSlownessWhenSixteenOfTwentyWereSlow() {
        breaker.answered(19, 15);
        breaker.answered(1, 0);
        assertFalse(breaker.tripped());
        assertFalse(breaker.slow());

        Breaker other = new Breaker("tier", Duration.ofSeconds(1));
        other.answered(20, 16);
        assertTrue(other.tripped());
        assertTrue(other.slow());
        assertEquals(0, other.failureRate());
    }

    @Test
    void whatFailedAndWasSlowIsNoMereSlowness() {
        breaker.answered(10, 10);
        fail(10);
        assertTrue(breaker.tripped());
        assertFalse(breaker.slow());
    }

    @Test
    void aThousandAnswersInOneReportAreAsGoodAsTwenty() {
        fail(9);
        breaker.answered(1_000, 0);
        assertEquals(0, breaker.failureRate());
        breaker.answered(1_000, 1_000);
        assertTrue(breaker.slow());
    }

    @Test
    void withoutACallNothingFailed() {
        assertEquals(0, breaker.failureRate());
    }

    @Test
    void itBeginsAnewAsItIsToldAndAsOften() {
        fail(20);
        assertTrue(breaker.tripped());
        breaker.reset();
        breaker.reset();
        assertFalse(breaker.tripped());
        fail(5);
        breaker.reset();
        assertFalse(breaker.tripped());
        assertEquals(0, breaker.failureRate());
    }
}
