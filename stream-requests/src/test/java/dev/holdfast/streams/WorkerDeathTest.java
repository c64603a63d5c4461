package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Execution(ExecutionMode.CONCURRENT)
class WorkerDeathTest extends Fixture {
    /** Four processes are started one after the other, on a machine that may have other things to do. */
    private static final Duration FOUR_WORKERS = Duration.ofMinutes(2);

    @Test
    void whatKilledWorkersHeldIsAnsweredByOthersAndNothingIsLost() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofMillis(1_500));
        List<WorkerProcess> workers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            workers.add(closing(WorkerProcess.start(config, redis().url(), 5, 400)));
        }
        for (WorkerProcess worker : workers) {
            worker.awaitReady();
        }
        RequestClient client = client(config);
        Map<String, CompletableFuture<byte[]>> calls = new HashMap<>();
        for (int i = 0; i < 60; i++) {
            String id = "id" + i;
            calls.put(id, client.call(id, bytes("x"), LIMIT));
        }
        until("work to be under way everywhere", () -> client.queue().pending() == 15);
        WorkerProcess victim = workers.get(0);
        victim.kill();
        long killed = System.nanoTime();
        for (Map.Entry<String, CompletableFuture<byte[]>> call : calls.entrySet()) {
            String answer = text(call.getValue().get(20, TimeUnit.SECONDS));
            String kept = String.valueOf(redis().command("GET", "{" + name + "}:done:" + call.getKey()));
            assertEquals("S" + answer, kept, "one result for " + call.getKey());
        }
        long millis = (System.nanoTime() - killed) / 1_000_000;
        assertTrue(millis < 1_500 + 1_000 + 3_000, "the last was answered after " + millis + " ms");
        until("nothing to be left", () -> length() == 0 && client.queue().pending() == 0);
        assertEquals(60, client.health().answered());
        assertEquals(0, client.health().unclaimed(), "no answer came twice");
    }

    @Test
    void aRequestThatKillsItsWorkersIsADeadLetterToo() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofMillis(400)).withMaxDeliveries(2);
        WorkerProcess first = closing(WorkerProcess.start(config, redis().url(), 1, 1));
        WorkerProcess second = closing(WorkerProcess.start(config, redis().url(), 1, 1));
        first.awaitReady();
        second.awaitReady();
        CompletableFuture<byte[]> poison = client(config).call("poison", bytes("poison"), LIMIT);
        until("both to be dead", () -> !first.isAlive() && !second.isAlive());
        RequestServer third = server(config, 1, request -> bytes("not reached"));
        Throwable failure = assertThrows(Exception.class, () -> poison.get(20, TimeUnit.SECONDS))
                .getCause();
        assertEquals("given up after 2 deliveries: no worker that had it has answered", failure.getMessage());
        assertEquals(1, third.health().redelivered());
        assertEquals(1, third.health().dead());
    }

    @Test
    void aWorkerThatIsStoppedFinishesWhatItHasAndLeavesNothing() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofSeconds(30));
        WorkerProcess worker =
                closing(WorkerProcess.start(config, redis().url(), 5, 300)).awaitReady();
        RequestClient client = client(config);
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            calls.add(client.call("id" + i, bytes("x"), LIMIT));
        }
        until("all to be under way", () -> client.queue().pending() == 5);
        assertNotEquals(-1, worker.terminate(), "it ended");
        for (CompletableFuture<byte[]> call : calls) {
            assertEquals(worker.pid(), text(call.get(20, TimeUnit.SECONDS)));
        }
        QueueHealth queue = client.queue();
        assertEquals(0, queue.pending());
        assertEquals(0, queue.length());
        assertEquals(0, queue.consumers());
    }

    @Test
    void aRequestThatKillsItsWorkersTakesNoOthersWithIt() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofMillis(600));
        RequestClient client = client(config);
        List<CompletableFuture<byte[]>> good = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            good.add(client.call("good" + i, bytes("x"), FOUR_WORKERS));
        }
        CompletableFuture<byte[]> poison = client.call("poison", bytes("poison"), FOUR_WORKERS);
        until("all to be queued", () -> length() == 5);
        int workers = 0;
        while (!poison.isDone()) {
            WorkerProcess worker =
                    closing(WorkerProcess.start(config, redis().url(), 5, 200)).awaitReady();
            workers++;
            until("it to be dead, or the poison to be given up", () -> !worker.isAlive() || poison.isDone());
        }
        for (CompletableFuture<byte[]> each : good) {
            assertTrue(text(each.get(1, TimeUnit.MINUTES)).matches("[0-9]+"));
        }
        Throwable failure = assertThrows(Exception.class, () -> poison.get(1, TimeUnit.SECONDS))
                .getCause();
        assertEquals("given up after 3 deliveries: no worker that had it has answered", failure.getMessage());
        assertEquals(4, workers, "three were killed");
        assertEquals(1, client.queue().deadLetters());
    }
}
