package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import redis.clients.jedis.Protocol;

@Execution(ExecutionMode.CONCURRENT)
class RecoveryTest extends Fixture {

    @Test
    void workLongerThanTheClaimTimeIsRunOnceWhileItsWorkerLives() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofMillis(900));
        AtomicInteger runs = new AtomicInteger();
        RequestHandler handler = request -> {
            runs.incrementAndGet();
            Thread.sleep(2_700);
            return request.payload();
        };
        RequestServer one = server(config, 1, handler);
        RequestServer other = server(config, 1, handler);
        assertEquals("x", text(client(config).callAndWait("long", bytes("x"), LIMIT)));
        assertEquals(1, runs.get());
        assertEquals(0, one.health().redelivered() + other.health().redelivered());
    }

    @Test
    void aRequestThatAlwaysFailsIsADeadLetterAfterThreeDeliveriesAndHarmsNoOther() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        RequestServer server = server(config(), 2, request -> {
            if (request.id().equals("poison")) {
                throw new IllegalStateException("attempt " + runs.incrementAndGet() + " of " + request.delivery());
            }
            return request.payload();
        });
        RequestClient client = client(config());
        CompletableFuture<byte[]> poison = client.call("poison", bytes("p"), LIMIT);
        for (int i = 0; i < 10; i++) {
            assertEquals("x", text(client.callAndWait("id" + i, bytes("x"), LIMIT)));
        }
        Throwable failure = assertThrows(Exception.class, () -> poison.get(20, TimeUnit.SECONDS))
                .getCause();
        assertEquals(
                "given up after 3 deliveries: java.lang.IllegalStateException: attempt 3 of 3", failure.getMessage());
        assertEquals(RequestFailedException.class, failure.getClass());
        until("it to be removed", () -> length() == 0);
        assertEquals(3, runs.get());
        assertEquals(1, server.health().dead());
        assertEquals(3, server.health().attemptsFailed());
        assertEquals(1, server.queue().deadLetters());
        String dead = String.valueOf(redis().command("XRANGE", "{" + name + "}:dead", "-", "+"));
        assertTrue(
                dead.matches(
                        ".*reason, java.lang.IllegalStateException: attempt 3 of 3, deliveries, 3, first, [0-9]+-[0-9]+,"
                                + " id, poison, bytes, 1, payload, p.*"),
                dead);
    }

    @Test
    void anErrorOfTheHandlerCostsNoTerminal() throws Exception {
        RequestServer server = server(config().withMaxDeliveries(1), 1, request -> {
            switch (request.id()) {
                case "memory" -> throw new OutOfMemoryError("none left");
                case "stack" -> throw new StackOverflowError();
                case "null" -> {
                    return null;
                }
                default -> {
                    return request.payload();
                }
            }
        });
        RequestClient client = client(config());
        for (String id : List.of("memory", "stack", "null")) {
            RequestFailedException failed =
                    assertThrows(RequestFailedException.class, () -> client.callAndWait(id, bytes("x"), LIMIT));
            assertTrue(failed.getMessage().startsWith("given up after 1 deliveries: java.lang."), failed.getMessage());
        }
        assertEquals("x", text(client.callAndWait("good", bytes("x"), LIMIT)));
        until("the terminal to be free", () -> server.health().busy() == 0);
    }

    @Test
    void whatIsNoRequestIsADeadLetter() throws Exception {
        RequestServer server = server(config(), 1, Request::payload);
        until("the group to be made", this::hasGroup);
        redis().command("XADD", requests(), "*", "foo", "bar");
        redis().command("XADD", requests(), "*", "i", "x", "r", "y", "l", "many", "p", "z");
        until("both to be buried", () -> server.queue().deadLetters() == 2 && length() == 0);
        assertEquals("x", text(client(config()).callAndWait("x", bytes("x"), LIMIT)));
    }

    @Test
    void whatIsNotDoneWithinTheGraceStaysForOthers() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofMillis(600));
        Gate gate = new Gate();
        RequestServer first = server(config, 1, gate);
        RequestClient client = client(config);
        CompletableFuture<byte[]> call = client.call("x", bytes("x"), LIMIT);
        until("it to be under way", () -> gate.begun.get() == 1);
        assertEquals(false, first.stop(Duration.ofMillis(50)));
        assertEquals(1, client.queue().pending());
        RequestServer second = server(config, 1, Request::payload);
        assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
        assertEquals(1, second.health().redelivered());
    }

    private static String tag(String name) {
        return "{" + name + "}";
    }

    /** A request that was given to a worker that is no more, of a client that lives. */
    private String left(String id, int deliveries, String limit) {
        redis().command("XADD", tag(name) + "r", "*", "i", "");
        String entry = String.valueOf(
                redis().command("XADD", requests(), "*", "i", id, "r", tag(name) + "r", "l", limit, "p", "p"));
        redis().command("XREADGROUP", "GROUP", "workers", "dead", "STREAMS", requests(), ">");
        redis().command(
                        "XCLAIM",
                        requests(),
                        "workers",
                        "dead",
                        "0",
                        entry,
                        "RETRYCOUNT",
                        Integer.toString(deliveries),
                        "JUSTID");
        return entry;
    }

    @Test
    void whatADeadWorkerHeldIsRunOneAfterAnotherAndNoneWaitsForTheNextRound() throws Exception {
        int count = 20;
        redis().command("XGROUP", "CREATE", requests(), "workers", "0", "MKSTREAM");
        for (int i = 0; i < count; i++) {
            String entry = left("left" + i, 1, "20000");
            // Silent for longer than the claim time, so nothing has to be waited for.
            redis().command("XCLAIM", requests(), "workers", "dead", "0", entry, "IDLE", "60000", "JUSTID");
        }
        AtomicInteger together = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger rounds = new AtomicInteger();
        try (Redis commands = new Redis(config(), 10, Duration.ZERO);
                Redis looking = new Redis(config(), 1, Duration.ofMillis(Intake.BLOCK_MILLIS)) {
                    @Override
                    @Nullable
                    Object call(Command command) {
                        // Which is asked once in each round.
                        if (command.name() == Protocol.Command.XADD) {
                            rounds.incrementAndGet();
                        }
                        return super.call(command);
                    }
                }) {
            Worker worker = new Worker(config(), commands, request -> {
                most.accumulateAndGet(together.incrementAndGet(), Math::max);
                Thread.sleep(10);
                together.decrementAndGet();
                return request.payload();
            });
            Intake intake = new Intake(worker, looking, new Terminals(5));
            until("all to be removed", () -> {
                intake.take();
                return length() == 0;
            });
            assertEquals(1, most.get());
            assertEquals(count, worker.counters().sums().redelivered());
            assertTrue(rounds.get() < count, "one in each of " + rounds + " rounds");
            intake.stop();
            intake.heartbeat().stop(1_000);
            worker.end();
        }
    }

    @Test
    void oneThatHangsHasTheOthersOfADeadWorkerWaitUntilItsTimeIsOverAndNoLonger() throws Exception {
        redis().command("XGROUP", "CREATE", requests(), "workers", "0", "MKSTREAM");
        left("hangs", 1, "1500");
        left("good", 2, "20000");
        Gate gate = new Gate();
        RequestServer server = server(config().withClaimIdle(Duration.ofMillis(200)), 3, request -> {
            return request.id().equals("hangs") ? gate.handle(request) : request.payload();
        });
        until("the good one to be answered", () -> server.health().answered() == 1);
        assertEquals(1, gate.begun.get());
        gate.open.countDown();
    }

    @Test
    void whatWasGivenUpLeastOftenIsTakenOverFirst() throws Exception {
        redis().command("XGROUP", "CREATE", requests(), "workers", "0", "MKSTREAM");
        for (int deliveries = 6; deliveries > 0; deliveries--) {
            left("of " + deliveries, deliveries, "20000");
        }
        Thread.sleep(200);
        List<String> order = new CopyOnWriteArrayList<>();
        server(config().withClaimIdle(Duration.ofMillis(150)).withMaxDeliveries(9), 3, request -> {
            order.add(request.id());
            return request.payload();
        });
        until("all to be removed", () -> length() == 0);
        assertEquals(List.of("of 1", "of 2", "of 3", "of 4", "of 5", "of 6"), order);
    }

    @Test
    void whatADeadWorkerHeldIsTakenOverAfterTheClaimTimeAndNotBefore() throws Exception {
        redis().command("XGROUP", "CREATE", requests(), "workers", "0", "MKSTREAM");
        String entry = left("x", 1, "20000");
        server(config().withClaimIdle(Duration.ofSeconds(1)), 1, Request::payload);
        for (int i = 0; i < 40; i++) {
            redis().command("XCLAIM", requests(), "workers", "dead", "0", entry, "JUSTID");
            Thread.sleep(50);
        }
        assertEquals(1, length(), "it lives");
        until("it to be taken over", () -> length() == 0);
    }

    @Test
    void aFailedAttemptIsCountedInRedisSoItCountsForWhoeverTakesOver() throws Exception {
        Gate gate = new Gate();
        AtomicInteger runs = new AtomicInteger();
        server(config(), 1, request -> {
            if (runs.incrementAndGet() == 1) {
                throw new IllegalStateException("the first");
            }
            return gate.handle(request);
        });
        CompletableFuture<byte[]> call = client(config()).call("x", bytes("x"), LIMIT);
        until("the second attempt", () -> gate.begun.get() == 1);
        List<?> pending = (List<?>) redis().command("XPENDING", requests(), "workers", "-", "+", "10");
        assertEquals(2L, ((List<?>) pending.get(0)).get(3));
        gate.open.countDown();
        assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
    }

    @Test
    void anExceptionWhoseCausesAreACircleCostsNoTerminal() throws Exception {
        RequestServer server = server(config().withMaxDeliveries(1), 1, request -> {
            RuntimeException one = new RuntimeException("one");
            RuntimeException other = new RuntimeException("other", one);
            one.initCause(other);
            throw one;
        });
        RequestClient client = client(config());
        assertThrows(RequestFailedException.class, () -> client.callAndWait("x", bytes("x"), Duration.ofSeconds(5)));
        until("the terminal to be free", () -> server.health().busy() == 0);
    }

    @Test
    void aReplyThatIsCutOffDelaysItsRequestsByNoClaimTime() throws Exception {
        try (TcpProxy proxy = TcpProxy.to("127.0.0.1", redis().port())) {
            StreamsConfig config = config().withClaimIdle(Duration.ofSeconds(10));
            StreamsConfig through = StreamsConfig.single("redis://127.0.0.1:" + proxy.port())
                    .withName(name)
                    .withGrace(Duration.ZERO)
                    .withClaimIdle(Duration.ofSeconds(10));
            RequestServer server = server(through, 5, Request::payload);
            RequestClient client = client(config);
            client.callAndWait("before", bytes("x"), LIMIT);
            Thread.sleep(100);
            proxy.cutAfter(TcpProxy.Direction.TO_CLIENT, 20);
            CompletableFuture<byte[]> call = client.call("x", bytes("x"), LIMIT);
            until("it to be given to the worker", () -> client.queue().pending() == 1);
            proxy.pass();
            assertEquals("x", text(call.get(5, TimeUnit.SECONDS)));
            assertEquals(0, server.health().redelivered());
        }
    }

    @Test
    void aDeliveryThatRedisForgotIsRunByNoWorkerBesideItself() throws Exception {
        Gate gate = new Gate();
        RequestServer server = server(config(), 3, gate);
        RequestClient client = client(config());
        CompletableFuture<byte[]> call = client.call("x", bytes("x"), LIMIT);
        until("it to be under way", () -> gate.begun.get() == 1);
        redis().command("XGROUP", "DESTROY", requests(), "workers");
        until("it to be given again", () -> client.queue().pending() == 1);
        CompletableFuture<byte[]> next = client.call("y", bytes("y"), LIMIT);
        until("the next to be under way", () -> gate.begun.get() > 1);
        gate.open.countDown();
        assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
        assertEquals("y", text(next.get(20, TimeUnit.SECONDS)));
        until("nothing to be left", () -> length() == 0 && server.health().busy() == 0);
        assertEquals(2, gate.begun.get());
    }

    @Test
    void anAnswerThatADeadWorkerHadKeptIsGivenBeforeTheSuspectsAndWithoutATerminal() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofSeconds(1)).withReplyWindow(Duration.ofSeconds(2));
        RequestClient client = client(config);
        CompletableFuture<byte[]> hung = client.call("hangs", bytes("x"), LIMIT);
        until("it to be queued", () -> length() == 1);
        CompletableFuture<byte[]> call = client.call("answered", bytes("x"), LIMIT);
        until("both to be queued", () -> length() == 2);
        redis().command("XGROUP", "CREATE", requests(), "workers", "0");
        redis().command("XREADGROUP", "GROUP", "workers", "dead", "STREAMS", requests(), ">");
        List<?> entries = (List<?>) redis().command("XRANGE", requests(), "-", "+");
        String answered = String.valueOf(((List<?>) entries.get(1)).get(0));
        redis().command("XCLAIM", requests(), "workers", "dead", "0", answered, "RETRYCOUNT", "2", "JUSTID");
        Gate gate = new Gate();
        AtomicInteger again = new AtomicInteger();
        RequestServer server = server(config, 1, request -> {
            if (request.id().equals("answered")) {
                again.incrementAndGet();
                return bytes("second");
            }
            return gate.handle(request);
        });
        until("the suspect to be under way", () -> gate.begun.get() == 1);
        redis().command("SET", "{" + name + "}:done:answered", "Sfirst", "PX", "20000");
        assertEquals("first", text(call.get(5, TimeUnit.SECONDS)));
        assertEquals(1, server.health().busy());
        gate.open.countDown();
        assertEquals("x", text(hung.get(20, TimeUnit.SECONDS)));
        until("nothing to be left", () -> length() == 0 && client.queue().pending() == 0);
        assertEquals(0, again.get());
        until("it to be counted", () -> server.health().replayed() == 1);
    }

    @Test
    void aHandlerThatLeavesItsThreadInterruptedCostsNoConnection() throws Exception {
        try (RedisServer own =
                RedisServer.builder().persistence(RedisServer.Persistence.NONE).start()) {
            RequestServer server = server(config(own), 1, request -> {
                Thread.currentThread().interrupt();
                return request.payload();
            });
            RequestClient client = client(config(own));
            assertEquals("x", text(client.callAndWait("first", bytes("x"), LIMIT)));
            long before = connections(own);
            for (int i = 0; i < 30; i++) {
                assertEquals("x", text(client.callAndWait("x" + i, bytes("x"), LIMIT)));
            }
            long opened = connections(own) - before;
            assertTrue(opened < 15, opened + " connections were opened");
            server.stop(Duration.ofSeconds(1));
        }
    }

    private static long connections(RedisServer server) {
        return Long.parseLong(String.valueOf(server.command("INFO", "stats"))
                .replaceAll("(?s).*total_connections_received:([0-9]+).*", "$1"));
    }

    @Test
    void eachAttemptHasThePayloadAsItWasSentAndSoHasTheDeadLetter() throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        server(config(), 1, request -> {
            seen.add(text(request.payload()));
            request.payload()[0] = '!';
            throw new IllegalStateException("no");
        });
        RequestClient client = client(config());
        assertThrows(RequestFailedException.class, () -> client.callAndWait("x", bytes("payload"), LIMIT));
        assertEquals(List.of("payload", "payload", "payload"), seen);
        String dead = String.valueOf(redis().command("XRANGE", "{" + name + "}:dead", "-", "+"));
        assertTrue(dead.contains("payload, payload"), dead);
    }

    @Test
    void whatAWorkerHadNoThreadForIsTakenAgainAtOnce() throws Exception {
        StreamsConfig config = config().withClaimIdle(Duration.ofSeconds(60));
        AtomicInteger asked = new AtomicInteger();
        Terminals terminals = new Terminals(2, task -> {
            if (asked.incrementAndGet() == 1) {
                throw new OutOfMemoryError("unable to create native thread");
            }
            return new Thread(task);
        });
        try (Redis commands = new Redis(config, 5, Duration.ZERO);
                Redis blocking = new Redis(config, 1, Duration.ofSeconds(1))) {
            Worker worker = new Worker(config, commands, Request::payload);
            Intake intake = new Intake(worker, blocking, terminals);
            intake.ensure();
            assertEquals("x", text(client(config).callAndWait("x", bytes("x"), LIMIT)));
            assertEquals(2, asked.get());
            intake.stop();
            intake.join(5_000);
            worker.end();
            intake.heartbeat().stop(5_000);
        }
    }
}
