package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** How a request ends that can't be answered. */
@Execution(ExecutionMode.CONCURRENT)
class BurialTest extends Fixture {
    private final AtomicInteger runs = new AtomicInteger();

    private byte[] run(Request request) {
        runs.incrementAndGet();
        return request.payload();
    }

    private void add(String id, String replies) {
        redis().command("XADD", requests(), "*", "i", id, "r", replies, "l", "20000", "p", "p");
    }

    @Test
    void aDeadLetterIsCutSaysHowLongItWasAndIsNotKeptForEver() throws Exception {
        server(config().withMaxDeliveries(1), 1, request -> {
            throw new IllegalStateException("bad");
        });
        RequestClient client = client(config());
        assertThrows(RequestFailedException.class, () -> client.callAndWait("x", new byte[100_000], LIMIT));
        assertThrows(RequestFailedException.class, () -> client.callAndWait("small", bytes("whole"), LIMIT));
        List<?> letters = (List<?>) redis().command("XRANGE", "{" + name + "}:dead", "-", "+");
        String first = String.valueOf(letters.get(0));
        assertTrue(first.length() < 6_000, "kept are " + first.length() + " bytes");
        assertTrue(first.contains("bytes, 100000"), first);
        assertTrue(String.valueOf(letters.get(1)).contains("bytes, 5, payload, whole"), letters.toString());
        long ttl = (Long) redis().command("PTTL", "{" + name + "}:dead");
        assertTrue(ttl > 0 && ttl <= Duration.ofDays(7).toMillis(), "kept for " + ttl + " ms");
    }

    @Test
    void deadLettersThatAreTooOldOrTooManyGo() throws Exception {
        String dead = "{" + name + "}:dead";
        redis().command("XADD", dead, "1000-1", "reason", "long ago");
        for (int i = 0; i < 1_500; i++) {
            redis().command("XADD", dead, "*", "reason", "r", "payload", "x".repeat(500));
        }
        server(config().withMaxDeliveries(1), 1, request -> {
            throw new IllegalStateException("bad");
        });
        assertThrows(RequestFailedException.class, () -> client(config()).callAndWait("x", new byte[10], LIMIT));
        long length = (Long) redis().command("XLEN", dead);
        assertTrue(length < 1_110, length + " are left");
    }

    @Test
    void aRedisWithoutMemoryHoldsNoTerminalBeyondTheDeadline() throws Exception {
        try (RedisServer own =
                RedisServer.builder().line("maxmemory-policy noeviction").start()) {
            Gate gate = new Gate();
            RequestServer server = server(config(own).withMaxDeliveries(1), 3, request -> {
                gate.handle(request);
                if (request.id().equals("bad")) {
                    throw new IllegalStateException("bad");
                }
                return request.payload();
            });
            RequestClient client = client(config(own));
            CompletableFuture<byte[]> bad = client.call("bad", bytes("x"), Duration.ofSeconds(2));
            CompletableFuture<byte[]> good = client.call("good", bytes("x"), Duration.ofSeconds(2));
            until("both to be under way", () -> gate.begun.get() == 2);
            own.command("CONFIG", "SET", "maxmemory", "1");
            gate.open.countDown();
            assertThrows(ExecutionException.class, () -> bad.get(20, TimeUnit.SECONDS));
            assertThrows(ExecutionException.class, () -> good.get(20, TimeUnit.SECONDS));
            until(
                    "the terminals to be free",
                    () -> server.health().busy() == 0
                            && own.command("XLEN", requests()).equals(0L));
            assertEquals(1, server.health().dead());
            assertEquals(1, server.health().expired());
        }
    }

    @Test
    void requestsThatCannotBeginForWantOfMemoryAreSkippedAtTheirDeadline() throws Exception {
        try (RedisServer own =
                RedisServer.builder().line("maxmemory-policy noeviction").start()) {
            own.command("XGROUP", "CREATE", requests(), "workers", "0", "MKSTREAM");
            for (int i = 0; i < 5; i++) {
                own.command("XADD", requests(), "*", "i", "n" + i, "r", "{r}", "l", "1500", "p", "p");
            }
            own.command("CONFIG", "SET", "maxmemory", "1");
            RequestServer server = server(config(own), 2, this::run);
            until("all to be skipped", () -> own.command("XLEN", requests()).equals(0L));
            assertEquals(0, runs.get());
            assertEquals(5, server.health().expired());
        }
    }

    @Test
    void aReplyStreamThatIsNoneCostsNoTerminal() throws Exception {
        RequestServer server = server(config(), 1, this::run);
        until("the group to be made", this::hasGroup);
        redis().command("SET", "{" + name + "}:text", "x");
        add("x", "{" + name + "}:text");
        until("it to be removed", () -> length() == 0 && server.health().busy() == 0);
        assertEquals(1, runs.get());
        assertEquals(1, server.health().orphans());
    }

    @Test
    void aReplyStreamThatIsForbiddenCostsNoTerminal() throws Exception {
        try (RedisServer own =
                RedisServer.builder().user("app", "pw", "~{" + name + "* +@all").start()) {
            RequestServer server = server(config(own), 1, this::run);
            RequestClient client = client(config(own));
            assertEquals("x", text(client.callAndWait("good", bytes("x"), LIMIT)));
            own.command("XADD", requests(), "*", "i", "y", "r", "elsewhere", "l", "20000", "p", "p");
            until(
                    "it to be removed",
                    () -> own.command("XLEN", requests()).equals(0L)
                            && server.health().busy() == 0);
            assertEquals(2, runs.get());
            assertEquals(1, server.health().orphans());
        }
    }

    @Test
    void anAnswerThatMayNotBeSentForAWhileIsNoOrphan() throws Exception {
        try (RedisServer own =
                RedisServer.builder().user("app", "pw", "~{" + name + "* +@all").start()) {
            Gate gate = new Gate();
            RequestServer server = server(config(own), 2, gate);
            RequestClient client = client(config(own));
            CompletableFuture<byte[]> call = client.call("x", bytes("x"), LIMIT);
            until("it to be under way", () -> gate.begun.get() == 1);
            CompletableFuture<byte[]> again = client(config(own)).call("x", bytes("x"), LIMIT);
            until("it to wait", () -> server.queue().pending() == 2);
            own.command("ACL", "SETUSER", "app", "-xadd");
            gate.open.countDown();
            until("the answer to be kept", () -> String.valueOf(own.command("GET", "{" + name + "}:done:x"))
                    .startsWith("S"));
            until("both to be refused", () -> refusals(own) >= 4);
            own.command("ACL", "SETUSER", "app", "+xadd");
            assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
            assertEquals("x", text(again.get(20, TimeUnit.SECONDS)));
            assertEquals(0, server.health().orphans());
        }
    }

    private static int refusals(RedisServer own) {
        return ((List<?>) own.command("ACL", "LOG"))
                .stream()
                        .mapToInt(entry -> ((Long) ((List<?>) entry).get(1)).intValue())
                        .sum();
    }

    @Test
    void aKeyOfDeadLettersThatIsOfAnotherKindHidesNoFigures() throws Exception {
        redis().command("SET", "{" + name + "}:dead", "x");
        RequestClient client = client(config());
        var unused = client.call("x", bytes("x"), LIMIT);
        until("it to be seen", () -> client.queue().lag() == 1);
        assertEquals(0, client.queue().deadLetters());
    }

    @Test
    void anIdWhoseKeyIsOfAnotherKindIsADeadLetterAndItsCallerHearsOfIt() throws Exception {
        RequestServer server = server(config(), 1, this::run);
        redis().command("LPUSH", "{" + name + "}:done:x", "y");
        RequestClient client = client(config());
        RequestFailedException failed =
                assertThrows(RequestFailedException.class, () -> client.callAndWait("x", bytes("x"), LIMIT));
        assertTrue(failed.getMessage().contains("WRONGTYPE"), failed.getMessage());
        until("it to be removed", () -> length() == 0 && server.health().busy() == 0);
        assertEquals(0, runs.get());
        assertEquals(1, server.health().dead());
        assertEquals(1, server.queue().deadLetters());
    }

    @Test
    void anAttemptThatFailedIsNotRepeatedAfterTheDeadline() throws Exception {
        RequestServer server = server(config(), 1, request -> {
            runs.incrementAndGet();
            while (!request.remaining().isZero()) {
                Thread.sleep(5);
            }
            throw new IllegalStateException("bad");
        });
        RequestClient client = client(config());
        until("a worker to be there", this::hasGroup);
        assertThrows(RequestTimeoutException.class, () -> client.callAndWait("x", bytes("x"), Duration.ofSeconds(1)));
        until("it to be removed", () -> length() == 0 && server.health().busy() == 0);
        assertEquals(1, runs.get());
        assertEquals(1, server.health().expired());
        assertEquals(0, server.health().dead());
    }

    @Test
    void anEntryWhoseIdIsBeyondAllTimeStopsNothing() throws Exception {
        RequestServer server = server(config(), 1, this::run);
        until("the group to be made", this::hasGroup);
        redis().command("XADD", requests(), "9223372036854775808-0", "i", "x", "r", "{r}", "l", "20000", "p", "p");
        assertEquals("y", text(client(config()).callAndWait("y", bytes("y"), Duration.ofSeconds(5))));
        until("both to be removed", () -> length() == 0 && server.health().busy() == 0);
        assertEquals(0, server.queue().length());
    }

    @Test
    void figuresThatRedisRefusesAreNone() throws Exception {
        try (RedisServer own = RedisServer.builder()
                .user("app", "pw")
                .persistence(RedisServer.Persistence.NONE)
                .start()) {
            RequestServer server = server(config(own), 1, this::run);
            assertEquals(0, client(config(own)).queue().pending(), "there may be no worker yet");
            until("a worker to be known", () -> server.queue().consumers() == 1);
            for (String command : List.of("xpending", "xinfo")) {
                own.command("ACL", "SETUSER", "app", "-" + command);
                RequestRejectedException refused = assertThrows(RequestRejectedException.class, server::queue);
                assertTrue(refused.getMessage().contains("permissions"), refused.getMessage());
                own.command("ACL", "SETUSER", "app", "+" + command);
            }
            assertEquals(1, server.queue().consumers());
        }
    }
}
