package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RequestReplyTest extends Fixture {

    @Test
    void theAnswerIsTheHandlersAndNothingIsLeftBehind() throws Exception {
        server(config(), 2, request -> bytes(request.id() + "=" + text(request.payload()) + request.delivery()));
        RequestClient client = client(config());
        assertEquals("a=b1", text(client.callAndWait("a", bytes("b"), LIMIT)));
        assertEquals("c=d1", text(client.call("c", bytes("d"), LIMIT).get()));
        until("the requests to be removed", () -> length() == 0);
        assertEquals(2, client.health().answered());
        assertEquals(0, client.health().inFlight());
    }

    @Test
    void anIdThatIsEmptyTooLongOrNullIsRefusedBeforeAnythingIsSent() {
        RequestClient client = client(config());
        byte[] payload = {};
        assertEquals(
                "id must have 1 to 200 characters; it has 0",
                assertThrows(IllegalArgumentException.class, () -> client.call("", payload, LIMIT))
                        .getMessage());
        assertThrows(IllegalArgumentException.class, () -> client.call("x".repeat(201), payload, LIMIT));
        assertThrows(NullPointerException.class, () -> client.call(null, payload, LIMIT));
        assertThrows(NullPointerException.class, () -> client.call("x", null, LIMIT));
        assertThrows(IllegalArgumentException.class, () -> client.call("x", payload, Duration.ZERO));
        assertThrows(IllegalArgumentException.class, () -> client.call("x", payload, Duration.ofDays(2)));
        for (Duration endless : List.of(ChronoUnit.FOREVER.getDuration(), Duration.ofSeconds(Long.MIN_VALUE))) {
            assertEquals(
                    "limit must be from 1 ms to PT24H: " + endless,
                    assertThrows(IllegalArgumentException.class, () -> client.call("x", payload, endless))
                            .getMessage());
        }
        assertEquals(0, length());
        assertEquals(0, client.health().inFlight());
    }

    @Test
    void aPayloadOf16MegabytesGoesThereAndBackAndOneByteMoreIsRefused() throws Exception {
        byte[] large = new byte[16 << 20];
        new Random(1).nextBytes(large);
        server(config(), 2, Request::payload);
        RequestClient client = client(config());
        assertArrayEquals(large, client.callAndWait("large", large, LIMIT));
        assertEquals(0, client.callAndWait("none", new byte[0], LIMIT).length);
        assertEquals(
                "payload must have at most 16777216 bytes; it has 16777217",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> client.call("larger", new byte[(16 << 20) + 1], LIMIT))
                        .getMessage());
    }

    @Test
    void anAnswerThatIsTooLargeIsAFailureThatSaysSo() {
        server(config().withMaxPayloadBytes(10), 1, request -> new byte[11]);
        RequestClient client = client(config());
        RequestFailedException failed =
                assertThrows(RequestFailedException.class, () -> client.callAndWait("x", bytes("x"), LIMIT));
        assertEquals("the answer has 11 bytes, more than 10", failed.getMessage());
    }

    @Test
    void aRefusalOfTheHandlerIsItsCallersAtOnceAndIsNotTriedAgain() {
        AtomicInteger runs = new AtomicInteger();
        RequestServer server = server(config(), 1, request -> {
            runs.incrementAndGet();
            throw new RequestFailedException("no such account");
        });
        RequestClient client = client(config());
        for (int i = 0; i < 2; i++) {
            RequestFailedException failed =
                    assertThrows(RequestFailedException.class, () -> client.callAndWait("x", bytes("x"), LIMIT));
            assertEquals("no such account", failed.getMessage());
        }
        assertEquals(1, runs.get(), "the second time is the first one's answer");
        assertEquals(0, server.health().dead());
        assertEquals(2, client.health().failed());
    }

    @Test
    void anIdThatWasAnsweredIsAnsweredAgainWithoutRunning() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        RequestServer server = server(config(), 2, request -> bytes("run " + runs.incrementAndGet()));
        assertEquals("run 1", text(client(config()).callAndWait("same", bytes("1"), LIMIT)));
        assertEquals("run 1", text(client(config()).callAndWait("same", bytes("2"), LIMIT)));
        assertEquals("run 2", text(client(config()).callAndWait("other", bytes("2"), LIMIT)));
        assertEquals(1, server.health().replayed());
    }

    @Test
    void anIdThatIsRepeatedWhileItIsUnderWayIsRunOnceAndAllItsCallersGetThatAnswer() throws Exception {
        Gate gate = new Gate();
        server(config(), 4, gate);
        RequestClient one = client(config());
        RequestClient other = client(config());
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        calls.add(one.call("same", bytes("first"), LIMIT));
        until("it to be under way", () -> gate.begun.get() == 1);
        calls.add(one.call("same", bytes("second"), LIMIT));
        calls.add(other.call("same", bytes("third"), LIMIT));
        until("all to be taken", () -> one.queue().pending() == 3);
        gate.open.countDown();
        for (CompletableFuture<byte[]> call : calls) {
            assertEquals("first", text(call.get(20, TimeUnit.SECONDS)));
        }
        assertEquals(1, gate.begun.get());
    }

    @Test
    void aCallEndsAtItsLimitAndItsRequestIsSkippedAfterwards() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        RequestClient client = client(config());
        long start = System.nanoTime();
        RequestTimeoutException timeout = assertThrows(
                RequestTimeoutException.class, () -> client.callAndWait("late", bytes("x"), Duration.ofMillis(100)));
        long millis = (System.nanoTime() - start) / 1_000_000;
        assertTrue(timeout.getMessage().startsWith("no answer to late within 100 ms"), timeout.getMessage());
        assertTrue(millis >= 100 && millis < 2_000, "it took " + millis + " ms");
        assertEquals(1, length(), "nobody has taken it yet");

        RequestServer server = server(config(), 1, request -> {
            runs.incrementAndGet();
            return request.payload();
        });
        until("it to be skipped", () -> server.health().expired() == 1 && length() == 0);
        assertEquals(0, runs.get());
        assertEquals(1, client.health().timedOut());
    }

    @Test
    void theHandlerKnowsHowLongItsCallerStillWaits() throws Exception {
        server(config(), 1, request -> bytes(Long.toString(request.remaining().toMillis())));
        long remaining = Long.parseLong(text(client(config()).callAndWait("x", bytes("x"), LIMIT)));
        assertTrue(remaining > 0 && remaining <= LIMIT.toMillis(), remaining + " ms");
    }

    @Test
    void aCancelledCallMakesRoomForAnother() throws Exception {
        Gate gate = new Gate();
        server(config(), 1, gate);
        RequestClient client = client(config().withMaxInFlight(1));
        CompletableFuture<byte[]> call = client.call("a", bytes("a"), LIMIT);
        assertThrows(RequestRejectedException.class, () -> client.call("b", bytes("b"), LIMIT));
        assertTrue(call.cancel(false));
        assertEquals(0, client.health().inFlight());
        gate.open.countDown();
        assertEquals("b", text(client.callAndWait("b", bytes("b"), LIMIT)));
    }

    @Test
    void whatACallerPutsBehindItsFutureHoldsUpNobody() throws Exception {
        CountDownLatch attached = new CountDownLatch(1);
        server(config(), 2, request -> {
            // Else it would run on this thread.
            attached.await();
            return request.payload();
        });
        RequestClient client = client(config());
        CountDownLatch blocked = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        CompletableFuture<Void> blocking = client.call("a", bytes("a"), LIMIT).thenAccept(answer -> {
            blocked.countDown();
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        attached.countDown();
        assertTrue(blocked.await(20, TimeUnit.SECONDS));
        assertEquals("b", text(client.callAndWait("b", bytes("b"), LIMIT)));
        assertEquals("c", text(client.call("c", bytes("c"), LIMIT).get(20, TimeUnit.SECONDS)));
        assertFalse(blocking.isDone());
        go.countDown();
        blocking.get(20, TimeUnit.SECONDS);
    }

    @Test
    void anInterruptedCallerLeavesAtOnceAndNothingOfItStays() throws Exception {
        RequestClient client = client(config());
        CompletableFuture<Throwable> outcome = new CompletableFuture<>();
        Thread caller = new Thread(() -> {
            try {
                client.callAndWait("x", bytes("x"), LIMIT);
                outcome.complete(new AssertionError("answered"));
            } catch (Throwable e) {
                outcome.complete(e);
            }
        });
        caller.start();
        until("it to wait", () -> client.health().inFlight() == 1);
        caller.interrupt();
        assertInstanceOf(InterruptedException.class, outcome.get(5, TimeUnit.SECONDS));
        assertEquals(0, client.health().inFlight());
    }

    @Test
    void aClosedClientTakesNoCallsAndThoseUnderWayEnd() throws Exception {
        RequestClient client = client(config());
        CompletableFuture<byte[]> call = client.call("x", bytes("x"), LIMIT);
        client.close();
        assertInstanceOf(
                RequestTimeoutException.class,
                assertThrows(ExecutionException.class, () -> call.get(5, TimeUnit.SECONDS))
                        .getCause());
        assertThrows(IllegalStateException.class, () -> client.call("y", bytes("y"), LIMIT));
        client.close();
    }

    @Test
    void anIdThatIsNoUnicodeTextIsRefusedBeforeAnythingIsSent() {
        RequestClient client = client(config());
        for (String id : List.of("order-\uD800", "\uDC00", "a\uDC00\uD800b")) {
            assertEquals(
                    "id must be Unicode text; it has half of a surrogate pair",
                    assertThrows(IllegalArgumentException.class, () -> client.call(id, bytes("x"), LIMIT))
                            .getMessage());
        }
        assertEquals(0, length());
    }

    @Test
    void anIdOfAnyUnicodeTextIsItsOwn() throws Exception {
        server(config(), 1, request -> bytes("for " + request.id()));
        RequestClient client = client(config());
        for (String id : List.of("\uD83D\uDE00", "?", "\uFFFD", "\u0000")) {
            assertEquals("for " + id, text(client.callAndWait(id, bytes("x"), LIMIT)));
        }
    }

    @Test
    void aCallEndsAtItsLimitWhileVirtualThreadsComputeOnEveryProcessor() throws Exception {
        AtomicInteger begun = new AtomicInteger();
        CountDownLatch enough = new CountDownLatch(1);
        int processors = Runtime.getRuntime().availableProcessors();
        server(config(), 4 * processors, request -> {
            begun.incrementAndGet();
            while (enough.getCount() > 0) {
                Thread.onSpinWait();
            }
            return request.payload();
        });
        RequestClient client = client(config());
        for (int i = 0; i < 4 * processors; i++) {
            var unused = client.call("busy" + i, bytes("x"), LIMIT);
        }
        try {
            until("all processors to be busy", () -> begun.get() >= processors);
            CompletableFuture<byte[]> call = client.call("late", bytes("x"), Duration.ofMillis(500));
            assertInstanceOf(
                    RequestTimeoutException.class,
                    assertThrows(ExecutionException.class, () -> call.get(10, TimeUnit.SECONDS))
                            .getCause());
        } finally {
            enough.countDown();
        }
    }

    @Test
    void anAnswerIsItsCallersAloneAndNothingChangesItAfterwards() throws Exception {
        byte[] reused = bytes("answer");
        Answer answer = Answer.result(reused);
        reused[0] = '!';
        assertEquals("Sanswer", text(answer.bytes()), "what is kept and what is sent are the same");
        Calls calls = closing(new Calls(config()));
        List<Call> both = List.of(new Call("x", bytes("x"), LIMIT, true), new Call("x", bytes("x"), LIMIT, true));
        both.forEach(calls::accept);
        calls.answer("x", answer);
        both.get(0).future().join()[0] = '?';
        assertEquals("answer", text(both.get(1).future().join()));
    }
}
