package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Who may run an id, and who waits meanwhile. */
@Execution(ExecutionMode.CONCURRENT)
class LeaseTest extends Fixture {

    private String pendingOwner() {
        List<?> pending = (List<?>) redis().command("XPENDING", requests(), "workers", "-", "+", "10");
        return pending.isEmpty() ? "" : String.valueOf(((List<?>) pending.get(0)).get(1));
    }

    private String firstEntry() {
        return String.valueOf(((List<?>) ((List<?>) redis().command("XRANGE", requests(), "-", "+")).get(0)).get(0));
    }

    @Test
    void aWorkerThatWasFrozenDoesNotRunWhatALivingOneRuns() throws Exception {
        Gate gate = new Gate();
        server(config(), 1, gate);
        CompletableFuture<byte[]> call = client(config()).call("x", bytes("x"), LIMIT);
        until("it to be under way", () -> gate.begun.get() == 1);
        // What a worker has read from its connection, that was frozen before it could begin.
        AtomicInteger ranAgain = new AtomicInteger();
        try (Redis redis = new Redis(config(), 2, Duration.ZERO)) {
            Worker thawed = new Worker(config(), redis, request -> {
                ranAgain.incrementAndGet();
                return request.payload();
            });
            Partition partition = new Partition(thawed, 0);
            partition.askTime(redis);
            Map<String, byte[]> fields =
                    Map.of("i", bytes("x"), "r", bytes("{r}"), "l", bytes("20000"), "p", bytes("x"));
            RequestRun run = new RequestRun(
                    thawed, partition, new Partition.Taken(new StreamReply.Entry(firstEntry(), fields), 1));
            Thread terminal = new Thread(run);
            terminal.start();
            Thread.sleep(300);
            gate.open.countDown();
            assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
            terminal.join(5_000);
            assertEquals(0, ranAgain.get(), "run a second time");
            thawed.end();
        }
    }

    @Test
    void aSignOfLifeTakesNothingBackFromAnotherWorker() throws Exception {
        Gate gate = new Gate();
        server(config().withClaimIdle(Duration.ofMillis(600)), 1, gate);
        CompletableFuture<byte[]> call = client(config()).call("x", bytes("x"), LIMIT);
        until("it to be under way", () -> gate.begun.get() == 1);
        String entry = firstEntry();
        redis().command("XCLAIM", requests(), "workers", "other", "0", entry, "IDLE", "0", "JUSTID");
        for (int i = 0; i < 20; i++) {
            assertEquals("other", pendingOwner());
            redis().command("XCLAIM", requests(), "workers", "other", "0", entry, "JUSTID");
            Thread.sleep(30);
        }
        gate.open.countDown();
        assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
    }

    @Test
    void aWorkerTakesNothingOverFromItself() throws Exception {
        Gate gate = new Gate();
        RequestServer server = server(config().withClaimIdle(Duration.ofSeconds(3)), 2, gate);
        CompletableFuture<byte[]> call = client(config()).call("x", bytes("x"), LIMIT);
        until("it to be under way", () -> gate.begun.get() == 1);
        // As after a pause of the process, or of Redis, in which no sign of life came.
        redis().command("XCLAIM", requests(), "workers", pendingOwner(), "0", firstEntry(), "IDLE", "60000", "JUSTID");
        until("it to be looked at", () -> {
            List<?> pending = (List<?>) redis().command("XPENDING", requests(), "workers", "-", "+", "10");
            return (Long) ((List<?>) pending.get(0)).get(2) < 60_000;
        });
        Thread.sleep(200);
        assertEquals(1, gate.begun.get());
        assertEquals(1, server.health().busy());
        assertEquals(0, server.health().redelivered());
        gate.open.countDown();
        assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
    }

    @Test
    void anIdThatKillsItsWorkersIsADeadLetterThoughItsCallersGiveUpBeforeItIsTakenOver() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofMillis(600));
        List<WorkerProcess> workers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            workers.add(closing(WorkerProcess.start(config, redis().url(), 1, 1)));
        }
        RequestClient client = client(config);
        for (WorkerProcess worker : workers) {
            worker.awaitReady();
        }
        String failure = "";
        long end = System.nanoTime() + 15_000_000_000L;
        while (failure.isEmpty() && System.nanoTime() < end) {
            try {
                client.callAndWait("poison", bytes("poison"), Duration.ofMillis(250));
            } catch (RequestTimeoutException e) {
                // The caller repeats it.
            } catch (RequestFailedException e) {
                failure = e.getMessage();
            }
        }
        long alive = workers.stream().filter(WorkerProcess::isAlive).count();
        assertEquals(1, alive, "workers that are left, of four");
        assertEquals("given up after 3 deliveries: no worker that had it has answered", failure);
        assertEquals(1, client.queue().deadLetters());
    }

    @Test
    void repetitionsOfAnIdThatIsUnderWayHoldNoTerminals() throws Exception {
        Gate gate = new Gate();
        RequestServer server =
                server(config(), 3, request -> request.id().equals("slow") ? gate.handle(request) : bytes("quick"));
        RequestClient client = client(config());
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            calls.add(client.call("slow", bytes("first"), LIMIT));
        }
        until("all to be taken", () -> gate.begun.get() == 1 && client.queue().pending() >= 3);
        for (int i = 0; i < 5; i++) {
            assertEquals("quick", text(client.callAndWait("q" + i, bytes("x"), Duration.ofSeconds(5))));
        }
        until("only one to be busy", () -> server.health().busy() == 1);
        gate.open.countDown();
        for (CompletableFuture<byte[]> call : calls) {
            assertEquals("first", text(call.get(20, TimeUnit.SECONDS)));
        }
        assertEquals(1, gate.begun.get());
        until("nothing to be left", () -> length() == 0 && client.queue().pending() == 0);
    }

    @Test
    void repetitionsFromTwoWorkersAreAnsweredWithoutBeingRun() throws Exception {
        Gate gate = new Gate();
        server(config(), 1, gate);
        server(config(), 1, gate);
        RequestClient client = client(config());
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            calls.add(client.call("slow", bytes("first"), LIMIT));
        }
        until("all to be taken", () -> client.queue().pending() == 20);
        gate.open.countDown();
        for (CompletableFuture<byte[]> call : calls) {
            assertEquals("first", text(call.get(20, TimeUnit.SECONDS)));
        }
        assertEquals(1, gate.begun.get());
    }

    @Test
    void aRepetitionRunsIfTheFirstRunIsLostAndOnlyOneOfThem() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        server(config(), 2, request -> {
            runs.incrementAndGet();
            return request.payload();
        });
        redis().command("SET", "{" + name + "}:done:x", "Rsomebody 1-1", "PX", "1500");
        RequestClient client = client(config());
        CompletableFuture<byte[]> one = client.call("x", bytes("payload"), LIMIT);
        CompletableFuture<byte[]> other = client.call("x", bytes("payload"), LIMIT);
        CompletableFuture<byte[]> third = client.call("x", bytes("payload"), LIMIT);
        assertEquals("payload", text(one.get(20, TimeUnit.SECONDS)));
        assertEquals("payload", text(other.get(20, TimeUnit.SECONDS)));
        assertEquals("payload", text(third.get(20, TimeUnit.SECONDS)));
        assertEquals(1, runs.get());
        until("nothing to be left", () -> length() == 0 && client.queue().pending() == 0);
    }

    @Test
    void aRepetitionThatIsOverIsSkipped() throws Exception {
        Gate gate = new Gate();
        RequestServer server = server(config(), 2, gate);
        RequestClient client = client(config());
        CompletableFuture<byte[]> first = client.call("x", bytes("x"), LIMIT);
        until("it to be under way", () -> gate.begun.get() == 1);
        assertThrows(RequestTimeoutException.class, () -> client.callAndWait("x", bytes("x"), Duration.ofMillis(400)));
        until("it to be skipped", () -> server.health().expired() == 1 && length() == 1);
        gate.open.countDown();
        assertEquals("x", text(first.get(20, TimeUnit.SECONDS)));
        assertTrue(gate.begun.get() == 1);
    }

    private String key(String kind, String id) {
        return "{" + name + "}:" + kind + ":" + id;
    }

    private long deliveries() {
        List<?> pending = (List<?>) redis().command("XPENDING", requests(), "workers", "-", "+", "10");
        return (Long) ((List<?>) pending.get(pending.size() - 1)).get(3);
    }

    @Test
    void idsWhoseRunsHaveNeverEndedAreRunOneAtATimeAndHoldUpNoOthers() throws Exception {
        AtomicInteger together = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        RequestServer server = server(config(), 3, request -> {
            if (request.id().startsWith("new")) {
                return request.payload();
            }
            most.accumulateAndGet(together.incrementAndGet(), Math::max);
            Thread.sleep(200);
            together.decrementAndGet();
            return request.payload();
        });
        RequestClient client = client(config());
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            redis().command("SADD", key("tries", "old" + i), "Rdead 1-1");
            calls.add(client.call("old" + i, bytes("x"), LIMIT));
        }
        for (int i = 0; i < 3; i++) {
            assertEquals("x", text(client.callAndWait("new" + i, bytes("x"), Duration.ofSeconds(5))));
        }
        for (CompletableFuture<byte[]> call : calls) {
            assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
        }
        assertEquals(1, most.get());
        until("nothing to be left", () -> length() == 0 && server.health().busy() == 0);
        assertEquals(0, server.health().dead());
    }

    @Test
    void aRunThatBeganTooLateForgetsNoneThatNeverEnded() throws Exception {
        RequestServer server = server(config(), 20, Request::payload);
        RequestClient client = client(config());
        client.callAndWait("first", bytes("x"), LIMIT);
        int count = 600;
        for (int i = 0; i < count; i++) {
            redis().command("SADD", key("tries", "id" + i), "Rdead 1-1");
        }
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            calls.add(client.call("id" + i, bytes("x"), Duration.ofMillis(1 + i % 12)));
            if (i % 5 == 0) {
                Thread.sleep(1);
            }
        }
        calls.forEach(call -> call.exceptionally(e -> bytes("late")).join());
        until("all to be gone", () -> length() == 0 && server.health().busy() == 0);
        for (int i = 0; i < count; i++) {
            String tries = String.valueOf(redis().command("SMEMBERS", key("tries", "id" + i)));
            boolean answered = redis().command("EXISTS", key("done", "id" + i)).equals(1L);
            assertEquals(answered ? "[]" : "[Rdead 1-1]", tries, "id" + i);
        }
    }

    @Test
    void whatWasNotStartedIsNoRunThoughItsLeaseIsLostAndWhatWasEndsAll() throws Exception {
        Keys keys = new Keys(config());
        byte[] done = keys.done("x");
        byte[] tries = keys.tries("x");
        try (Redis redis = new Redis(config(), 1, Duration.ZERO)) {
            assertEquals(1L, redis.call(Script.BEGIN.onBoth(done, tries, "Rdead 1-1", 60_000, 60_000, 0)));
            assertTrue((Long) redis().command("PTTL", key("tries", "x")) > 0, "it is not kept for ever");
            redis().command("DEL", key("done", "x"));
            assertEquals(0L, redis.call(Script.BEGIN.onBoth(done, tries, "Rlate 1-1", 60_000, 60_000, 0)));
            for (int i = 0; i < 2; i++) {
                assertEquals(2L, redis.call(Script.BEGIN.onBoth(done, tries, "Rlate 1-1", 60_000, 60_000, 1)));
                redis().command("DEL", key("done", "x"));
            }
            assertEquals(3L, redis.call(Script.BEGIN.onBoth(done, tries, "Rnext 1-1", 60_000, 60_000, 1)));
            redis.call(Script.DROP.onBoth(done, tries, "Rlate 1-1", 0));
            assertEquals(2L, redis().command("SCARD", key("tries", "x")));
            assertEquals("Rnext 1-1", redis().command("GET", key("done", "x")));
            redis.call(Script.DROP.onBoth(done, tries, "Rnext 1-1", 1));
            assertEquals(0L, redis().command("EXISTS", key("tries", "x"), key("done", "x")));
        }
    }

    @Test
    void aRepetitionThatManyWorkersHadBuriesNothingThatIsUnderWay() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofMillis(400));
        Gate gate = new Gate();
        server(config, 1, gate);
        CompletableFuture<byte[]> first = client(config).call("job", bytes("x"), LIMIT);
        until("it to be under way", () -> gate.begun.get() == 1);
        CompletableFuture<byte[]> again = client(config).call("job", bytes("x"), LIMIT);
        until("it to be queued", () -> length() == 2);
        redis().command("XREADGROUP", "GROUP", "workers", "dead", "STREAMS", requests(), ">");
        String entry =
                String.valueOf(((List<?>) ((List<?>) redis().command("XRANGE", requests(), "-", "+")).get(1)).get(0));
        redis().command(
                        "XCLAIM",
                        requests(),
                        "workers",
                        "dead",
                        "0",
                        entry,
                        "IDLE",
                        "9000",
                        "RETRYCOUNT",
                        "3",
                        "JUSTID");
        RequestServer other = server(config, 1, request -> bytes("never"));
        until("it to be taken over", () -> other.health().redelivered() == 1);
        until("it to wait", () -> other.health().busy() == 0);
        gate.open.countDown();
        assertEquals("x", text(first.get(20, TimeUnit.SECONDS)));
        assertEquals("x", text(again.get(20, TimeUnit.SECONDS)));
        assertEquals(0, other.health().dead());
    }

    @Test
    void waitingForAnotherRunIsNoDelivery() throws Exception {
        // Longer than a busy machine keeps a living worker from its signs of life, or another takes its request over.
        StreamsConfig config = config().withClaimIdle(Duration.ofSeconds(2));
        Gate gate = new Gate();
        server(config, 1, gate);
        CompletableFuture<byte[]> first = client(config).call("job", bytes("x"), LIMIT);
        until("it to be under way", () -> gate.begun.get() == 1);
        CompletableFuture<byte[]> again = client(config).call("job", bytes("x"), LIMIT);
        for (int i = 0; i < 2; i++) {
            RequestServer passing = server(config, 1, request -> bytes("never"));
            int most = i;
            until(
                    "it to wait there",
                    () -> passing.health().redelivered() == Math.min(1, most)
                            && client(config).queue().pending() == 2
                            && deliveries() == 0);
            passing.stop(Duration.ZERO);
        }
        gate.open.countDown();
        RequestServer last = server(config, 1, request -> bytes("never"));
        assertEquals("x", text(first.get(20, TimeUnit.SECONDS)));
        assertEquals("x", text(again.get(20, TimeUnit.SECONDS)));
        assertEquals(0, last.health().dead());
    }

    @Test
    void aFailureReplacesNoOtherRunAndNothingReplacesAnAnswer() throws Exception {
        Keys keys = new Keys(config());
        byte[] done = keys.done("x");
        byte[] tries = keys.tries("x");
        try (Redis redis = new Redis(config(), 1, Duration.ZERO)) {
            redis().command("SET", key("done", "x"), "Rother 1-1", "PX", "60000");
            assertEquals(
                    "Rother 1-1",
                    StreamReply.text(redis.call(Script.FINISH.onBoth(done, tries, "Rme 1-1", "Fbad", 60_000))));
            assertEquals("Rother 1-1", redis().command("GET", key("done", "x")));
            assertEquals(null, redis.call(Script.FINISH.onBoth(done, tries, "Rme 1-1", "Sgood", 60_000)));
            for (String later : List.of("Slater", "Fbad")) {
                assertEquals(
                        "Sgood",
                        StreamReply.text(redis.call(Script.FINISH.onBoth(done, tries, "Rother 1-1", later, 60_000))));
            }
            redis.call(Script.KEEP.onAll(List.of(done, tries), 60_000, 60_000, 1, "Rme 1-1"));
            assertEquals("Sgood", redis().command("GET", key("done", "x")));
        }
    }

    @Test
    void aSignOfLifeKeepsTheOwnersLeaseAndNoOthers() throws Exception {
        Keys keys = new Keys(config());
        try (Redis redis = new Redis(config(), 1, Duration.ZERO)) {
            redis().command("SET", key("done", "mine"), "Rme 1-1", "PX", "1000");
            redis().command("SET", key("done", "other"), "Rother 1-1", "PX", "1000");
            redis().command("LPUSH", key("done", "kind"), "x");
            redis().command("SADD", key("tries", "gone"), "Rme 1-1");
            List<String> ids = List.of("kind", "other", "mine", "gone");
            List<byte[]> all = new ArrayList<>();
            ids.forEach(id -> all.add(keys.done(id)));
            ids.forEach(id -> all.add(keys.tries(id)));
            assertEquals(
                    List.of(),
                    redis.call(Script.KEEP.onAll(all, 60_000, 60_000, 0, "Rme 1-1", "Rme 1-1", "Rme 1-1", "Rme 1-1")));
            assertEquals("Rother 1-1", redis().command("GET", key("done", "other")));
            assertTrue((Long) redis().command("PTTL", key("done", "other")) <= 1_000);
            assertTrue((Long) redis().command("PTTL", key("done", "mine")) > 1_000);
            assertEquals("Rme 1-1", redis().command("GET", key("done", "gone")));
            assertTrue((Long) redis().command("PTTL", key("done", "gone")) > 1_000);
        }
    }

    @Test
    void theLeaseOfWorkThatIsLongerThanTheClaimTimeIsKept() throws Exception {
        Gate gate = new Gate();
        server(config().withClaimIdle(Duration.ofMillis(900)), 1, gate);
        CompletableFuture<byte[]> call = client(config()).call("x", bytes("x"), LIMIT);
        until("it to be under way", () -> gate.begun.get() == 1);
        long end = System.nanoTime() + 2_500_000_000L;
        while (System.nanoTime() < end) {
            assertTrue(String.valueOf(redis().command("GET", key("done", "x"))).startsWith("R"), "the lease is gone");
            Thread.sleep(20);
        }
        gate.open.countDown();
        assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
    }

    @Test
    void aLeaseWithoutAnEndIsNobodys() throws Exception {
        server(config(), 1, Request::payload);
        redis().command("SET", key("done", "x"), "Rnobody 1-1");
        assertEquals("x", text(client(config()).callAndWait("x", bytes("x"), Duration.ofSeconds(5))));
    }

    @Test
    void whatWaitsForATerminalHoldsNoPayload() throws Exception {
        try (RedisServer own =
                RedisServer.builder().persistence(RedisServer.Persistence.NONE).start()) {
            StreamsConfig config = config(own);
            Gate gate = new Gate();
            RequestServer server = server(
                    config, 1, request -> request.id().equals("hold") ? gate.handle(request) : request.payload());
            RequestClient client = client(config);
            List<CompletableFuture<byte[]>> calls = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                own.command("SET", key("done", "x" + i), "Rdead 1-1", "PX", "1500");
                calls.add(client.call("x" + i, bytes("x"), LIMIT));
            }
            until(
                    "all to wait",
                    () -> server.queue().pending() == 5 && server.health().busy() == 0);
            CompletableFuture<byte[]> hold = client.call("hold", bytes("hold"), LIMIT);
            until("the terminal to be busy", () -> gate.begun.get() == 1);
            long before = reads(own);
            until("nobody to run them", () -> ((List<?>) own.command("KEYS", key("done", "x*"))).isEmpty());
            Thread.sleep(500);
            assertEquals(before, reads(own), "a payload was read again");
            gate.open.countDown();
            assertEquals("hold", text(hold.get(20, TimeUnit.SECONDS)));
            for (CompletableFuture<byte[]> call : calls) {
                assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
            }
            until("nothing to be left", () -> own.command("XLEN", requests()).equals(0L));
            server.stop(Duration.ofSeconds(1));
        }
    }

    private static long reads(RedisServer server) {
        Matcher calls = Pattern.compile("cmdstat_xrange:calls=([0-9]+)")
                .matcher(String.valueOf(server.command("INFO", "commandstats")));
        return calls.find() ? Long.parseLong(calls.group(1)) : 0;
    }

    @Test
    void aSignOfLifeThatComesAfterTheEndBringsNoLeaseBack() throws Exception {
        List<byte[]> keys = List.of(new Keys(config()).done("x"), new Keys(config()).tries("x"));
        try (Redis redis = new Redis(config(), 1, Duration.ZERO)) {
            for (int started = 0; started < 2; started++) {
                redis.call(Script.BEGIN.onAll(keys, "Rme 1-1", 60_000, 60_000, 0));
                redis.call(Script.DROP.onAll(keys, "Rme 1-1", started));
                assertEquals(
                        List.of(1L), redis.call(Script.KEEP.onAll(keys, 60_000, 60_000, 0, "Rme 1-1")), "it is named");
                assertEquals(0L, redis().command("EXISTS", key("tries", "x"), key("done", "x")));
            }
            assertEquals(List.of(), redis.call(Script.KEEP.onAll(keys, 60_000, 60_000, 1, "Rme 1-1")));
            assertEquals("Rme 1-1", redis().command("GET", key("done", "x")));
            assertTrue((Long) redis().command("PTTL", key("done", "x")) > 0);
            assertTrue((Long) redis().command("PTTL", key("tries", "x")) > 0);
            assertEquals(1L, redis().command("SISMEMBER", key("tries", "x"), "Rme 1-1"));
        }
    }

    @Test
    void theLeaseOfWhatIsUnderWayComesBackIntoARedisThatForgotAll() throws Exception {
        try (RedisServer own =
                RedisServer.builder().persistence(RedisServer.Persistence.NONE).start()) {
            Gate gate = new Gate();
            StreamsConfig config = config(own).withClaimIdle(Duration.ofMillis(900));
            server(config, 2, gate);
            var unused = client(config).call("x", bytes("x"), LIMIT);
            until("it to be under way", () -> gate.begun.get() == 1);
            own.command("FLUSHALL");
            until("its lease", () -> own.command("EXISTS", key("done", "x"), key("tries", "x"))
                    .equals(2L));
            CompletableFuture<byte[]> again = client(config).call("x", bytes("x"), LIMIT);
            until("the group to be made again", () -> hasGroup(own));
            until("it to be taken", () -> !String.valueOf(own.command("XPENDING", requests(), "workers"))
                    .startsWith("[0,"));
            gate.open.countDown();
            assertEquals("x", text(again.get(20, TimeUnit.SECONDS)));
            assertEquals(1, gate.begun.get());
        }
    }
}
