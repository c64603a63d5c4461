package dev.holdfast.cache;

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
            limit.took(2 * MILLIS);
        }
        assertEquals(LEAST, limit.nanos());
        assertEquals(2 * MILLIS, limit.medianNanos());
    }

    @Test
    void followsAServerThatIsFar() {
        limit.took(100 * MILLIS);
        assertEquals(400 * MILLIS, limit.nanos());
        for (int i = 0; i < 5; i++) {
            limit.took(300 * MILLIS);
        }
        assertEquals(1_200 * MILLIS, limit.nanos());
        for (int i = 0; i < 3; i++) {
            limit.took(MILLIS);
        }
        assertEquals(LEAST, limit.nanos());
    }

    @Test
    void isNotStretchedByAnAnswerThatWasHeldBack() {
        for (int i = 0; i < 9; i++) {
            limit.took(1_000 * MILLIS);
        }
        assertEquals(LEAST, limit.nanos());
        limit.took(2 * MILLIS);
        limit.took(LEAST);
        assertEquals(LEAST, limit.nanos());
        assertEquals(2 * MILLIS, limit.medianNanos());
    }

    @Test
    void refusesALeastThatIsNone() {
        assertThrows(IllegalArgumentException.class, () -> new ProbeLimit(0));
    }
}
