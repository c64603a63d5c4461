package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Which connections are doubted when another one breaks. */
class DoubtTest {
    private static final long START = System.nanoTime();
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final Doubt doubt = new Doubt(START);

    @Test
    void whatWasHeardSinceTheRequestWasSentIsNotInDoubt() {
        doubt.broke(START + 10, START + 10, START + 20);
        assertTrue(doubt.isIn(START + 9));
        assertFalse(doubt.isIn(START + 10));
        assertFalse(doubt.isIn(START + 15));
    }

    @Test
    void connectionsThatBreakOneByOneDoubtTheOthersOnceInTwoSeconds() {
        doubt.broke(START + 10, START + 10, START + 20);
        doubt.broke(START + SECOND, START + SECOND, START + SECOND);
        assertFalse(doubt.isIn(START + SECOND - 1));
        doubt.broke(START + 2 * SECOND + 20, START + 2 * SECOND + 20, START + 2 * SECOND + 20);
        assertTrue(doubt.isIn(START + SECOND));
    }

    @Test
    void oneThatIdledBeforeDoubtsAllThatIdleEachTime() {
        doubt.broke(START + 10, START + 10, START + 20);
        doubt.broke(START + 20, START + SECOND / 2, START + SECOND);
        assertTrue(doubt.isIn(START + SECOND / 2 - 1));
        assertFalse(doubt.isIn(START + SECOND / 2));
    }

    @Test
    void oneThatWasHeardAfterItsRequestWasSentHadNotIdled() {
        doubt.broke(START + 10, START + 10, START + 20);
        doubt.broke(START + SECOND, START + SECOND / 2, START + SECOND);
        assertFalse(doubt.isIn(START + 20));
    }

    @Test
    void oneThatWasSilentDoubtsAllThatIdleEachTime() {
        doubt.broke(START + 10, START + 10, START + 20);
        doubt.foundSilent(START + SECOND);
        assertTrue(doubt.isIn(START + SECOND - 1));
        doubt.foundSilent(START + SECOND + 5);
        assertTrue(doubt.isIn(START + SECOND));
    }

    @Test
    void aRequestThatWasSentLongAgoTakesNoDoubtBack() {
        doubt.foundSilent(START + 5 * SECOND);
        doubt.broke(START, START, START + 8 * SECOND);
        assertTrue(doubt.isIn(START + 5 * SECOND - 1));
    }
}
