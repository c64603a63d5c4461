package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Protocol;

/** What becomes of a client whose memory does not suffice. */
class MemoryTest extends Fixture {
    private static final int LARGE = 4 << 20;
    private static final int LARGEST = 32 << 20;

    /** A client in a process with a small heap: many small answers, then large ones all at once, then small ones again. */
    static final class SmallHeap {
        private SmallHeap() {}

        public static void main(String[] args) throws Exception {
            RequestClient client =
                    RequestClient.connect(StreamsConfig.single(args[0]).withName(args[1]));
            for (int i = 0; i < 300; i++) {
                client.callAndWait("s" + i, bytes("10"), LIMIT);
            }
            AtomicLong ended = new AtomicLong();
            for (int i = 0; i < 20; i++) {
                var unused = client.call("b" + i, bytes(Integer.toString(LARGE)), Duration.ofSeconds(30))
                        .whenComplete((answer, failure) -> ended.incrementAndGet());
            }
            until("the large ones to end", () -> ended.get() == 20);
            int answered = 0;
            for (int i = 0; i < 10; i++) {
                try {
                    client.callAndWait("t" + i, bytes("10"), Duration.ofSeconds(5));
                    answered++;
                } catch (RequestException e) {
                    System.err.println(e);
                }
            }
            System.out.println(answered + " of 10, " + client.health().answered());
            System.exit(0);
        }
    }

    @Test
    void aClientWithASmallHeapGetsManyLargeAnswersAndIsWellAfterwards() throws Exception {
        Gate gate = new Gate();
        server(config(), 20, request -> {
            byte[] answer = new byte[Integer.parseInt(text(request.payload()))];
            if (answer.length == LARGE) {
                gate.handle(request);
            }
            return answer;
        });
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx64m",
                        "-cp",
                        WorkerProcess.classPath(),
                        SmallHeap.class.getName(),
                        redis().url(),
                        name)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        closing(process::destroyForcibly);
        until("the large ones to be under way", () -> gate.begun.get() == 20);
        // All answers are there when it asks the next time.
        signal("STOP", process);
        Thread.sleep(ReplyReader.BLOCK_MILLIS + 200);
        gate.open.countDown();
        String replies = String.valueOf(((List<?>) redis().command("KEYS", "{" + name + "/replies/*")).get(0));
        until("all answers to be there", () -> (Long) redis().command("XLEN", replies) >= 20);
        signal("CONT", process);
        BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
        assertEquals("10 of 10, 330", out.readLine());
    }

    /** A worker in a process with a small heap, whose first answer there is no memory for beside what its handler keeps. */
    static final class FullHeap {
        private static final List<byte[]> KEPT = new ArrayList<>();

        private FullHeap() {}

        public static void main(String[] args) throws Exception {
            AtomicInteger runs = new AtomicInteger();
            RequestServer server = RequestServer.start(
                    StreamsConfig.single(args[0]).withName(args[1]).withClaimIdle(Duration.ofSeconds(1)),
                    1,
                    request -> {
                        if (runs.incrementAndGet() > 1) {
                            KEPT.clear();
                            return request.payload();
                        }
                        byte[] answer = new byte[LARGE];
                        fill();
                        return answer;
                    });
            until("an answer", () -> server.health().answered() == 1);
            System.out.println(runs + " runs, " + server.health().attemptsFailed() + " failed");
            System.exit(0);
        }

        private static void fill() {
            try {
                while (true) {
                    KEPT.add(new byte[LARGE / 4]);
                }
            } catch (OutOfMemoryError e) {
                // Enough for everything but the answer.
                KEPT.remove(KEPT.size() - 1);
            }
        }
    }

    @Test
    void anAnswerThatThereIsNoMemoryForIsNoFailedAttempt() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-Xmx64m",
                        "-cp",
                        WorkerProcess.classPath(),
                        FullHeap.class.getName(),
                        redis().url(),
                        name)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        closing(process::destroyForcibly);
        assertEquals("x", text(client(config()).callAndWait("a", bytes("x"), LIMIT)));
        BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
        assertEquals("2 runs, 0 failed", out.readLine());
    }

    @Test
    void aRequestThatFitsIntoNoWorkersHeapIsADeadLetterAndItsPartitionGoesOnMeanwhile() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofMillis(600))
                .withMaxPayloadBytes(LARGEST)
                .withCommandTimeout(Duration.ofSeconds(10));
        closing(WorkerProcess.start(config, redis().url(), 2, 0, LARGEST >> 20)).awaitReady();
        RequestClient client = client(config);
        CompletableFuture<byte[]> large = client.call("large", new byte[LARGEST], LIMIT);
        until("it to be sent", () -> length() == 1);
        for (int i = 0; !large.isDone(); i++) {
            client.callAndWait("small" + i, bytes("x"), LIMIT);
        }
        Throwable failure = assertThrows(ExecutionException.class, large::get).getCause();
        assertEquals("given up after 3 deliveries: no worker that had it has answered", failure.getMessage());
        until("nothing to be left", () -> length() == 0 && client.queue().pending() == 0);
        List<?> letters = (List<?>) redis().command("XRANGE", "{" + name + "}:dead", "-", "+");
        assertEquals(1, letters.size());
        String letter = String.valueOf(letters.get(0));
        assertTrue(
                letter.contains("deliveries, 4, ") && letter.contains("id, large, bytes, " + LARGEST + ", payload, "),
                letter);
        assertTrue(letter.length() < 6_000, "kept are " + letter.length() + " bytes");
    }

    @Test
    void whatIsNotToBeRunAnyMoreIsReadWithoutItsPayload() {
        try (Redis redis = new Redis(config(), 1, Duration.ZERO)) {
            Worker worker = new Worker(config(), redis, Request::payload);
            Partition partition = new Partition(worker, 0);
            byte[] payload = new byte[100_000];
            redis().command(
                            bytes("XADD"),
                            bytes(requests()),
                            bytes("1-1"),
                            bytes("i"),
                            bytes("x"),
                            bytes("p"),
                            payload);
            Partition.Taken third = Objects.requireNonNull(partition.again(redis, "1-1", 3));
            assertEquals(100_000, third.entry().fields().get("p").length);
            Partition.Taken fourth = Objects.requireNonNull(partition.again(redis, "1-1", 4));
            assertEquals("x", text(fourth.entry().fields().get("i")));
            assertEquals(4_096, fourth.entry().fields().get("p").length);
            assertEquals(
                    List.of(100_000L, 4, "1-1"),
                    List.of(
                            fourth.payloadBytes(),
                            fourth.delivery(),
                            fourth.entry().id()));
            assertNull(partition.again(redis, "1-2", 4));
            worker.end();
        }
    }

    private static void signal(String name, Process process) throws Exception {
        assertEquals(
                0,
                new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                        .start()
                        .waitFor());
    }

    @Test
    void theClientsThreadsOutliveWhateverIsThrown() throws Exception {
        AtomicInteger turns = new AtomicInteger();
        AtomicInteger seen = new AtomicInteger();
        try (SteadyThread thread = new SteadyThread(
                "test",
                () -> {
                    switch (turns.incrementAndGet()) {
                        case 1 -> throw new OutOfMemoryError("none left");
                        case 2 -> throw new StackOverflowError();
                        case 3 -> throw new InterruptedException();
                        case 4 -> throw new IllegalStateException("no");
                        default -> Thread.sleep(1);
                    }
                },
                failure -> {
                    seen.incrementAndGet();
                    throw new OutOfMemoryError("nor for that");
                })) {
            assertTrue(thread.ensure());
            until("it to go on", () -> turns.get() > 6);
            assertEquals(4, seen.get());
        }
    }

    @Test
    void aThreadThatHasDiedIsStartedAnewByWhoeverNeedsIt() throws Exception {
        AtomicInteger started = new AtomicInteger();
        CompletableFuture<Void> turned = new CompletableFuture<>();
        try (SteadyThread thread = new SteadyThread(
                task -> {
                    if (started.incrementAndGet() == 1) {
                        throw new OutOfMemoryError("unable to create native thread");
                    }
                    // The second one dies at once.
                    return new Thread(started.get() == 2 ? () -> {} : task);
                },
                () -> {
                    turned.complete(null);
                    Thread.sleep(1);
                },
                failure -> {})) {
            assertEquals(false, thread.ensure());
            until("a living one", () -> thread.ensure() && turned.isDone());
            turned.get(5, TimeUnit.SECONDS);
            assertTrue(started.get() >= 3);
        }
    }

    @Test
    void aClientThatCannotReadItsRepliesSaysSoAndTakesNoCalls() throws Exception {
        server(config(), 1, Request::payload);
        RequestClient client = client(config());
        client.callAndWait("a", bytes("x"), LIMIT);
        String stream = String.valueOf(((List<?>) redis().command("KEYS", "{" + name + "/replies/*")).get(0));
        redis().command("SET", stream, "x");
        until("it to say so", () -> !client.health().available());
        assertTrue(
                client.health().trouble().orElse("").contains("WRONGTYPE"),
                client.health().trouble().toString());
        RequestRejectedException rejected =
                assertThrows(RequestRejectedException.class, () -> client.callAndWait("b", bytes("x"), LIMIT));
        assertEquals(RequestRejectedException.Reason.UNAVAILABLE, rejected.reason());
        redis().command("DEL", stream);
        until("it to be well", () -> client.health().available());
        assertEquals("x", text(client.callAndWait("c", bytes("x"), LIMIT)));
    }

    @Test
    void repliesAreAskedForByTheirBytes() {
        Keys keys = new Keys(config());
        byte[] stream = keys.replies("x");
        for (int i = 0; i < 300; i++) {
            redis().command(bytes("XADD"), stream, bytes("*"), bytes("i"), bytes("s"), bytes("a"), bytes("Sx"));
        }
        try (Redis redis = new Redis(config(), 1, Duration.ZERO)) {
            assertEquals(256, read(redis, stream).size(), "small ones by their number");
            redis().command(bytes("DEL"), stream);
            for (int i = 0; i < 10; i++) {
                redis().command(
                                bytes("XADD"),
                                stream,
                                bytes("*"),
                                bytes("i"),
                                bytes("s"),
                                bytes("a"),
                                new byte[1_000_000]);
            }
            assertEquals(4, read(redis, stream).size(), "large ones by their bytes");
            redis().command(bytes("DEL"), stream);
            redis().command(bytes("XADD"), stream, bytes("*"), bytes("i"), bytes("s"), bytes("a"), new byte[9 << 20]);
            assertEquals(1, read(redis, stream).size(), "but always one");
            assertEquals("s", text((byte[]) redis.call(Script.DROP_REPLY.on(stream))));
            assertEquals(List.of(), read(redis, stream));
        }
    }

    private static List<StreamReply.Entry> read(Redis redis, byte[] stream) {
        return StreamReply.entries(StreamReply.list(redis.call(Script.READ_REPLIES.on(stream, 4 << 20, 256))));
    }

    @Test
    void callsThatWereCancelledBeforeTheyCouldBeSentAreGarbage() throws Exception {
        try (RedisServer own =
                RedisServer.builder().persistence(RedisServer.Persistence.NONE).start()) {
            try (RequestClient client = RequestClient.connect(config(own).withCommandTimeout(Duration.ofSeconds(15)))) {
                client.queue();
                own.freeze();
                List<WeakReference<CompletableFuture<byte[]>>> cancelled = new ArrayList<>();
                for (int i = 0; i < 2_000; i++) {
                    CompletableFuture<byte[]> call = client.call("id" + i, bytes("x"), LIMIT);
                    assertTrue(call.cancel(true));
                    cancelled.add(new WeakReference<>(call));
                }
                assertEquals(0, client.health().inFlight());
                long bound = System.nanoTime() + 5_000_000_000L;
                long left = 2_000;
                // What is being sent at this moment is in the sender's hands.
                while (left > 200) {
                    assertTrue(System.nanoTime() < bound, left + " of 2,000 are held");
                    System.gc();
                    left = cancelled.stream().filter(call -> call.get() != null).count();
                }
                own.thaw();
            }
        }
    }

    @Test
    void aCallWhoseEndThereIsNoMemoryForIsUnderWayStill() throws Exception {
        Calls calls = closing(new Calls(config()));
        Answer tooLarge = new Answer(bytes("Sx")) {
            @Override
            byte[] payload() {
                throw new OutOfMemoryError("none left");
            }
        };
        for (boolean direct : List.of(true, false)) {
            Call call = new Call("x", bytes("x"), LIMIT, direct);
            calls.accept(call);
            assertThrows(OutOfMemoryError.class, () -> calls.answer("x", tooLarge));
            assertEquals(1, calls.inFlight());
            calls.answer("x", Answer.result(bytes("y")));
            assertEquals("y", text(call.future().get(20, TimeUnit.SECONDS)));
            assertEquals(0, calls.inFlight());
        }
    }

    @Test
    void whatIsBehindAFutureRunsOnNobodyElsesThreadThoughThereIsNone() throws Exception {
        Thread reader = Thread.currentThread();
        CountDownLatch enough = new CountDownLatch(1);
        AtomicBoolean none = new AtomicBoolean();
        try (Deliveries deliveries = new Deliveries(task -> {
            if (none.get()) {
                throw new OutOfMemoryError("unable to create native thread");
            }
            return new Thread(task);
        })) {
            Calls calls = closing(new Calls(config(), deliveries));
            List<CompletableFuture<Thread>> ends = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                Call call = new Call("x", bytes("x"), LIMIT, false);
                calls.accept(call);
                ends.add(call.future().thenApply(answer -> {
                    if (Thread.currentThread() != reader) {
                        await(enough);
                    }
                    return Thread.currentThread();
                }));
            }
            none.set(true);
            calls.answer("x", Answer.result(bytes("y")));
            assertEquals(5, deliveries.held());
            calls.deliverLate();
            assertTrue(ends.stream().noneMatch(CompletableFuture::isDone));
            none.set(false);
            enough.countDown();
            calls.deliverLate();
            for (CompletableFuture<Thread> end : ends) {
                assertNotSame(reader, end.get(20, TimeUnit.SECONDS));
            }
            until("all threads to be free", () -> deliveries.held() == 0);
        }
    }

    @Test
    void aFutureThatThereIsNoMemoryToCompleteIsCompletedLater() throws Exception {
        AtomicBoolean scarce = new AtomicBoolean(true);
        AtomicInteger failures = new AtomicInteger();
        CompletableFuture<byte[]> future = new CompletableFuture<>() {
            @Override
            public boolean completeExceptionally(Throwable e) {
                if (scarce.get()) {
                    failures.incrementAndGet();
                    throw new OutOfMemoryError("none left");
                }
                return super.completeExceptionally(e);
            }
        };
        try (Deliveries deliveries = new Deliveries(Thread::new)) {
            Deliveries.Delivery made = deliveries.of(future, new RequestTimeoutException("x", LIMIT));
            deliveries.begin(made);
            until("it to have failed twice", () -> {
                deliveries.again();
                return failures.get() > 1;
            });
            assertEquals(1, deliveries.held());
            scarce.set(false);
            until("it to be completed", () -> {
                deliveries.again();
                return future.isDone();
            });
            until("its thread to be free", () -> deliveries.held() == 0);
        }
    }

    @Test
    void whatIsBehindAFutureHoldsNoAnswersThatCameAfterIt() throws Exception {
        CountDownLatch enough = new CountDownLatch(1);
        AtomicBoolean none = new AtomicBoolean(true);
        try (Deliveries deliveries = new Deliveries(task -> {
            if (none.get()) {
                throw new OutOfMemoryError("unable to create native thread");
            }
            return new Thread(task);
        })) {
            WeakReference<byte[]> other = waiting(deliveries, new CompletableFuture<>());
            CompletableFuture<byte[]> first = new CompletableFuture<>();
            CompletableFuture<Void> held = first.thenAccept(answer -> await(enough));
            var unused = waiting(deliveries, first);
            none.set(false);
            deliveries.again();
            until("the other one to be garbage", () -> {
                System.gc();
                return other.refersTo(null);
            });
            assertEquals(false, held.isDone());
            enough.countDown();
        }
    }

    private static WeakReference<byte[]> waiting(Deliveries deliveries, CompletableFuture<byte[]> future) {
        byte[] answer = bytes("x");
        deliveries.begin(deliveries.of(future, answer));
        return new WeakReference<>(answer);
    }

    @Test
    void aPartitionGetsWellThoughThereWasNoMemoryToSayWhatIsWrong() throws Exception {
        CountDownLatch probed = new CountDownLatch(1);
        RuntimeException scarce = new IllegalStateException() {
            private static final long serialVersionUID = 1;

            @Override
            public String getMessage() {
                throw new OutOfMemoryError("none left");
            }
        };
        try (Redis redis = new Redis(config(), 1, Duration.ZERO);
                SickPartitions sick = new SickPartitions(config(), "testing", redis, partition -> {
                    probed.countDown();
                    return Command.of(Protocol.Command.XLEN, bytes(requests()));
                })) {
            sick.failed(0, scarce);
            assertTrue(probed.await(20, TimeUnit.SECONDS), "nobody looks whether it is well");
        }
    }

    @Test
    void aRequestThatDoesNotFitIntoTheHeapKeepsNoOthersAway() {
        try (Redis redis = new Redis(config(), 2, Duration.ZERO) {
            @Override
            @Nullable
            Object call(Command command) {
                Object reply = super.call(command);
                if (command.name() == Protocol.Command.XRANGE && contains(reply, "large")) {
                    throw new OutOfMemoryError("none left");
                }
                return reply;
            }
        }) {
            Worker worker = new Worker(config(), redis, Request::payload);
            Partition partition = new Partition(worker, 0);
            assertEquals(List.of(), partition.takeNew(redis, 1, 0), "it makes the group");
            List<String> ids = new ArrayList<>();
            for (String id : List.of("before", "large", "after")) {
                ids.add(String.valueOf(redis().command("XADD", requests(), "*", "i", id)));
            }
            // What Redis gave, and what there was no memory to read.
            assertEquals(3, partition.takeNew(redis, 3, 0).size());
            String added = String.valueOf(redis().command("XADD", requests(), "*", "i", "new"));
            partition.missed();
            assertThrows(OutOfMemoryError.class, () -> partition.takeNew(redis, 3, 0));
            partition.missed();
            List<Partition.Taken> taken = partition.takeNew(redis, 3, 0);
            assertEquals(
                    List.of(ids.get(0), ids.get(2)),
                    taken.stream().map(each -> each.entry().id()).toList());
            worker.atWork()
                    .addAll(taken.stream()
                            .map(each -> new RequestRun(worker, partition, each))
                            .toList());
            partition.missed();
            assertEquals(
                    List.of(added),
                    partition.takeNew(redis, 3, 0).stream()
                            .map(each -> each.entry().id())
                            .toList());
            worker.end();
        }
    }

    private static boolean contains(@Nullable Object reply, String id) {
        return StreamReply.entries(StreamReply.list(reply)).stream()
                .anyMatch(entry -> StreamReply.text(entry.fields().get("i")).equals(id));
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aCallIsNotAcceptedBeforeThereIsAThreadForItsFuture() {
        Deliveries none = new Deliveries(task -> {
            throw new OutOfMemoryError("unable to create native thread");
        });
        Calls calls = closing(new Calls(config(), none));
        assertThrows(RequestRejectedException.class, () -> calls.accept(new Call("x", bytes("x"), LIMIT, false)));
        assertEquals(0, calls.inFlight());
        calls.accept(new Call("x", bytes("x"), LIMIT, true));
        assertEquals(1, calls.inFlight());
    }

    /** Throws once where it is put into a set. */
    private static final class Scarce {
        private final AtomicBoolean thrown = new AtomicBoolean();

        int hash(Object of) {
            if (thrown.compareAndSet(false, true)) {
                throw new OutOfMemoryError("none left");
            }
            return System.identityHashCode(of);
        }
    }

    @Test
    void aTerminalWhoseThreadCannotBeKnownIsFree() throws Exception {
        Scarce scarce = new Scarce();
        Terminals terminals = new Terminals(1, task -> new Thread(task) {
            @Override
            public int hashCode() {
                return scarce.hash(this);
            }
        });
        AtomicInteger runs = new AtomicInteger();
        try {
            terminals.begin(runs::incrementAndGet);
        } catch (OutOfMemoryError e) {
            // As it says.
        }
        assertTrue(terminals.awaitIdle(LIMIT), "a terminal is lost");
        terminals.begin(runs::incrementAndGet);
        assertTrue(terminals.awaitIdle(LIMIT));
        assertEquals(1, runs.get());
    }

    @Test
    void aRepetitionThatThereIsNoMemoryForDoesNotWait() throws Exception {
        try (Redis redis = new Redis(config(), 2, Duration.ZERO)) {
            Worker worker = new Worker(config(), redis, Request::payload);
            Partition partition = new Partition(worker, 0);
            Scarce scarce = new Scarce();
            Repetition first = new Repetition(partition, "1-1", "x", bytes("{r}"), 1, false, System.nanoTime()) {
                @Override
                public int hashCode() {
                    return scarce.hash(this);
                }
            };
            assertThrows(OutOfMemoryError.class, () -> worker.repetitions().park(first));
            assertTrue(worker.atWork().isEmpty());
            assertTrue(worker.repetitions()
                    .park(new Repetition(partition, "1-2", "x", bytes("{r}"), 1, false, System.nanoTime())));
            until("all to be over", () -> worker.counters().sums().expired() > 0);
            assertEquals(1, worker.counters().sums().expired(), "the first waits too");
            assertTrue(worker.repetitions().awaitNone(LIMIT));
            worker.end();
        }
    }
}
