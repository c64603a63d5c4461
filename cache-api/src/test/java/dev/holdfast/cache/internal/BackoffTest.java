package dev.holdfast.cache.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class BackoffTest {
    private static final Duration FIRST = Duration.ofMillis(100);
    private static final Duration MOST = Duration.ofSeconds(1);

    private final Backoff backoff = new Backoff(FIRST, MOST, () -> 0.5);

    @Test
    void thePauseDoublesUpToItsLimit() {
        long now = Long.MAX_VALUE - 1; // nanoTime may overflow between two attempts
        for (long expected : new long[] {100, 200, 400, 800, 1000, 1000}) {
            assertTrue(backoff.tryBegin(now));
            backoff.failed(now);
            assertEquals(Duration.ofMillis(expected), backoff.remaining(now));
            assertFalse(backoff.tryBegin(now + Duration.ofMillis(expected).toNanos() - 1));
            now += Duration.ofMillis(expected).toNanos();
        }
        for (int i = 0; i < 100; i++) {
            backoff.failed(now);
        }
        assertEquals(MOST, backoff.remaining(now));
    }

    @Test
    void jitterTakesOrAddsAQuarter() {
        Backoff shortest = new Backoff(FIRST, MOST, () -> 0);
        Backoff longest = new Backoff(FIRST, MOST, () -> 1);
        shortest.failed(0);
        longest.failed(0);
        assertEquals(Duration.ofMillis(75), shortest.remaining(0));
        assertEquals(Duration.ofMillis(125), longest.remaining(0));
    }

    @Test
    void oneAttemptIsUnderWayAtATime() {
        assertTrue(backoff.tryBegin(0));
        assertFalse(backoff.tryBegin(0));
        backoff.abandoned();
        assertTrue(backoff.tryBegin(0));
        backoff.failed(0);
        assertFalse(backoff.tryBegin(FIRST.toNanos() - 1));
        assertTrue(backoff.tryBegin(FIRST.toNanos()));
        assertEquals(1, backoff.failures());
        backoff.succeeded();
        assertEquals(0, backoff.failures());
        assertTrue(backoff.tryBegin(0));
    }

    @Test
    void anAttemptThatIsStillToProveItselfForgetsNoFailure() {
        Duration shorter = Duration.ofMillis(80);
        backoff.unproven(0, shorter);
        assertEquals(Duration.ZERO, backoff.remaining(0), "there was no failure");
        backoff.failed(0);
        assertTrue(backoff.tryBegin(FIRST.toNanos()));
        backoff.unproven(FIRST.toNanos(), shorter);
        assertEquals(1, backoff.failures());
        assertEquals(shorter, backoff.remaining(FIRST.toNanos()));
        assertTrue(backoff.tryBegin(FIRST.plus(shorter).toNanos()));
        backoff.failed(0);
        assertEquals(FIRST.multipliedBy(2), backoff.remaining(0));
        backoff.unproven(0, MOST);
        assertEquals(FIRST.multipliedBy(2), backoff.remaining(0), "no longer than the one before");
    }

    @Test
    void aLongPauseCanBeCutShortWithoutItsFailuresBeingForgotten() {
        backoff.ready();
        assertEquals(0, backoff.failures());
        backoff.failed(7);
        backoff.failed(7);
        backoff.ready();
        assertEquals(FIRST.multipliedBy(2), backoff.remaining(7), "it is no long one");
        backoff.failed(7);
        backoff.ready();
        assertEquals(FIRST.multipliedBy(2), backoff.remaining(7));
        assertEquals(3, backoff.failures());
        backoff.failed(7);
        assertEquals(FIRST.multipliedBy(8), backoff.remaining(7));
    }

    @Test
    void anAttemptThatNeverSaysAnythingKeepsOthersAwayForAWhileOnly() {
        assertTrue(backoff.tryBegin(seconds(0)));
        assertFalse(backoff.tryBegin(seconds(9)));
        assertTrue(backoff.tryBegin(seconds(10)));
        assertFalse(backoff.tryBegin(seconds(49)), "that would be one each ten seconds, and they hold threads");
        assertTrue(backoff.tryBegin(seconds(50)));
        long now = seconds(50);
        int begun = 3;
        for (; now < Duration.ofDays(1).toNanos(); now += FIRST.toNanos()) {
            begun += backoff.tryBegin(now) ? 1 : 0;
        }
        assertTrue(begun > 10 && begun < 35, () -> "about one an hour");
        backoff.succeeded();
        assertTrue(backoff.tryBegin(now));
        assertFalse(backoff.tryBegin(now - 7 + seconds(9)));
        assertTrue(backoff.tryBegin(now - 7 + seconds(10)));
    }

    @Test
    void afterOneWhoseEndWasLostThePauseIsWhatItWas() {
        assertTrue(backoff.tryBegin(seconds(0)));
        long now = seconds(10);
        for (long pause : new long[] {100, 200, 400, 800}) {
            assertTrue(backoff.tryBegin(now), "after the pause, not after the patience with one that hangs");
            backoff.failed(now);
            assertFalse(backoff.tryBegin(now));
            now += Duration.ofMillis(pause).toNanos();
        }
    }

    @Test
    void ofSeveralUnderWayOneEndsAtATime() {
        assertTrue(backoff.tryBegin(seconds(0)));
        assertTrue(backoff.tryBegin(seconds(10)));
        backoff.abandoned();
        assertTrue(backoff.tryBegin(seconds(11)), "one has ended, and one may begin");
        assertFalse(backoff.tryBegin(seconds(50)), "two are under way, as before");
        assertTrue(backoff.tryBegin(seconds(51)));
        backoff.abandoned();
        backoff.abandoned();
        backoff.abandoned();
        assertTrue(backoff.tryBegin(seconds(51)));
        assertFalse(backoff.tryBegin(seconds(60)));
        assertTrue(backoff.tryBegin(seconds(61)), "none of those before is under way");
    }

    @Test
    void aSuccessForgetsThoseThatHang() {
        assertTrue(backoff.tryBegin(seconds(0)));
        assertTrue(backoff.tryBegin(seconds(10)));
        backoff.failed(seconds(10));
        backoff.succeeded();
        assertTrue(backoff.tryBegin(seconds(10)));
        assertFalse(backoff.tryBegin(seconds(19)));
        assertTrue(backoff.tryBegin(seconds(20)));
    }

    @Test
    void anEndWithoutMemoryForItIsOne() {
        AtomicBoolean scarce = new AtomicBoolean();
        Backoff poor = new Backoff(FIRST, MOST, () -> {
            if (scarce.get()) {
                throw new IllegalStateException("as want of memory, which no test can throw");
            }
            return 0.5;
        });
        poor.failed(0);
        assertTrue(poor.tryBegin(FIRST.toNanos()));
        scarce.set(true);
        assertThrows(IllegalStateException.class, () -> poor.failed(FIRST.toNanos()));
        assertTrue(poor.tryBegin(FIRST.toNanos()));
        assertThrows(IllegalStateException.class, () -> poor.unproven(FIRST.toNanos(), FIRST));
        assertTrue(poor.tryBegin(FIRST.toNanos()));
    }

    private static long seconds(long count) {
        return 7 + Duration.ofSeconds(count).toNanos();
    }

    @Test
    void aPauseThatIsNoneIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Backoff(Duration.ZERO, MOST));
        assertThrows(IllegalArgumentException.class, () -> new Backoff(MOST, FIRST));
    }
}
