package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.upstash.Batch.Waiting;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Permits belong to whoever took them, and every caller is told, whatever is thrown. */
class CombinerTest {
    private static final long SECONDS_10 = TimeUnit.SECONDS.toNanos(10);
    private static final Command PING = Command.of("PING");

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final CountDownLatch held = new CountDownLatch(1);
    private final Replacements replacements = new Replacements(1);
    private final Scripted requests = new Scripted();
    private final Combiner combiner = new Combiner(requests, 1, SECONDS_10, new Saturation("here"), replacements);

    /** One request hangs until it is let go; what shares the next one meets what the test wants. */
    private final class Scripted implements Requests {
        volatile @Nullable Error ofRequests;
        volatile @Nullable Error ofThreads;
        final AtomicInteger refused = new AtomicInteger();
        final Queue<String> sentBy = new ConcurrentLinkedQueue<>();
        final Queue<List<String>> sent = new ConcurrentLinkedQueue<>();

        @Override
        public Reply one(Command command, long timeoutNanos) {
            try {
                held.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return Reply.Nil.NIL;
        }

        @Override
        public Reply oneAgain(Command command, long timeoutNanos) {
            return Reply.Nil.NIL;
        }

        @Override
        public Reply alone(Command command, long timeoutNanos) {
            return Reply.Nil.NIL;
        }

        @Override
        public List<Reply> many(List<Command> commands, long timeoutNanos) {
            sentBy.add(Thread.currentThread().getName());
            sent.add(commands.stream().map(Command::name).toList());
            Error error = ofRequests;
            if (error != null) {
                throw error;
            }
            return new ArrayList<>(commands.stream().map(any -> Reply.Nil.NIL).toList());
        }

        @Override
        public List<Reply> manyAgain(List<Command> commands, long timeoutNanos) {
            return many(commands, timeoutNanos);
        }

        @Override
        public List<Reply> manyAlone(List<Command> commands, long timeoutNanos) {
            return many(commands, timeoutNanos);
        }

        @Override
        public boolean answersOthers() {
            return true;
        }

        @Override
        public boolean answers(long since, long timeoutNanos) {
            return true;
        }

        @Override
        public boolean answersQuestion(long timeoutNanos) {
            return true;
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
            return task -> {
                Error error = ofThreads;
                if (error != null) {
                    refused.incrementAndGet();
                    throw error;
                }
                threads.execute(task);
            };
        }

        @Override
        public UpstashErrors errors() {
            return new UpstashErrors("here", RemoteAccess.defaults());
        }
    }

    @AfterEach
    void stop() {
        held.countDown();
        threads.shutdownNow();
    }

    private List<Future<Reply>> waitingBehindOne(int callers) {
        threads.execute(() -> combiner.run(Waiting.first(PING), SECONDS_10));
        await(() -> combiner.permits().active() == 1);
        List<Future<Reply>> replies = IntStream.range(0, callers)
                .mapToObj(i -> threads.submit(() -> combiner.run(Waiting.first(PING), SECONDS_10)))
                .toList();
        await(() -> combiner.waiting() == callers);
        return replies;
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + SECONDS_10;
        while (!condition.getAsBoolean() && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertEquals(true, condition.getAsBoolean());
    }

    @Test
    void anErrorOfASharedRequestGivesItsPermitBackAndEveryCallerIsTold() throws Exception {
        Error error = new OutOfMemoryError("a test");
        requests.ofRequests = error;
        List<Future<Reply>> replies = waitingBehindOne(3);
        held.countDown();
        for (Future<Reply> reply : replies) {
            Throwable e = assertThrows(ExecutionException.class, () -> reply.get(10, TimeUnit.SECONDS))
                    .getCause();
            assertSame(CacheUnavailableException.class, e.getClass());
            assertSame(error, e.getCause());
        }
        await(() -> combiner.permits().active() == 0);
    }

    @Test
    void aPermitThatIsGivenBackLaterIsUsedByNoThreadOfTheWatch() throws Exception {
        exhaust(replacements);
        held.countDown();
        replacements.lost();
        combiner.run(Waiting.first(PING), SECONDS_10);
        assertEquals(1, combiner.permits().active(), "its permit is withheld");
        requests.ofThreads = new OutOfMemoryError("unable to create native thread");
        Future<Reply> waiting = threads.submit(() -> combiner.run(Waiting.first(PING), SECONDS_10));
        await(() -> requests.refused.get() > 1);
        assertEquals(List.of(), List.copyOf(requests.sentBy));
        requests.ofThreads = null;
        assertEquals(Reply.Nil.NIL, waiting.get(10, TimeUnit.SECONDS));
        await(() -> combiner.permits().active() == 0);
    }

    @Test
    void whereNoThreadCanBeHadTheRequestGoesOutAllTheSame() throws Exception {
        requests.ofThreads = new OutOfMemoryError("unable to create native thread");
        List<Future<Reply>> replies = waitingBehindOne(3);
        held.countDown();
        for (Future<Reply> reply : replies) {
            assertEquals(Reply.Nil.NIL, reply.get(10, TimeUnit.SECONDS));
        }
        await(() -> combiner.permits().active() == 0);
    }

    /** Has the next connections that are lost replaced at a pace, and no more at once. */
    private void exhaust(Replacements pace) {
        for (int i = 0; i < 9; i++) {
            pace.lost();
            pace.pause(System.nanoTime());
        }
    }

    @Test
    void requestsOfOnesOwnLeaveHalfOfWhatIsLeftToOthersWhileConnectionsBreak() throws Exception {
        int connections = 4;
        // Ten hours each.
        Replacements pace = new Replacements(connections, System.nanoTime(), () -> 1e6);
        Combiner several = new Combiner(requests, connections, SECONDS_10, new Saturation("here"), pace);
        exhaust(pace);
        pace.lost();
        several.runAll(List.of(PING), SECONDS_10);
        assertEquals(1, several.permits().active(), "its permit is withheld");
        pace.lost();
        several.runAll(List.of(PING), SECONDS_10);
        assertEquals(2, several.permits().active(), "and so is the second's");
        assertThrows(
                CacheUnavailableException.class,
                () -> several.runAll(List.of(PING), TimeUnit.MILLISECONDS.toNanos(10)),
                "half of four are used up");
        held.countDown();
        for (int i = 0; i < 10; i++) {
            assertEquals(Reply.Nil.NIL, several.run(Waiting.first(PING), SECONDS_10));
        }
        several.close();
        several.runAll(List.of(PING), SECONDS_10);
        assertEquals(0, several.permits().active());
    }

    @Test
    void whatBrokeInCompanyGoesAgainWithItsLikeOnly() throws Exception {
        Command get = Command.of("GET", "k");
        threads.execute(() -> combiner.run(Waiting.first(PING), SECONDS_10));
        await(() -> combiner.permits().active() == 1);
        List<Future<Reply>> replies = new ArrayList<>();
        for (Command command : List.of(PING, PING, get, get, get)) {
            int before = combiner.waiting();
            replies.add(threads.submit(() -> combiner.run(Waiting.again(command, 5), SECONDS_10)));
            await(() -> combiner.waiting() == before + 1);
        }
        held.countDown();
        for (Future<Reply> reply : replies) {
            assertEquals(Reply.Nil.NIL, reply.get(10, TimeUnit.SECONDS));
        }
        assertEquals(List.of(List.of("PING", "PING"), List.of("GET", "GET", "GET")), List.copyOf(requests.sent));
    }
}
