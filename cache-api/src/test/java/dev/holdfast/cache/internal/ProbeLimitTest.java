package dev.holdfast.cache.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class ProbeLimitTest {
    private static final long MILLIS = 1_000_000;
    private static final long LEAST = 250 * MILLIS;

    private final ProbeLimit limit = new ProbeLimit(LEAST);

    @Test
    void isTheLeastForAServerThatIsNear() {
        assertEquals(LEAST, limit.nanos());
        assertEquals(0, limit.medianNanos());
        for (int i = 0; i < 9; i++) {
            took(2 * MILLIS);
        }
        assertEquals(LEAST, limit.nanos());
        assertEquals(2 * MILLIS, limit.medianNanos());
    }

    @Test
    void followsAServerThatIsFar() {
        took(100 * MILLIS);
        assertEquals(400 * MILLIS, limit.nanos());
        for (int i = 0; i < 5; i++) {
            took(300 * MILLIS);
        }
        assertEquals(1_200 * MILLIS, limit.nanos());
        for (int i = 0; i < 3; i++) {
            took(MILLIS);
        }
        assertEquals(LEAST, limit.nanos());
    }

    @Test
    void isNotStretchedByAnAnswerThatWasHeldBack() {
        for (int i = 0; i < 9; i++) {
            took(1_000 * MILLIS);
        }
        assertEquals(LEAST, limit.nanos());
        took(2 * MILLIS);
        took(LEAST);
        assertEquals(LEAST, limit.nanos());
        assertEquals(2 * MILLIS, limit.medianNanos());
    }

    @Test
    void learnsHowFarAServerIsFromProbesWhileItIsOut() {
        limit.took(300 * MILLIS, limit.nanosWhileOut());
        assertEquals(1_200 * MILLIS, limit.nanos());
    }

    @Test
    void isNeverLongerThanCallersCanWait() {
        for (int i = 0; i < 5; i++) {
            limit.took(1_900 * MILLIS, limit.nanosWhileOut());
        }
        assertEquals(1_500 * MILLIS, limit.nanos());
        assertEquals(3_000 * MILLIS, new ProbeLimit(3_000 * MILLIS).nanos());
        assertEquals(3_000 * MILLIS, new ProbeLimit(3_000 * MILLIS).nanosWhileOut());
    }

    /** A probe that was answered while the server served. */
    private void took(long nanos) {
        limit.took(nanos, limit.nanos());
    }

    @Test
    void refusesALeastThatIsNone() {
        assertThrows(IllegalArgumentException.class, () -> new ProbeLimit(0));
    }
}
