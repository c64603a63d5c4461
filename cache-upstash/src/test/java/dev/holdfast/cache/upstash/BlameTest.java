package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What is held against a command whose connections broke, by whom it is acquitted, and for how long. */
class BlameTest {
    private static final long START = System.nanoTime();
    private static final long LATER = START + TimeUnit.SECONDS.toNanos(9);
    private static final long FORGOTTEN = START + TimeUnit.SECONDS.toNanos(10);
    private static final Command SMALL = Command.of("SET", "small", "v");
    private static final Command OTHER = Command.of("SET", "other", "v");
    private static final Command LARGE = large("a", 100_000);
    private static final Command AS_LARGE = large("b", 100_000);
    private static final Command LARGER = large("c", 120_000);
    private static final Command LESS_LARGE = large("d", 70_000);

    private final Blame blame = new Blame();

    private static Command large(String key, int bytes) {
        return Command.of("SET", key, "x".repeat(bytes));
    }

    @Test
    void aSmallCommandBreaksFourConnectionsBeforeItIsBlamedAndALargeOneTwo() {
        assertEquals(3, blame.repeats(SMALL, START));
        assertEquals(1, blame.repeats(LARGE, START));
    }

    @Test
    void sizeIsNothingAgainstACommandWhileOneAsLargeIsAnswered() {
        blame.answered(LESS_LARGE, START);
        assertEquals(1, blame.repeats(LARGE, START));
        blame.answered(LARGE, START);
        assertEquals(3, blame.repeats(AS_LARGE, LATER));
        assertEquals(1, blame.repeats(LARGER, LATER));
        blame.answered(LESS_LARGE, LATER);
        assertEquals(3, blame.repeats(LARGE, LATER), "a smaller one says nothing of it");
        assertEquals(1, blame.repeats(AS_LARGE, FORGOTTEN));
    }

    @Test
    void aCommandIsAcquittedByOthersThatBreakTheirConnectionsToo() {
        blame.broke(SMALL, START);
        blame.broke(SMALL, START);
        assertFalse(blame.isOfOthers(SMALL, START), "its own breaks are not others'");
        assertTrue(blame.isOfOthers(OTHER, START));
        assertTrue(blame.isOfOthers(LARGE, START));
    }

    @Test
    void largeOnesAcquitEachOtherOnlyIfTheirSizeIsTaken() {
        blame.broke(LARGE, START);
        assertFalse(blame.isOfOthers(AS_LARGE, START));
        assertTrue(blame.isOfOthers(SMALL, START));
        blame.answered(LARGER, START);
        assertTrue(blame.isOfOthers(AS_LARGE, START));
    }

    @Test
    void anAnswerDoesNotUndoThatAConnectionBrokeUnderAnother() {
        blame.broke(SMALL, START);
        blame.answered(SMALL, START);
        assertTrue(blame.isOfOthers(OTHER, START));
    }

    @Test
    void whatBrokeAConnectionIsSuspectUntilItIsAnswered() {
        assertFalse(blame.isSuspect(SMALL, START));
        blame.broke(SMALL, START);
        assertTrue(blame.isSuspect(SMALL, LATER));
        assertFalse(blame.isSuspect(OTHER, START));
        assertFalse(blame.isSuspect(LARGE, START));
        blame.answered(OTHER, START);
        assertTrue(blame.isSuspect(SMALL, START));
        blame.answered(SMALL, START);
        assertFalse(blame.isSuspect(SMALL, START));
    }

    @Test
    void whatIsAsLargeIsSuspectTooUntilOneAsLargeIsAnswered() {
        blame.broke(LARGE, START);
        assertTrue(blame.isSuspect(AS_LARGE, START));
        assertTrue(blame.isSuspect(LARGER, START));
        assertFalse(blame.isSuspect(LESS_LARGE, START));
        assertFalse(blame.isSuspect(SMALL, START));
        blame.answered(LESS_LARGE, START);
        assertTrue(blame.isSuspect(LARGE, START));
        blame.answered(AS_LARGE, START);
        assertFalse(blame.isSuspect(LARGE, START));
        assertFalse(blame.isSuspect(LARGER, START));
    }

    @Test
    void oneThatWasBlamedSpeaksAgainstThoseLikeItAndNoOthers() {
        blame.broke(LESS_LARGE, START);
        blame.broke(SMALL, START);
        assertFalse(blame.isJudged(LESS_LARGE, START), "a break is no verdict");
        blame.judged(LARGE, START);
        blame.judged(SMALL, START);
        blame.broke(SMALL, START);
        assertTrue(blame.isJudged(AS_LARGE, START));
        assertTrue(blame.isJudged(LARGER, LATER));
        assertTrue(blame.isJudged(SMALL, LATER), "another break leaves the verdict as it is");
        assertFalse(blame.isJudged(LESS_LARGE, START));
        assertFalse(blame.isJudged(OTHER, START));
        blame.answered(LARGER, START);
        assertFalse(blame.isJudged(LARGE, START));
    }

    @Test
    void nothingIsHeldAgainstACommandForMoreThanTenSeconds() {
        blame.broke(SMALL, START);
        blame.broke(LARGE, START);
        blame.judged(LARGE, START);
        assertTrue(blame.isOfOthers(OTHER, LATER));
        assertTrue(blame.isSuspect(SMALL, LATER));
        assertTrue(blame.isJudged(LARGE, LATER));
        assertFalse(blame.isOfOthers(OTHER, FORGOTTEN));
        assertFalse(blame.isSuspect(SMALL, FORGOTTEN));
        assertFalse(blame.isSuspect(LARGE, FORGOTTEN));
        assertFalse(blame.isJudged(LARGE, FORGOTTEN));
    }

    @Test
    void onlyTheLatestSixteenAreKept() {
        blame.broke(SMALL, START);
        for (int i = 0; i < 16; i++) {
            blame.broke(OTHER, START);
        }
        assertFalse(blame.isOfOthers(OTHER, START));
        assertTrue(blame.isSuspect(SMALL, START), "one command takes one place among the suspects");
        for (int i = 0; i < 16; i++) {
            blame.broke(Command.of("GET", "k" + i), START);
        }
        assertFalse(blame.isSuspect(SMALL, START));
        assertTrue(blame.isSuspect(Command.of("GET", "k0"), START));
    }
}
