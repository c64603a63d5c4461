package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** As many lost connections are replaced at once as there may be, and then ten a second. */
class ReplacementsTest {
    private static final long START = System.nanoTime();
    private static final int CONNECTIONS = 12;

    private long pauseMillis(Replacements replacements, long now) {
        return TimeUnit.NANOSECONDS.toMillis(replacements.pause(now));
    }

    private static Replacements withJitter(double random) {
        return new Replacements(CONNECTIONS, START, () -> random);
    }

    private static void lose(Replacements replacements, int count) {
        for (int i = 0; i < count; i++) {
            replacements.lost();
        }
    }

    @Test
    void whereNothingWasLostNothingWaits() {
        Replacements replacements = withJitter(0.5);
        for (int i = 0; i < 1_000; i++) {
            assertEquals(0, replacements.pause(START));
        }
    }

    @Test
    void aRestartIsSurvivedAtOnceAndWhatBreaksThenIsReplacedTenTimesASecond() {
        Replacements replacements = withJitter(0.5);
        lose(replacements, CONNECTIONS + 3);
        for (int i = 0; i < CONNECTIONS; i++) {
            assertTrue(replacements.pause(START) <= 0);
        }
        assertEquals(100, pauseMillis(replacements, START));
        assertEquals(200, pauseMillis(replacements, START));
        assertEquals(300, pauseMillis(replacements, START));
        assertEquals(0, replacements.pause(START), "there were no more");
    }

    @Test
    void timeWithoutALossIsSavedUpForOneRestartAndNoMore() {
        Replacements replacements = withJitter(0.5);
        long later = START + TimeUnit.HOURS.toNanos(1);
        lose(replacements, CONNECTIONS + 1);
        for (int i = 0; i < CONNECTIONS; i++) {
            assertTrue(replacements.pause(later) <= 0);
        }
        assertEquals(100, pauseMillis(replacements, later));
    }

    @Test
    void clientsThatLostTheirConnectionsTogetherDoNotComeTogether() {
        for (double random : new double[] {0, 1}) {
            Replacements replacements = withJitter(random);
            int atOnce = 0;
            lose(replacements, 100);
            while (replacements.pause(START) <= 0) {
                atOnce++;
            }
            assertEquals(random == 0 ? 16 : 9, atOnce);
            assertEquals(random == 0 ? 150 : 175, pauseMillis(replacements, START));
        }
    }
}
