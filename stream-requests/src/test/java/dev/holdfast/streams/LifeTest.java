package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Execution(ExecutionMode.CONCURRENT)
class LifeTest extends Fixture {
    private String replyStream() {
        List<?> keys = (List<?>) redis().command("KEYS", "{" + name + "/replies/*");
        return keys.isEmpty() ? "" : String.valueOf(keys.get(0));
    }

    @Test
    void theReplyStreamOfAClientThatDiedExpiresAndItsAnswersAreOrphans() throws Exception {
        Gate gate = new Gate();
        RequestServer server = server(config(), 1, gate);
        RequestClient client = client(config());
        CompletableFuture<byte[]> call = client.call("x", bytes("x"), LIMIT);
        until("it to be under way", () -> gate.begun.get() == 1);
        String stream = replyStream();
        long ttl = (Long) redis().command("PTTL", stream);
        assertTrue(ttl > 0 && ttl <= 60_000, "it would be gone after " + ttl + " ms");
        // What comes after its expiry, without waiting for it: the client is closed and its stream gone.
        client.close();
        until("the call to end", call::isDone);
        assertEquals(0L, redis().command("EXISTS", stream));
        gate.open.countDown();
        until("the answer to be an orphan", () -> server.health().orphans() == 1);
        until("the request to be removed", () -> length() == 0);
        assertEquals(0L, redis().command("EXISTS", stream), "no orphan brings it back");
    }

    @Test
    void aLivingClientKeepsItsReplyStream() throws Exception {
        client(config());
        String stream = replyStream();
        redis().command("PEXPIRE", stream, "30000");
        until("it to be kept", () -> (Long) redis().command("PTTL", stream) > 50_000);
        redis().command("DEL", stream);
        until("it to be made again", () -> redis().command("EXISTS", stream).equals(1L));
    }

    @Test
    void afterTrafficNothingIsLeftInRedisButTheAnswersOfTheWindow() throws Exception {
        StreamsConfig config = config().withReplyWindow(Duration.ofMillis(400)).withClaimIdle(Duration.ofMillis(200));
        RequestServer server = server(config, 5, Request::payload);
        RequestClient client = client(config);
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            calls.add(client.call("id" + i, bytes("x"), LIMIT));
        }
        calls.forEach(CompletableFuture::join);
        until("the requests to be removed", () -> length() == 0);
        until("the replies to be removed", () -> redis().command("XLEN", replyStream())
                .equals(0L));
        QueueHealth queue = server.queue();
        assertEquals(0, queue.pending());
        assertEquals(0, queue.lag());
        assertEquals(1, queue.consumers());
        until("the answers to expire", () -> ((List<?>) redis().command("KEYS", "{" + name + "}:done:*")).isEmpty());
    }

    @Test
    void consumersOfDeadWorkersAreRemovedOnlyOnceNothingIsPending() throws Exception {
        StreamsConfig config = config();
        RequestServer server = server(config, 1, Request::payload);
        until("the group to be made", this::hasGroup);
        redis().command("XGROUP", "CREATECONSUMER", requests(), "workers", "nobody");
        redis().command("XGROUP", "CREATECONSUMER", requests(), "workers", "busy");
        Keys keys = new Keys(config);
        try (Redis redis = new Redis(config, 1, Duration.ZERO)) {
            server.stop(Duration.ofSeconds(5));
            redis().command("XADD", requests(), "*", "i", "y", "r", "r", "l", "10000", "p", "p");
            redis().command("XREADGROUP", "GROUP", "workers", "busy", "STREAMS", requests(), ">");
            redis.call(Script.REMOVE_CONSUMERS.on(keys.requests(0), Keys.GROUP, "", 0));
        }
        String left = String.valueOf(redis().command("XINFO", "CONSUMERS", requests(), "workers"));
        assertTrue(left.contains("busy") && !left.contains("nobody") && left.contains("pending, 1"), left);
    }

    @Test
    void deadlinesAreThoseOfTheServersClockWhateverTheApplicationsThink() throws Exception {
        List<?> time = (List<?>) redis().command("TIME");
        long now = Long.parseLong(String.valueOf(time.get(0))) * 1_000;
        AtomicInteger runs = new AtomicInteger();
        // Entries as a server would have named them whose clock read this, each good for 10 s.
        redis().command("XADD", requests(), (now - 600_000) + "-1", "i", "old", "r", "r", "l", "10000", "p", "p");
        redis().command("XADD", requests(), (now - 5_000) + "-1", "i", "good", "r", "r", "l", "10000", "p", "p");
        redis().command("XADD", requests(), (now + 600_000) + "-1", "i", "ahead", "r", "r", "l", "10000", "p", "p");
        RequestServer server = server(config(), 1, request -> {
            runs.incrementAndGet();
            return request.payload();
        });
        until("all to be removed", () -> length() == 0);
        assertEquals(1, server.health().expired(), "the one that is over");
        assertEquals(2, runs.get());
        // From here on Redis names entries by the last one's time, ten minutes ahead: as after a failover to a slow
        // clock.
        assertEquals("x", text(client(config()).callAndWait("x", bytes("x"), LIMIT)));
    }

    @Test
    void noClassLooksAtTheWallClock() throws IOException {
        Path classes = Path.of("target", "classes", "dev", "holdfast", "streams");
        if (!Files.isDirectory(classes)) {
            classes = Path.of(RequestClient.class
                            .getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .getPath())
                    .resolve("dev/holdfast/streams");
        }
        try (Stream<Path> files = Files.list(classes)) {
            for (Path file : files.toList()) {
                String constants = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
                assertFalse(constants.contains("currentTimeMillis"), file.toString());
                assertFalse(constants.contains("java/time/Clock"), file.toString());
                assertFalse(constants.contains("java/util/Date"), file.toString());
            }
        }
    }

    @Test
    void theFiguresAreThoseOfXinfo() throws Exception {
        Gate gate = new Gate();
        RequestServer server = server(config(), 4, gate);
        RequestClient client = client(config());
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            calls.add(client.call("id" + i, bytes("x"), LIMIT));
        }
        until("the terminals to be busy", () -> gate.begun.get() == 4 && length() == 9);
        Map<String, Object> group = StreamReply.named(
                ((List<?>) redis().command(bytes("XINFO"), bytes("GROUPS"), bytes(requests()))).get(0));
        QueueHealth queue = server.queue();
        assertEquals(group.get("lag"), queue.lag());
        assertEquals(group.get("pending"), queue.pending());
        assertEquals(group.get("consumers"), queue.consumers());
        assertEquals(server.health().busy(), queue.pending());
        assertEquals(9, queue.length());
        until("the oldest to have an age", () -> {
            Duration oldest = client.queue().oldestPending();
            return oldest.toMillis() >= 5 && oldest.toMillis() < 20_000;
        });
        gate.open.countDown();
        calls.forEach(CompletableFuture::join);
    }

    @Test
    void whatWasTrimmedByHandIsNoLag() throws Exception {
        RequestServer server = server(config(), 1, Request::payload);
        until("the group to be made", this::hasGroup);
        server.stop(Duration.ofSeconds(5));
        for (int i = 0; i < 20; i++) {
            redis().command("XADD", requests(), "*", "i", "x" + i, "r", "{r}", "l", "20000", "p", "p");
        }
        redis().command("XTRIM", requests(), "MAXLEN", "5");
        RequestServer other = server(config(), 1, Request::payload);
        until("the rest to be answered", () -> length() == 0 && other.health().answered() == 5);
        assertEquals(0, other.queue().lag());
    }

    @Test
    void servicesWhoseNamesBeginAlikeShareNoKeys() {
        StreamsConfig orders = config().withName("orders").withPartitions(3);
        Keys some = new Keys(orders);
        for (String name : List.of("orders.1", "orders.replies", "orders.replies.x", "orders:1", "orders-1")) {
            Keys other = new Keys(orders.withName(name));
            for (int one = 0; one < 3; one++) {
                for (int two = 0; two < 3; two++) {
                    assertFalse(text(some.requests(one)).equals(text(other.requests(two))), name);
                    assertFalse(text(some.dead(one)).equals(text(other.dead(two))), name);
                    String tag = text(other.requests(two));
                    assertFalse(text(some.replies("x")).startsWith(tag.substring(0, tag.indexOf('}') + 1)), name);
                }
            }
        }
    }

    @Test
    void aLivingWorkerThatIsIdleStaysAConsumer() throws Exception {
        RequestServer one = server(config().withClaimIdle(Duration.ofMillis(300)), 1, Request::payload);
        server(config().withClaimIdle(Duration.ofMillis(300)), 1, Request::payload);
        until("both to be known", () -> one.queue().consumers() == 2);
        long end = System.nanoTime() + 8_000_000_000L;
        while (System.nanoTime() < end) {
            assertEquals(2, one.queue().consumers());
            Thread.sleep(50);
        }
    }

    @Test
    void aWorkerThatIsDeadIsNoConsumerAfterAWhile() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofMillis(300));
        RequestServer server = server(config, 1, Request::payload);
        WorkerProcess other =
                closing(WorkerProcess.start(config, redis().url(), 1, 1)).awaitReady();
        until("both to be known", () -> server.queue().consumers() == 2);
        other.kill();
        until("the living one to be left", () -> server.queue().consumers() == 1);
    }

    @Test
    void aGraceWithoutEndEndsWithTheWorkAndLeavesNothingBehind() throws Exception {
        RequestServer server = RequestServer.start(config(), 2, Request::payload);
        until("the server to be known", () -> server.queue().consumers() == 1);
        assertThrows(IllegalArgumentException.class, () -> server.stop(Duration.ofSeconds(-1)));
        assertThrows(NullPointerException.class, () -> server.stop(null));
        assertEquals("x", text(client(config()).callAndWait("x", bytes("x"), LIMIT)), "it goes on");
        assertTrue(server.stop(ChronoUnit.FOREVER.getDuration()));
        assertEquals(List.of(), redis().command("XINFO", "CONSUMERS", requests(), "workers"));
        assertTrue(server.stop(Duration.ZERO));
    }

    @Test
    void whoStopsAServerThatIsBeingStoppedWaitsTooAndLearnsTheSame() throws Exception {
        Gate gate = new Gate();
        RequestServer server = server(config(), 1, gate);
        CompletableFuture<byte[]> call = client(config()).call("x", bytes("x"), LIMIT);
        until("it to be under way", () -> gate.begun.get() == 1);
        List<CompletableFuture<Boolean>> stopped = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            stopped.add(CompletableFuture.supplyAsync(() -> server.stop(LIMIT), task -> new Thread(task).start()));
        }
        Thread.sleep(200);
        assertFalse(server.stop(Duration.ofMillis(10)), "its own grace is over");
        assertFalse(stopped.get(0).isDone() || stopped.get(1).isDone());
        gate.open.countDown();
        assertTrue(stopped.get(0).get() && stopped.get(1).get());
        assertEquals("x", text(call.get()));
    }

    @Test
    void aRequestIsRemovedOnlyAfterItsAnswerWasAdded() throws Exception {
        try (RedisServer own = RedisServer.builder()
                .persistence(RedisServer.Persistence.NONE)
                .line("slowlog-log-slower-than 0")
                .line("slowlog-max-len 10000")
                .start()) {
            RequestServer server = server(config(own), 1, Request::payload);
            client(config(own)).callAndWait("x", bytes("x"), LIMIT);
            until("it to be removed", () -> own.command("XLEN", requests()).equals(0L));
            List<String> commands = new ArrayList<>();
            for (Object each : (List<?>) own.command("SLOWLOG", "GET", "10000")) {
                commands.add(0, String.valueOf(((List<?>) each).get(3)));
            }
            String all = String.join("\n", commands);
            int kept = all.indexOf("[SET, {" + name + "}:done:x, Sx");
            int added = all.indexOf("}, NOMKSTREAM");
            int removed = all.indexOf("[XDEL, " + requests());
            int acknowledged = all.indexOf("[XACK, ");
            assertTrue(0 <= kept && kept < added && added < removed && removed < acknowledged, all);
            server.stop(Duration.ofSeconds(1));
        }
    }

    @Test
    void aWorkerThatDiesWhileItRemovesARequestLeavesNoneThatIsNobodys() throws Exception {
        try (RedisServer own =
                RedisServer.builder().persistence(RedisServer.Persistence.NONE).start()) {
            own.command("ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-xdel");
            StreamsConfig config = config(own).withClaimIdle(Duration.ofMillis(500));
            StreamsConfig half = StreamsConfig.single("redis://app:pw@127.0.0.1:" + own.port())
                    .withName(name)
                    .withClaimIdle(Duration.ofMillis(500))
                    .withGrace(Duration.ZERO);
            RequestServer dying = server(half, 1, Request::payload);
            assertEquals("x", text(client(config).callAndWait("x", bytes("x"), LIMIT)));
            // What it may do of the removal is done by now, and the rest of it is not.
            Thread.sleep(300);
            dying.stop(Duration.ZERO);
            assertEquals(1L, own.command("XLEN", requests()));

            RequestServer next = server(config, 1, Request::payload);
            until("it to be removed", () -> own.command("XLEN", requests()).equals(0L));
            assertEquals(1, next.health().redelivered());
            assertEquals(1, next.health().replayed());
        }
    }

    @Test
    void handlersThatHangAreSeen() throws Exception {
        Gate gate = new Gate();
        RequestServer server = server(config(), 2, gate);
        var unused = client(config()).call("x", bytes("x"), Duration.ofMillis(300));
        until("it to be under way", () -> gate.begun.get() == 1);
        assertEquals(0, server.health().overdue());
        until("it to be overdue", () -> server.health().overdue() == 1);
        assertTrue(
                server.health().trouble().orElse("").startsWith("1 of 2 terminals"),
                server.health().trouble().toString());
        assertTrue(server.health().available());
        gate.open.countDown();
        until(
                "it to be well",
                () -> server.health().overdue() == 0
                        && server.health().trouble().isEmpty());
    }

    @Test
    void whatIsClosedIsNotAvailableAndSaysSo() throws Exception {
        RequestServer server = server(config(), 1, Request::payload);
        RequestClient client = client(config());
        client.callAndWait("x", bytes("x"), LIMIT);
        client.close();
        assertFalse(client.health().available());
        assertEquals("the client is closed", client.health().trouble().orElse(""));
        server.stop(Duration.ZERO);
        assertFalse(server.health().available());
        assertEquals(
                "the server was stopped: it takes nothing any more",
                server.health().trouble().orElse(""));
    }
}
