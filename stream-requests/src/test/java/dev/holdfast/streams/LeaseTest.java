package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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
        RequestServer server = server(config(), 2, gate);
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
}
