package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.redis.RemoteAccess;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Who waits for a turn of its own, and who need not any more. */
class SuspectsTest {
    private static final Command COMMAND = Command.of("GET", "k");
    private static final long SECONDS_10 = TimeUnit.SECONDS.toNanos(10);
    private final CacheUnavailableException broken =
            new CacheUnavailableException("broken", new IOException("reset"), Reason.CONNECTION, true);

    private final CountDownLatch held = new CountDownLatch(1);
    private final Scripted requests = new Scripted();
    private volatile boolean othersWait;
    private final Suspects suspects = new Suspects(requests, new Blame(), () -> othersWait);

    /** The first request hangs until it is let go, and then ends as the test wants. */
    private final class Scripted implements Requests {
        final AtomicInteger alone = new AtomicInteger();
        final AtomicInteger questions = new AtomicInteger();
        volatile boolean breaks;
        volatile boolean answersOthers = true;
        volatile boolean answersQuestion = true;

        @Override
        public Reply alone(Command command, long timeoutNanos) {
            if (alone.incrementAndGet() == 1) {
                try {
                    held.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                if (breaks) {
                    throw broken;
                }
            }
            return Reply.Nil.NIL;
        }

        @Override
        public Reply one(Command command, long timeoutNanos) {
            throw new IllegalStateException("shared");
        }

        @Override
        public Reply oneAgain(Command command, long timeoutNanos) {
            throw new IllegalStateException("shared");
        }

        @Override
        public List<Reply> many(List<Command> commands, long timeoutNanos) {
            throw new IllegalStateException("shared");
        }

        @Override
        public List<Reply> manyAgain(List<Command> commands, long timeoutNanos) {
            throw new IllegalStateException("shared");
        }

        @Override
        public List<Reply> manyAlone(List<Command> commands, long timeoutNanos) {
            throw new IllegalStateException("several");
        }

        @Override
        public boolean answersOthers() {
            return answersOthers;
        }

        @Override
        public boolean answers(long since, long timeoutNanos) {
            return true;
        }

        @Override
        public boolean answersQuestion(long timeoutNanos) {
            questions.incrementAndGet();
            return answersQuestion;
        }

        @Override
        public long broken() {
            return 0;
        }

        @Override
        public long brokenInARow() {
            return 0;
        }

        @Override
        public Executor threadPool() {
            return Runnable::run;
        }

        @Override
        public UpstashErrors errors() {
            return new UpstashErrors("here", RemoteAccess.defaults());
        }
    }

    @AfterEach
    void letGo() {
        held.countDown();
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + SECONDS_10;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - deadline < 0, "it took more than ten seconds");
            Thread.onSpinWait();
        }
    }

    private @Nullable Reply again() {
        return suspects.again(COMMAND, System.nanoTime() + SECONDS_10, broken);
    }

    private static Thread start(FutureTask<?> task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private FutureTask<Reply> waitingBehindOne(FutureTask<Reply> first) {
        start(first);
        await(() -> requests.alone.get() == 1);
        FutureTask<Reply> second = new FutureTask<>(this::again);
        Thread thread = start(second);
        await(() -> thread.getState() == Thread.State.TIMED_WAITING);
        return second;
    }

    @Test
    void whoWaitedWhileNobodyBrokeAConnectionGoesAsOthersDo() throws Exception {
        FutureTask<Reply> first = new FutureTask<>(this::again);
        FutureTask<Reply> second = waitingBehindOne(first);
        held.countDown();
        assertEquals(Reply.Nil.NIL, first.get(10, TimeUnit.SECONDS));
        assertNull(second.get(10, TimeUnit.SECONDS));
        assertEquals(1, requests.alone.get());
    }

    @Test
    void whoWaitedWhileAConnectionBrokeHasItsTurn() throws Exception {
        requests.breaks = true;
        FutureTask<Reply> first = new FutureTask<>(this::again);
        FutureTask<Reply> second = waitingBehindOne(first);
        held.countDown();
        assertThrows(Exception.class, () -> first.get(10, TimeUnit.SECONDS));
        assertEquals(Reply.Nil.NIL, second.get(10, TimeUnit.SECONDS));
        assertEquals(2, requests.alone.get());
    }

    @Test
    void whereNobodyIsAnsweredWhoWouldBeOnceItIsSentSuspectsStayByThemselves() {
        held.countDown();
        requests.answersOthers = false;
        othersWait = true;
        assertEquals(Reply.Nil.NIL, again());
        assertEquals(Reply.Nil.NIL, again());
        assertEquals(1, requests.questions.get(), "an answer to the question says something for a second");
    }

    @Test
    void whoHasLessTimeThanTheQuestionTakesDoesNotAskIt() {
        requests.answersOthers = false;
        othersWait = true;
        assertNull(suspects.again(COMMAND, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(400), broken));
        assertEquals(0, requests.questions.get());
    }

    @Test
    void whereTheDatabaseAnswersNothingNobodyIsSuspect() {
        requests.answersOthers = false;
        requests.answersQuestion = false;
        othersWait = true;
        assertNull(again());
        assertEquals(0, requests.alone.get());
    }

    @Test
    void whereNobodyWaitsToBeSentTheDatabaseIsNotAsked() {
        requests.answersOthers = false;
        assertNull(again());
        assertEquals(0, requests.questions.get());
    }
}
