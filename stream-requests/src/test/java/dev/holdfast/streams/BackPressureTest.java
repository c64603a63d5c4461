package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.streams.RequestRejectedException.Reason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class BackPressureTest extends Fixture {

    @Test
    void nothingIsTakenBeyondTheFreeTerminals() throws Exception {
        Gate gate = new Gate();
        RequestServer server = server(config(), 3, gate);
        RequestClient client = client(config());
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            calls.add(client.call("id" + i, bytes("x"), LIMIT));
        }
        until("all terminals to be busy", () -> gate.begun.get() == 3 && length() == 20);
        QueueHealth queue = server.queue();
        assertEquals(3, queue.pending(), "as many as there are terminals");
        assertEquals(17, queue.lag());
        assertEquals(3, server.health().busy());
        assertEquals(3, server.health().terminals());
        gate.open.countDown();
        for (CompletableFuture<byte[]> call : calls) {
            call.join();
        }
    }

    @Test
    void tenThousandCallersAtOnceEachGetAnAnswerOrARefusal() throws Exception {
        server(config(), 20, Request::payload);
        RequestClient client = client(config().withMaxInFlight(500));
        List<CompletableFuture<byte[]>> accepted = new ArrayList<>();
        int rejected = 0;
        long slowest = 0;
        for (int i = 0; i < 10_000; i++) {
            long start = System.nanoTime();
            try {
                accepted.add(client.call("id" + i, bytes("x" + i), LIMIT));
            } catch (RequestRejectedException e) {
                assertEquals(Reason.IN_FLIGHT, e.reason());
                assertEquals(Duration.ofSeconds(1), e.retryAfter());
                rejected++;
                slowest = Math.max(slowest, System.nanoTime() - start);
            }
        }
        for (CompletableFuture<byte[]> call : accepted) {
            call.join();
        }
        assertTrue(accepted.size() >= 500, accepted.size() + " were accepted");
        assertEquals(10_000, accepted.size() + rejected);
        assertEquals(rejected, client.health().rejected());
        assertEquals(accepted.size(), client.health().answered());
        assertEquals(0, client.health().inFlight());
    }

    @Test
    void theStreamNeverHoldsMoreThanItMayWhoeverAdds() throws Exception {
        StreamsConfig config = config().withMaxQueueLength(10);
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        int refusedAtOnce = 0;
        for (int c = 0; c < 3; c++) {
            RequestClient client = client(config);
            for (int i = 0; i < 20; i++) {
                try {
                    calls.add(client.call(c + "-" + i, bytes("x"), LIMIT));
                } catch (RequestRejectedException e) {
                    refusedAtOnce++;
                }
            }
        }
        int accepted = 60 - refusedAtOnce;
        until(
                "the rest to be rejected",
                () -> calls.stream()
                                .filter(CompletableFuture::isCompletedExceptionally)
                                .count()
                        == accepted - 10);
        assertEquals(10, length());
        Throwable cause = assertThrows(CompletionException.class, () -> calls.stream()
                        .filter(CompletableFuture::isCompletedExceptionally)
                        .findFirst()
                        .orElseThrow()
                        .join())
                .getCause();
        assertEquals(Reason.QUEUE_FULL, ((RequestRejectedException) cause).reason());
        server(config, 5, Request::payload);
        until("those in the stream to be answered", () -> calls.stream().allMatch(CompletableFuture::isDone));
        assertEquals(
                10,
                calls.stream().filter(call -> !call.isCompletedExceptionally()).count(),
                "what was accepted is answered");
    }

    @Test
    void threeTimesTheLoadIsAnsweredOrRefusedAndNothingAcceptedIsLost() throws Exception {
        StreamsConfig config = config().withMaxQueueLength(20);
        server(config, 10, request -> {
            Thread.sleep(10);
            return request.payload();
        });
        RequestClient client = client(config);
        AtomicInteger answered = new AtomicInteger();
        AtomicInteger refused = new AtomicInteger();
        AtomicInteger other = new AtomicInteger();
        CountDownLatch done = new CountDownLatch(60);
        for (int i = 0; i < 60; i++) {
            int caller = i;
            new Thread(() -> {
                        for (int n = 0; n < 10; n++) {
                            try {
                                client.callAndWait(caller + "-" + n, bytes("x"), LIMIT);
                                answered.incrementAndGet();
                            } catch (RequestRejectedException e) {
                                refused.incrementAndGet();
                            } catch (Exception e) {
                                other.incrementAndGet();
                            }
                        }
                        done.countDown();
                    })
                    .start();
        }
        done.await();
        assertEquals(0, other.get(), "no accepted request was lost");
        assertEquals(600, answered.get() + refused.get());
        assertTrue(answered.get() >= 20, answered + " were answered");
        assertTrue(refused.get() > 0, "some were refused");
    }

    @Test
    void whatIsCountedAsAcceptedIsNeverTakenBack() throws Exception {
        Calls calls = closing(new Calls(config()));
        long last = 0;
        for (int i = 0; i < 3; i++) {
            Call call = new Call("x" + i, bytes("x"), LIMIT, true);
            calls.accept(call);
            long accepted = calls.counts().accepted();
            assertTrue(accepted >= last, accepted + " after " + last);
            calls.reject(call, "full", null, Reason.QUEUE_FULL);
            last = calls.counts().accepted();
            assertTrue(last >= accepted, last + " after " + accepted);
        }
        assertEquals(3, calls.counts().rejected());
        server(config(), 1, Request::payload);
        RequestClient client = client(config());
        client.callAndWait("y", bytes("y"), LIMIT);
        assertEquals(1, client.health().accepted());
    }

    @Test
    void whoAsksForFiguresTakesNoConnectionsFromTheCalls() throws Exception {
        TcpProxy proxy = closing(TcpProxy.to("127.0.0.1", redis().port()));
        server(config(), 1, Request::payload);
        RequestClient client = client(StreamsConfig.single("redis://127.0.0.1:" + proxy.port())
                .withName(name)
                .withCommandTimeout(Duration.ofSeconds(1)));
        client.callAndWait("before", bytes("x"), LIMIT);
        proxy.delay(TcpProxy.Direction.TO_CLIENT, Duration.ofMillis(100));
        AtomicBoolean stop = new AtomicBoolean();
        List<CompletableFuture<Void>> asking = new ArrayList<>();
        ExecutorService threads = Executors.newFixedThreadPool(30);
        try {
            for (int i = 0; i < 30; i++) {
                asking.add(CompletableFuture.runAsync(
                        () -> {
                            while (!stop.get()) {
                                try {
                                    client.queue();
                                } catch (RequestRejectedException e) {
                                    // So many can't all be told.
                                }
                            }
                        },
                        threads));
            }
            for (int i = 0; i < 2; i++) {
                assertEquals("x", text(client.callAndWait("x" + i, bytes("x"), Duration.ofMillis(2_500))));
            }
        } finally {
            stop.set(true);
            asking.forEach(CompletableFuture::join);
            threads.shutdown();
        }
    }

    @Test
    void bytesThatWaitToBeSentAreBoundedToo() throws Exception {
        Calls calls = closing(new Calls(config()));
        byte[] large = new byte[16 << 20];
        for (int i = 0; i < 4; i++) {
            calls.accept(new Call("id" + i, large, LIMIT, false));
        }
        Call one = new Call("more", large, LIMIT, false);
        assertEquals(
                Reason.IN_FLIGHT,
                assertThrows(RequestRejectedException.class, () -> calls.accept(one))
                        .reason());
        assertEquals(4, calls.inFlight());
    }

    @Test
    void whatCallersPutBehindTheirFuturesTakesNoMoreThreadsThanThereMayBe() throws Exception {
        server(config(), 20, Request::payload);
        RequestClient client = client(config().withMaxInFlight(20));
        Thread caller = Thread.currentThread();
        AtomicInteger held = new AtomicInteger();
        CountDownLatch go = new CountDownLatch(1);
        List<CompletableFuture<Void>> calls = new ArrayList<>();
        RequestRejectedException refusal = null;
        long end = System.nanoTime() + 2_000_000_000L;
        while (calls.size() < 500 && System.nanoTime() < end) {
            try {
                calls.add(client.call("id" + calls.size(), bytes("x"), LIMIT).thenAccept(answer -> {
                    // Else the answer came before this was put behind it.
                    if (Thread.currentThread() != caller) {
                        held.incrementAndGet();
                        await(go);
                    }
                }));
            } catch (RequestRejectedException e) {
                refusal = e;
                Thread.sleep(1);
            }
        }
        assertTrue(held.get() <= 64 + 20, held + " threads for 20 calls in flight");
        assertEquals(Reason.IN_FLIGHT, refusal.reason());
        assertEquals("rejected: 64 answers are held by what their callers put behind them", refusal.getMessage());
        go.countDown();
        for (CompletableFuture<Void> call : calls) {
            call.get(20, TimeUnit.SECONDS);
        }
        until("a call to be taken again", () -> {
            try {
                return client.callAndWait("after", bytes("x"), LIMIT).length == 1;
            } catch (RequestRejectedException e) {
                return false;
            }
        });
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void callersWhoWaitForEachAnswerAreNeverTooManyForThemselves() throws Exception {
        server(config(), 20, Request::payload);
        RequestClient client = client(config().withMaxInFlight(8));
        List<CompletableFuture<Void>> callers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            int caller = i;
            callers.add(CompletableFuture.runAsync(
                    () -> {
                        for (int n = 0; n < 100; n++) {
                            client.call(caller + "-" + n, bytes("x"), LIMIT).join();
                        }
                    },
                    task -> new Thread(task).start()));
        }
        for (CompletableFuture<Void> caller : callers) {
            caller.get(60, TimeUnit.SECONDS);
        }
        assertEquals(0, client.health().rejected());
    }

    @Test
    void everyCallThatIsAcceptedWhileAClientIsClosedEnds() throws Exception {
        for (int round = 0; round < 30; round++) {
            Calls calls = new Calls(config().withMaxInFlight(100_000));
            Queue<Call> accepted = new ConcurrentLinkedQueue<>();
            CountDownLatch started = new CountDownLatch(4);
            List<Thread> callers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int caller = i;
                Thread thread = new Thread(() -> {
                    started.countDown();
                    try {
                        for (int n = 0; n < 25_000; n++) {
                            Call call = new Call(caller + "-" + n, bytes("x"), LIMIT, true);
                            calls.accept(call);
                            accepted.add(call);
                        }
                    } catch (IllegalStateException e) {
                        // It is closed.
                    }
                });
                thread.start();
                callers.add(thread);
            }
            started.await();
            Thread.sleep(2);
            calls.close();
            for (Thread caller : callers) {
                caller.join();
            }
            until("all to end", () -> accepted.stream()
                    .allMatch(call -> call.future().isDone()));
            assertEquals(0, calls.inFlight());
        }
    }
}
