package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.streams.RequestRejectedException.Reason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.exceptions.JedisConnectionException;

@Execution(ExecutionMode.CONCURRENT)
class OutageTest extends Fixture {
    private static final Duration SHORT = Duration.ofMillis(300);

    private StreamsConfig quick(RedisServer server) {
        return config(server)
                .withCommandTimeout(SHORT)
                .withConnectTimeout(SHORT)
                .withClaimIdle(Duration.ofSeconds(5));
    }

    private static long millisOf(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1_000_000;
    }

    /** Calls until one is answered; says how long that took. */
    private static long recovery(RequestClient client) throws Exception {
        long start = System.nanoTime();
        for (int i = 0; ; i++) {
            try {
                client.callAndWait("again" + i + "-" + start, bytes("x"), Duration.ofSeconds(2));
                return (System.nanoTime() - start) / 1_000_000;
            } catch (RequestRejectedException | RequestTimeoutException e) {
                assertTrue(System.nanoTime() - start < 20_000_000_000L, "no answer for 20 s: " + e.getMessage());
                Thread.sleep(20);
            }
        }
    }

    @Test
    void aRedisThatIsKilledAndComesBackLosesNothingThatWasAccepted() throws Exception {
        try (RedisServer own = RedisServer.start()) {
            Gate gate = new Gate();
            server(quick(own), 2, gate);
            RequestClient client = client(quick(own));
            CompletableFuture<byte[]> underWay = client.call("a", bytes("a"), LIMIT);
            until("it to be under way", () -> gate.begun.get() == 1);
            own.kill();
            until("the outage to be known", () -> !client.health().available());
            long millis = millisOf(() -> assertEquals(
                    Reason.UNAVAILABLE,
                    assertThrows(RequestRejectedException.class, () -> client.call("b", bytes("b"), LIMIT))
                            .reason()));
            assertTrue(millis < 500, "the refusal took " + millis + " ms");
            assertTrue(client.health().trouble().isPresent());
            // The work ends while Redis is away.
            gate.open.countDown();
            own.restart(RedisServer.Data.KEEP);
            assertEquals("a", text(underWay.get(20, TimeUnit.SECONDS)));
            long recovery = recovery(client);
            assertTrue(recovery < 5_000, "recovered after " + recovery + " ms");
            assertEquals(1, gate.begun.get() - client.health().answered() + 1, "each was run once");
        }
    }

    @Test
    void aFrozenRedisCostsNobodyMoreThanItsLimit() throws Exception {
        try (RedisServer own = RedisServer.start()) {
            RequestServer server = server(quick(own), 2, Request::payload);
            RequestClient client = client(quick(own));
            client.callAndWait("warm", bytes("x"), LIMIT);
            own.freeze();
            long millis = millisOf(() -> assertThrows(
                    RequestException.class, () -> client.callAndWait("a", bytes("a"), Duration.ofMillis(200))));
            assertTrue(millis < 1_500, "it took " + millis + " ms");
            until(
                    "the outage to be known",
                    () -> !client.health().available() && !server.health().available());
            assertThrows(RequestRejectedException.class, client::queue);
            own.thaw();
            long recovery = recovery(client);
            assertTrue(recovery < 5_000, "recovered after " + recovery + " ms");
            until("the server to know", () -> server.health().available());
        }
    }

    @Test
    void afterAFlushTheGroupAndTheReplyStreamAreMadeAgain() throws Exception {
        try (RedisServer own = RedisServer.start()) {
            server(quick(own), 2, Request::payload);
            RequestClient client = client(quick(own));
            client.callAndWait("before", bytes("x"), LIMIT);
            for (int i = 0; i < 3; i++) {
                own.command("FLUSHALL");
                long start = System.nanoTime();
                assertEquals("y", text(client.callAndWait("after" + i, bytes("y"), LIMIT)));
                long millis = (System.nanoTime() - start) / 1_000_000;
                assertTrue(millis < 5_000, "answered after " + millis + " ms");
            }
        }
    }

    @Test
    void whoStartsWithoutRedisWorksOnceItIsThere() throws Exception {
        try (RedisServer own = RedisServer.start()) {
            own.kill();
            RequestServer server = server(quick(own), 2, Request::payload);
            RequestClient client = client(quick(own));
            assertFalse(client.health().available());
            assertThrows(RequestRejectedException.class, () -> client.call("a", bytes("a"), LIMIT));
            until("the server to know", () -> !server.health().available());
            own.restart(RedisServer.Data.EMPTY);
            assertTrue(recovery(client) < 5_000);
        }
    }

    @Test
    void aRedisWithoutMemoryRefusesAndNothingBreaks() throws Exception {
        try (RedisServer own =
                RedisServer.builder().line("maxmemory-policy noeviction").start()) {
            server(quick(own), 2, Request::payload);
            RequestClient client = client(quick(own));
            client.callAndWait("a", bytes("a"), LIMIT);
            own.command("CONFIG", "SET", "maxmemory", "1");
            until("a refusal", () -> {
                try {
                    client.callAndWait("b" + System.nanoTime(), bytes("b"), SHORT);
                    return false;
                } catch (RequestRejectedException e) {
                    return e.getMessage().contains("OOM");
                }
            });
            own.command("CONFIG", "SET", "maxmemory", "0");
            assertTrue(recovery(client) < 5_000);
        }
    }

    @Test
    void aFullRedisIsSaidAsLongAsItIsFull() throws Exception {
        for (int partitions = 1; partitions <= 2; partitions++) {
            try (RedisServer own =
                    RedisServer.builder().line("maxmemory-policy noeviction").start()) {
                StreamsConfig config =
                        quick(own).withCommandTimeout(Duration.ofSeconds(2)).withPartitions(partitions);
                RequestServer server = server(config, 2, Request::payload);
                RequestClient client = client(config);
                for (int i = 0; i < 4; i++) {
                    client.callAndWait("a" + i, bytes("a"), LIMIT);
                }
                own.command("CONFIG", "SET", "maxmemory", "1");
                until(
                        "it to be said",
                        () -> isSaid(client.health().trouble())
                                && isSaid(server.health().trouble()));
                long end = System.nanoTime() + 2_500_000_000L;
                for (int i = 0; System.nanoTime() < end; i++) {
                    String id = "b" + i;
                    assertThrows(RequestRejectedException.class, () -> client.call(id, bytes("b"), SHORT));
                    assertTrue(
                            isSaid(server.health().trouble()),
                            "" + server.health().trouble());
                    assertFalse(server.health().available() || client.health().available());
                    Thread.sleep(5);
                }
                own.command("CONFIG", "SET", "maxmemory", "0");
                assertTrue(recovery(client) < 5_000);
                until(
                        "both to be well",
                        () -> client.health().trouble().isEmpty()
                                && server.health().trouble().isEmpty()
                                && server.health().available());
            }
        }
    }

    private static boolean isSaid(Optional<String> trouble) {
        return trouble.orElse("").contains("OOM");
    }

    @Test
    void aWorkerWhoseTerminalsAreAllBusySaysThatRedisIsAway() throws Exception {
        try (RedisServer own = RedisServer.start()) {
            Gate gate = new Gate();
            RequestServer server = server(quick(own), 1, gate);
            var unused = client(quick(own)).call("a", bytes("a"), LIMIT);
            until("it to be under way", () -> gate.begun.get() == 1);
            own.kill();
            until("it to be said", () -> !server.health().available());
            own.restart(RedisServer.Data.KEEP);
            until("it to be well", () -> server.health().available());
            gate.open.countDown();
        }
    }

    @Test
    void whatCanNotHaveBeenSentIsRejectedAtOnce() throws Exception {
        try (RedisServer own = RedisServer.start()) {
            RequestClient client = client(config(own));
            server(config(own), 1, Request::payload);
            client.callAndWait("a", bytes("a"), LIMIT);
            own.kill();
            long millis = millisOf(() -> assertThrows(
                    RequestRejectedException.class, () -> client.callAndWait("b", bytes("b"), Duration.ofSeconds(5))));
            assertTrue(millis < 3_000, "the refusal took " + millis + " ms");
        }
    }

    @Test
    void anAnswerWhoseReplyStreamIsMadeAgainIsNoOrphan() throws Exception {
        try (RedisServer own = RedisServer.start()) {
            Gate gate = new Gate();
            RequestServer server = server(config(own), 2, gate);
            RequestClient client = client(config(own));
            CompletableFuture<byte[]> call = client.call("x", bytes("x"), LIMIT);
            until("it to be under way", () -> gate.begun.get() == 1);
            CompletableFuture<byte[]> again = client(config(own)).call("x", bytes("x"), LIMIT);
            until("it to wait", () -> server.queue().pending() == 2);
            for (Object replies : (List<?>) own.command("KEYS", "{" + name + "/replies/*")) {
                own.command("DEL", String.valueOf(replies));
            }
            gate.open.countDown();
            assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
            assertEquals("x", text(again.get(20, TimeUnit.SECONDS)));
            until("nothing to be left", () -> own.command("XLEN", requests()).equals(0L));
            until("both to be counted", () -> server.health().answered() == 2);
            assertEquals(0, server.health().orphans());
        }
    }

    @Test
    void aConnectionThatTheServerClosedWhileItWasIdleCostsNoCommand() throws Exception {
        try (RedisServer own = RedisServer.start();
                Redis redis = new Redis(config(own), 3, Duration.ofSeconds(1))) {
            idle(redis, List.of(own), new Keys(config(own)).requests(0));
        }
    }

    @Test
    void aServerThatIsSilentIsWaitedForOnceWhetherItsConnectionWasIdleOrNot() throws Exception {
        for (long idleMillis : new long[] {0, Redis.IDLE_MILLIS + 100}) {
            try (TcpProxy proxy = TcpProxy.to("127.0.0.1", redis().port());
                    Redis redis = new Redis(
                            StreamsConfig.single("redis://127.0.0.1:" + proxy.port())
                                    .withName(name)
                                    .withCommandTimeout(Duration.ofSeconds(2)),
                            2,
                            Duration.ZERO)) {
                Command length = Command.of(Protocol.Command.XLEN, bytes(requests()));
                assertEquals(0L, redis.call(length));
                // That is what idle means here.
                Thread.sleep(idleMillis);
                proxy.halfOpen();
                RuntimeException failure = assertThrows(RuntimeException.class, () -> redis.call(length));
                assertTrue(Trouble.isSilence(failure), failure.toString());
                assertTrue(
                        proxy.connections() <= (idleMillis == 0 ? 1 : 2), "it has waited for another connection, too");
                proxy.pass();
                assertEquals(0L, redis.call(length));
            }
        }
    }

    /** As a NAT or a load balancer does with flows that idled: the server is well, and a new connection reaches it. */
    @Test
    void aFlowThatWasForgottenCostsNoCommand() throws Exception {
        try (TcpProxy proxy = TcpProxy.to("127.0.0.1", redis().port());
                Redis redis = new Redis(
                        StreamsConfig.single("redis://127.0.0.1:" + proxy.port())
                                .withName(name),
                        2,
                        Duration.ZERO)) {
            Command length = Command.of(Protocol.Command.XLEN, bytes(requests()));
            assertEquals(0L, redis.call(length));
            proxy.dropIdle(Duration.ofMillis(100));
            // That is what idle means here.
            Thread.sleep(Redis.IDLE_MILLIS + 100);

            assertEquals(0L, redis.call(length));
        }
    }

    @Test
    void aWrongPasswordIsSaidWithoutShowingIt() {
        try (RedisServer own = RedisServer.builder().password("right").start()) {
            StreamsConfig wrong = config(own).withPassword(dev.holdfast.cache.Secret.of("s3cret-wrong"));
            RequestClient client = client(wrong);
            String trouble = client.health().trouble().orElse("");
            assertTrue(trouble.contains("WRONGPASS") || trouble.contains("invalid"), trouble);
            assertFalse(trouble.contains("s3cret"), trouble);
        }
    }

    @Test
    void partitionsOfWhichAllWereRefusedAreServedAgain() throws Exception {
        try (RedisServer own = RedisServer.builder().user("app", "pw").start()) {
            StreamsConfig config = quick(own).withPartitions(3);
            RequestServer server = server(config, 2, Request::payload);
            RequestClient client = client(config);
            List<String> ids = List.of("a", "b", "c");
            for (String id : ids) {
                client.callAndWait(id, bytes("x"), LIMIT);
            }
            own.command("ACL", "SETUSER", "app", "-xadd");
            for (String id : ids) {
                assertThrows(RequestRejectedException.class, () -> client.callAndWait(id, bytes("x"), LIMIT));
            }
            own.command("ACL", "SETUSER", "app", "-xreadgroup", "-xdel");
            until(
                    "all to be refused",
                    () -> isRefused(client.health().trouble())
                            && !client.health().available()
                            && isRefused(server.health().trouble())
                            && !server.health().available());
            own.command("ACL", "SETUSER", "app", "+@all");
            until(
                    "both to be well",
                    () -> client.health().trouble().isEmpty()
                            && server.health().trouble().isEmpty());
            for (String id : ids) {
                assertEquals("x", text(client.callAndWait(id + "2", bytes("x"), LIMIT)));
            }
        }
    }

    private static boolean isRefused(Optional<String> trouble) {
        return trouble.orElse("").startsWith("partition ");
    }

    @Test
    void anAnswerThatIsSentTwiceSinceAConnectionWasLostCountsOnce() throws Exception {
        AtomicBoolean lost = new AtomicBoolean();
        try (Redis redis = new Redis(config(), 2, Duration.ZERO) {
            @Override
            @Nullable
            Object call(Command command) {
                // The removal.
                if (command.name() == Protocol.Command.EVALSHA && lost.compareAndSet(false, true)) {
                    throw new JedisConnectionException("lost");
                }
                return super.call(command);
            }
        }) {
            Worker worker = new Worker(config(), redis, Request::payload);
            byte[] replies = bytes("{" + name + "}:r");
            redis.call(Command.of(Protocol.Command.XADD, replies, "*", "i", "other"));
            redis.call(Command.of(Protocol.Command.SET, worker.keys().done("x"), "Sy"));
            assertTrue(worker.repetitions()
                    .park(new Repetition(
                            new Partition(worker, 0),
                            "1-1",
                            "x",
                            replies,
                            1,
                            false,
                            System.nanoTime() + LIMIT.toNanos())));
            assertTrue(worker.repetitions().awaitNone(LIMIT));
            assertEquals(3L, redis.call(Command.of(Protocol.Command.XLEN, replies)), "it was sent twice");
            until("it to be counted", () -> worker.counters().sums().answered() > 0);
            assertEquals(1, worker.counters().sums().answered());
            assertEquals(1, worker.counters().sums().replayed());
            worker.end();
        }
    }

    @Test
    void aClientThatMayNotRemoveWhatItHasReadSaysSoAndRests() throws Exception {
        try (RedisServer own = RedisServer.start()) {
            own.command("ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-xdel");
            server(config(own), 2, Request::payload);
            RequestClient client = client(StreamsConfig.single("redis://app:pw@127.0.0.1:" + own.port())
                    .withName(name));
            assertEquals("x", text(client.callAndWait("x", bytes("x"), LIMIT)));
            until("it to take no calls", () -> !client.health().available());
            String trouble = client.health().trouble().orElse("");
            assertTrue(trouble.contains("xdel"), trouble);
            assertEquals(0, client.health().unclaimed(), "what was read before is no new answer");
            List<?> first = (List<?>) ((List<?>) own.command("ACL", "LOG")).get(0);
            assertTrue((Long) first.get(1) < 200, "it was refused so often: " + first);

            own.command("ACL", "SETUSER", "app", "+xdel");
            until("it to be well", () -> client.health().available());
            assertEquals("y", text(client.callAndWait("y", bytes("y"), LIMIT)));
        }
    }

    @Test
    void callsThatWaitToBeSentAreRejectedWhenRedisGoesAway() throws Exception {
        try (RedisServer own = RedisServer.start()) {
            RequestClient client = client(quick(own).withCommandTimeout(Duration.ofSeconds(1)));
            client.queue();
            own.freeze();
            List<CompletableFuture<byte[]>> calls = new ArrayList<>();
            // More than go in one batch.
            for (int i = 0; i < 400; i++) {
                try {
                    calls.add(client.call("x" + i, bytes("x"), LIMIT));
                } catch (RequestRejectedException e) {
                    // It is known already that Redis is away.
                    calls.add(CompletableFuture.failedFuture(e));
                }
            }
            until("all to be rejected", () -> calls.stream().allMatch(CompletableFuture::isCompletedExceptionally));
            for (CompletableFuture<byte[]> call : calls) {
                Throwable failure =
                        assertThrows(ExecutionException.class, call::get).getCause();
                assertEquals(Reason.UNAVAILABLE, ((RequestRejectedException) failure).reason());
            }
            own.thaw();
            until("it to be well", () -> client.health().available());
            assertEquals(0L, own.command("XLEN", requests()));
        }
    }
}
