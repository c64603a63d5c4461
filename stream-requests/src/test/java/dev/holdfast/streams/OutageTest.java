package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.streams.RequestRejectedException.Reason;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

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
    void aWrongPasswordIsSaidWithoutShowingIt() {
        try (RedisServer own = RedisServer.builder().password("right").start()) {
            StreamsConfig wrong = config(own).withPassword(dev.holdfast.cache.Secret.of("s3cret-wrong"));
            RequestClient client = client(wrong);
            String trouble = client.health().trouble().orElse("");
            assertTrue(trouble.contains("WRONGPASS") || trouble.contains("invalid"), trouble);
            assertFalse(trouble.contains("s3cret"), trouble);
        }
    }
}
