package dev.holdfast.cache.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.FlakyStore;
import dev.holdfast.cache.testkit.FlakyStore.Call;
import dev.holdfast.cache.testkit.FlakyStore.Effect;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** The testkit's scripted store. Here, since the testkit has no store of its own to wrap. */
class FlakyStoreTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] A = bytes("a");
    private static final byte[] B = bytes("b");

    private final CacheStore server = MemoryStore.create(1 << 20);
    private final FlakyStore flaky = new FlakyStore(server);

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static CacheUnavailableException assertFails(Reason reason, boolean outcomeUnknown, Executable call) {
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, call);
        assertEquals(reason, e.reason());
        assertEquals(outcomeUnknown, e.outcomeUnknown());
        return e;
    }

    private static <T> FutureTask<T> start(Callable<T> body) {
        FutureTask<T> task = new FutureTask<>(body);
        Thread thread = new Thread(task, "flaky-test");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    private static Throwable failureOf(FutureTask<?> task) {
        return assertThrows(ExecutionException.class, () -> task.get(20, TimeUnit.SECONDS))
                .getCause();
    }

    @Test
    void aFailureThatWasNotSentChangesNothing() {
        flaky.fail(2, Reason.CONNECTION, Effect.NOT_SENT);

        assertFails(Reason.CONNECTION, false, () -> flaky.put("k", A, TTL));
        assertFails(Reason.CONNECTION, false, () -> flaky.get("k"));
        assertNull(flaky.get("k"));
    }

    @Test
    void aLostOperationIsNeverApplied() {
        flaky.fail(1, Reason.TIMEOUT, Effect.LOST);

        assertThrows(CacheTimeoutException.class, () -> flaky.put("k", A, TTL));
        flaky.applyPending();
        assertNull(server.get("k"));
    }

    @Test
    void anAppliedOperationIsAppliedAlthoughItFails() {
        flaky.fail(1, Reason.CONNECTION, Effect.APPLIED);

        assertFails(Reason.CONNECTION, true, () -> flaky.increment("k", 5, TTL));
        assertArrayEquals(bytes("5"), server.get("k"));
    }

    @Test
    void pendingOperationsAreAppliedInAnyOrder() {
        flaky.fail(2, Reason.TIMEOUT, Effect.PENDING);
        byte[] value = A.clone();
        assertFails(Reason.TIMEOUT, true, () -> flaky.put("k", value, TTL));
        value[0] = '!';
        assertFails(Reason.TIMEOUT, true, () -> flaky.put("k", B, TTL));
        assertNull(server.get("k"));
        assertEquals(List.of(new Call("put", List.of("k")), new Call("put", List.of("k"))), flaky.pending());

        flaky.applyPending(1);
        assertArrayEquals(B, server.get("k"));
        flaky.applyPending(0);
        assertArrayEquals(A, server.get("k"));
        assertEquals(List.of(), flaky.pending());
    }

    @Test
    void disconnectDropsWhatIsPending() {
        flaky.fail(1, Reason.TIMEOUT, Effect.PENDING);
        assertFails(Reason.TIMEOUT, true, () -> flaky.put("k", A, TTL));

        flaky.disconnect(new Exception("fence"));

        flaky.applyPending();
        assertNull(server.get("k"));
    }

    @Test
    void anExceptionOfOnesOwnIsThrown() {
        flaky.throwNext(1, () -> new CacheRejectedException("no"));

        assertThrows(CacheRejectedException.class, () -> flaky.get("k"));
        assertNull(flaky.get("k"));
    }

    @Test
    void aHangingCallIsAppliedWhenReleased() throws Exception {
        flaky.hang(1);
        FutureTask<Long> call = start(() -> flaky.increment("k", 1, TTL));
        flaky.awaitHanging(1);
        assertNull(server.get("k"));

        flaky.release();

        assertEquals(1, call.get(20, TimeUnit.SECONDS));
    }

    @Test
    void aHangingCallIsDroppedByADisconnect() {
        flaky.hang(1);
        Exception cause = new Exception("watcher");
        FutureTask<Long> call = start(() -> flaky.increment("k", 1, TTL));
        flaky.awaitHanging(1);

        flaky.disconnect(cause);

        CacheUnavailableException e = (CacheUnavailableException) failureOf(call);
        assertEquals(Reason.DISCONNECTED, e.reason());
        assertTrue(e.outcomeUnknown());
        assertSame(cause, e.getCause());
        assertNull(server.get("k"));
        assertEquals(0, flaky.hanging());
    }

    @Test
    void aHeldReplyBelongsToAnAppliedOperation() {
        flaky.holdReplies(1);
        FutureTask<Long> call = start(() -> flaky.increment("k", 1, TTL));
        flaky.awaitHanging(1);
        assertArrayEquals(bytes("1"), server.get("k"));

        flaky.expireHanging();

        assertTrue(failureOf(call) instanceof CacheTimeoutException);
    }

    @Test
    void aHangingCallCanBeInterrupted() {
        flaky.hang(1);
        boolean[] flag = new boolean[1];
        Thread[] thread = new Thread[1];
        FutureTask<byte[]> call = start(() -> {
            thread[0] = Thread.currentThread();
            try {
                return flaky.get("k");
            } finally {
                flag[0] = Thread.currentThread().isInterrupted();
            }
        });
        flaky.awaitHanging(1);

        thread[0].interrupt();

        assertTrue(failureOf(call) instanceof CacheInterruptedException);
        assertTrue(flag[0]);
    }

    @Test
    void aKilledStoreFailsCallsAndProbesUntilItIsHealed() {
        server.put("k", A, TTL);
        flaky.kill();

        for (int i = 0; i < 3; i++) {
            assertFails(Reason.CONNECTION, false, () -> flaky.get("k"));
            assertFails(Reason.CONNECTION, false, () -> flaky.probe(TTL));
        }
        assertFalse(flaky.health().available());

        flaky.heal();
        assertArrayEquals(A, flaky.get("k"));
        assertEquals(ProbeResult.OK, flaky.probe(TTL));
        assertTrue(flaky.health().available());
    }

    @Test
    void aFrozenStoreHoldsCallsAndTimesProbesOut() throws Exception {
        flaky.freeze();
        FutureTask<byte[]> first = start(() -> flaky.get("k"));
        FutureTask<Boolean> second = start(() -> flaky.putIfAbsent("k", A, TTL));
        flaky.awaitHanging(2);
        assertThrows(CacheTimeoutException.class, () -> flaky.probe(TTL));

        flaky.heal();

        assertTrue(second.get(20, TimeUnit.SECONDS));
        first.get(20, TimeUnit.SECONDS);
    }

    @Test
    void someKeysFailAndTheOthersAreDone() {
        server.putAll(Map.of("a", A, "b", B), TTL);
        flaky.failKeys("b"::equals);

        CacheUnavailableException e =
                assertFails(Reason.PARTIAL, false, () -> flaky.getAll(List.of("a", "b", "absent")));
        assertEquals(Set.of("b"), e.failedKeys());
        assertEquals(Set.of("a"), e.partialResult().keySet());
        assertFails(Reason.PARTIAL, false, () -> flaky.remove("b"));
        e = assertFails(Reason.PARTIAL, false, () -> flaky.putAll(Map.of("a", B, "b", A), TTL));
        assertEquals(Set.of("b"), e.failedKeys());
        assertArrayEquals(B, server.get("a"));
        assertArrayEquals(B, server.get("b"));
        assertFails(Reason.PARTIAL, false, () -> flaky.removeByPrefix("a"));
        assertArrayEquals(B, flaky.get("a"));
    }

    @Test
    void probesHaveAScriptOfTheirOwn() {
        flaky.failProbes(1, Reason.SERVER_STATE);
        flaky.answerProbe(new ProbeResult(true, true));

        assertNull(flaky.get("k"));
        assertFails(Reason.SERVER_STATE, false, () -> flaky.probe(TTL));
        assertTrue(flaky.probe(TTL).wentBack());
        assertEquals(ProbeResult.OK, flaky.probe(TTL));
    }

    @Test
    void callsAreOnRecord() {
        flaky.put("k", A, TTL);
        flaky.getAll(List.of("a", "b"));
        flaky.fail(1, Reason.CONNECTION, Effect.NOT_SENT);
        assertThrows(CacheUnavailableException.class, () -> flaky.remove("k"));

        assertEquals(
                List.of(
                        new Call("put", List.of("k")),
                        new Call("getAll", List.of("a", "b")),
                        new Call("remove", List.of("k"))),
                flaky.calls());
        assertEquals(1, flaky.count("put"));
        flaky.clearCalls();
        assertEquals(List.of(), flaky.calls());
    }

    @Test
    void anInterruptedThreadIsRefusedByAStoreWithACallBound() {
        FlakyStore waits = new FlakyStore(server, Duration.ofSeconds(3));
        assertEquals(Duration.ofSeconds(3), waits.callBound());
        Thread.currentThread().interrupt();
        try {
            assertThrows(CacheInterruptedException.class, () -> waits.put("k", A, TTL));
        } finally {
            assertTrue(Thread.interrupted());
        }
        assertNull(server.get("k"));
    }
}
