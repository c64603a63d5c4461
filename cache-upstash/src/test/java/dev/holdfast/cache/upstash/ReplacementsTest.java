package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** As many lost connections are replaced at once as there may be, and then as many a second, but ten at least. */
class ReplacementsTest {
    private static final long START = System.nanoTime();
    private static final int CONNECTIONS = 20;

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
        assertEquals(50, pauseMillis(replacements, START));
        assertEquals(100, pauseMillis(replacements, START));
        assertEquals(150, pauseMillis(replacements, START));
        assertEquals(0, replacements.pause(START), "there were no more");
    }

    @Test
    void aSmallPoolIsReplacedTenTimesASecond() {
        Replacements replacements = new Replacements(2, START, () -> 0.5);
        lose(replacements, 10);
        for (int i = 0; i < 8; i++) {
            assertTrue(replacements.pause(START) <= 0);
        }
        assertEquals(100, pauseMillis(replacements, START));
        assertEquals(200, pauseMillis(replacements, START));
    }

    @Test
    void timeWithoutALossIsSavedUpForOneRestartAndNoMore() {
        Replacements replacements = withJitter(0.5);
        long later = START + TimeUnit.HOURS.toNanos(1);
        lose(replacements, CONNECTIONS + 1);
        for (int i = 0; i < CONNECTIONS; i++) {
            assertTrue(replacements.pause(later) <= 0);
        }
        assertEquals(50, pauseMillis(replacements, later));
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
            assertEquals(random == 0 ? 26 : 16, atOnce);
            assertEquals(random == 0 ? 50 : 125, pauseMillis(replacements, START));
        }
    }
}
