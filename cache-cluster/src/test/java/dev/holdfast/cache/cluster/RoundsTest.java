package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.Test;

/** Whoever waits for a round of questions hears of one that may answer his. */
class RoundsTest {
    private static final long LONG_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final LettuceErrors errors = new LettuceErrors(ClusterConfig.of(List.of("127.0.0.1:1")));
    private final Rounds rounds = new Rounds(errors, new RefreshSchedule(Duration.ofMinutes(1)));

    /** Begins to wait, and returns once it does. */
    private static FutureTask<Void> waiting(LongConsumer wait) {
        FutureTask<Void> task = new FutureTask<>(() -> wait.accept(System.nanoTime() + LONG_NANOS), null);
        Thread thread = new Thread(task);
        thread.start();
        eventually("it waits", () -> thread.getState() == Thread.State.TIMED_WAITING);
        return task;
    }

    private CacheUnavailableException nobody() {
        return errors.nobodyAnswers(List.of());
    }

    @Test
    void theRoundUnderWayIsGoodForTheFirstAnswerAndNotForAFreshOne() throws Exception {
        rounds.begin();
        FutureTask<Void> first = waiting(rounds::awaitFirst);
        FutureTask<Void> fresh = waiting(rounds::awaitNext);
        rounds.end(null);
        first.get(10, TimeUnit.SECONDS);
        assertFalse(fresh.isDone(), "it was asked before");

        assertTrue(rounds.begin(), "somebody waits for it");
        rounds.end(nobody());
        fresh.get(10, TimeUnit.SECONDS);
    }

    @Test
    void whoWaitsWhileNoneIsUnderWayIsServedByTheNext() throws Exception {
        FutureTask<Void> first = waiting(rounds::awaitFirst);
        FutureTask<Void> fresh = waiting(rounds::awaitNext);
        rounds.begin();
        rounds.end(null);
        first.get(10, TimeUnit.SECONDS);
        fresh.get(10, TimeUnit.SECONDS);
    }

    @Test
    void nobodyWaitsRightAfterARoundWithoutAnswerNorAfterOneThatHadOne() {
        assertTrue(rounds.isFirst(LONG_NANOS));
        rounds.begin();
        rounds.end(nobody());
        assertFalse(rounds.isFirst(LONG_NANOS));
        long until = System.nanoTime() + LONG_NANOS;
        assertThrows(CacheUnavailableException.class, () -> rounds.awaitFirst(until));

        rounds.begin();
        rounds.end(null);
        assertDoesNotThrow(() -> rounds.awaitFirst(until));
    }

    @Test
    void aCutFailsWhoWaitsAndTheRoundUnderWayServesThoseWhoComeLater() throws Exception {
        rounds.begin();
        FutureTask<Void> before = waiting(rounds::awaitFirst);
        IllegalStateException why = new IllegalStateException("planted");
        rounds.fail(errors.disconnected(why, false));
        ExecutionException e = assertThrows(ExecutionException.class, () -> before.get(10, TimeUnit.SECONDS));
        assertEquals(
                why,
                assertInstanceOf(CacheUnavailableException.class, e.getCause()).getCause());

        FutureTask<Void> first = waiting(rounds::awaitFirst);
        FutureTask<Void> fresh = waiting(rounds::awaitNext);
        rounds.end(null);
        first.get(10, TimeUnit.SECONDS);
        assertFalse(fresh.isDone(), "it was asked before");
        rounds.begin();
        rounds.end(null);
        fresh.get(10, TimeUnit.SECONDS);
    }

    @Test
    void whatGoesWrongBetweenTwoRoundsEndsNone() throws Exception {
        long moment = System.nanoTime();
        FutureTask<Void> first = waiting(rounds::awaitFirst);
        rounds.end(nobody());
        assertFalse(first.isDone());
        assertFalse(rounds.isFresh(moment));
        rounds.begin();
        rounds.end(null);
        first.get(10, TimeUnit.SECONDS);
        assertTrue(rounds.isFresh(moment));
    }
}
