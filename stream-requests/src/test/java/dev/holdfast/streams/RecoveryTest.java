package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

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
}
