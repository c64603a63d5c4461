package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.FlakyStore;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class FailoverStoreTest {
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final FailoverConfig QUICK =
            FailoverConfig.DEFAULT.withGracePeriod(Duration.ofMillis(150)).withProbes(2);

    private final FlakyStore first = server();
    private final FlakyStore second = server();
    private final List<String> events = new CopyOnWriteArrayList<>();
    private final FailoverStore store = FailoverStore.builder()
            .tier("first", first)
            .tier("second", second)
            .memoryTier("memory", () -> MemoryStore.create(1 << 20))
            .config(QUICK)
            .listener(new Recorder())
            .build();

    private static FlakyStore server() {
        return new FlakyStore(MemoryStore.create(1 << 20), Duration.ofSeconds(3));
    }

    private final class Recorder implements FailoverListener {
        @Override
        public void tierOpened(String tier, TierHealth.Reason reason, @Nullable Throwable cause) {
            events.add("opened " + tier + ' ' + reason);
        }

        @Override
        public void tierClosed(String tier) {
            events.add("closed " + tier);
        }

        @Override
        public void failover(String from, @Nullable String to, TierHealth.Reason reason) {
            events.add("failover " + from + ' ' + to);
            throw new IllegalStateException("a listener that fails harms nobody");
        }

        @Override
        public void failback(@Nullable String from, String to, Duration outage, long dirtyKeys) {
            events.add("failback " + from + ' ' + to + ' ' + dirtyKeys);
        }
    }

    @AfterEach
    void close() {
        store.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + 20_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                fail("waited 20 s in vain: " + what);
            }
            LockSupport.parkNanos(5_000_000);
        }
    }

    private TierHealth tier(int index) {
        return store.health().tiers().get(index);
    }

    private boolean serves(int index) {
        return tier(index).serving();
    }

    @Test
    void theNextTierAnswersTheCallThatMeetsADeadOne() {
        first.kill();

        store.put("c:k", bytes("v"), TTL);

        assertArrayEquals(bytes("v"), store.get("c:k"));
        assertArrayEquals(bytes("v"), second.get("c:k"));
    }

    /** Whatever a caller gives, his call ends: one that seems to hang for ever has its server probed for ever. */
    @Test
    void aRefusedArgumentLeavesNoCallUnderWay() {
        byte[] value = bytes("v");
        Duration no = Duration.ZERO;
        List<Executable> calls = List.of(
                () -> store.put("c:k", value, no),
                () -> store.putIfAbsent("c:k", value, no),
                () -> store.replace("c:k", value, value, no),
                () -> store.fill("c:k", value, no),
                () -> store.expire("c:k", no),
                () -> store.increment("c:k", 1, no),
                () -> store.putAll(Map.of("c:k", value), no),
                () -> store.fillAll(Map.of("c:k", value), no),
                () -> store.get("\uD800"),
                () -> store.contains("\uD800"),
                () -> store.ttl("\uD800"),
                () -> store.remove("\uD800"),
                () -> store.remove("\uD800", value),
                () -> store.getAll(List.of("\uD800")),
                () -> store.removeAll(List.of("\uD800")));
        calls.forEach(call -> assertThrows(IllegalArgumentException.class, call));
        first.clearCalls();

        for (long end = System.nanoTime() + 1_000_000_000L; System.nanoTime() - end < 0; ) {
            store.get("c:k");
            LockSupport.parkNanos(5_000_000);
        }

        assertEquals(0, first.count("probe"));
    }

    @Test
    void whatWasRemovedDuringAnOutageDoesNotComeBack() {
        store.put("c:k", bytes("old"), TTL);
        first.kill();
        await("the first tier is open", () -> {
            store.get("c:other");
            return serves(1);
        });

        store.remove("c:k");
        first.heal();
        await("the first tier serves", () -> serves(0));

        assertNull(store.get("c:k"));
        assertNull(first.get("c:k"));
        await("the listener was told", () -> events.contains("closed first"));
        assertEquals(List.of("opened first " + tier(0).reason(), "failover first second"), events.subList(0, 2));
        assertTrue(events.get(events.size() - 1).startsWith("failback second first "), events.toString());
    }

    @Test
    void callersCaughtInAFrozenTierAreFreedLongBeforeTheirTimeout() throws InterruptedException {
        first.freeze();
        AtomicInteger answered = new AtomicInteger();
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            String key = "c:" + i;
            callers.add(new Thread(() -> {
                store.put(key, bytes("v"), TTL);
                answered.incrementAndGet();
            }));
        }
        long begin = System.nanoTime();
        callers.forEach(Thread::start);
        for (Thread caller : callers) {
            caller.join(20_000);
        }
        Duration took = Duration.ofNanos(System.nanoTime() - begin);

        assertEquals(8, answered.get());
        assertTrue(took.compareTo(first.callBound()) < 0, () -> "they waited for " + took);
        assertEquals(TierHealth.Reason.FROZEN, tier(0).reason());
        assertTrue(serves(1));
    }

    @Test
    void aStoreThatIsOutForSomeKeysServesTheOthers() {
        store.put("c:a", bytes("a1"), TTL);
        store.put("c:b", bytes("b1"), TTL);
        first.failKeys("c:a"::equals);

        store.put("c:a", bytes("a2"), TTL);

        assertEquals(
                List.of("c:a", "c:b"),
                List.copyOf(store.getAll(List.of("c:a", "c:b")).keySet()));
        assertArrayEquals(bytes("a2"), store.get("c:a"));
        assertArrayEquals(bytes("b1"), store.get("c:b"));
        assertEquals(TierHealth.State.CLOSED, tier(0).state());
        assertEquals(1, tier(0).dirtyKeys());

        store.remove("c:a");
        first.heal();
        await("the key is clean", () -> tier(0).dirtyKeys() == 0);
        assertNull(store.get("c:a"));
    }

    @Test
    void aCounterHoldsWhatWasAddedOnBothSides() {
        store.increment("#:n", 5, TTL);
        first.kill();
        await("the first tier is open", () -> {
            store.get("c:other");
            return serves(1);
        });
        assertEquals(2, store.increment("#:n", 2, TTL));
        assertEquals(3, store.increment("#:n", 1, TTL));

        first.heal();
        await("the first tier serves and is clean", () -> serves(0) && tier(0).dirtyCounters() == 0);

        assertEquals(8, store.increment("#:n", 0, TTL));
    }

    @Test
    void anIncrementWhoseOutcomeIsUnknownIsNotRepeated() {
        first.fail(1, Reason.TIMEOUT, FlakyStore.Effect.APPLIED);

        CacheUnavailableException thrown =
                assertThrows(CacheUnavailableException.class, () -> store.increment("#:n", 1, TTL));

        assertTrue(thrown.outcomeUnknown());
        assertEquals(0, second.count("increment"));
    }

    @Test
    void aPutThatArrivesLateChangesNothingThatIsRead() {
        first.fail(1, Reason.TIMEOUT, FlakyStore.Effect.PENDING);
        store.put("c:k", bytes("late"), TTL);
        store.remove("c:k");

        first.applyPending();

        assertNull(store.get("c:k"));
    }

    @Test
    void anExhaustedPoolOpensNothing() {
        for (int i = 0; i < 30; i++) {
            first.fail(1, Reason.SATURATED, FlakyStore.Effect.NOT_SENT);
            store.get("c:k");
        }

        assertEquals(TierHealth.State.CLOSED, tier(0).state());
    }

    @Test
    void healthSaysHowManyOfTheLastCallsFailed() {
        for (int i = 0; i < 3; i++) {
            store.get("c:k");
        }
        first.fail(1, Reason.CONNECTION, FlakyStore.Effect.NOT_SENT);
        store.get("c:k");

        await("all have been counted", () -> tier(0).failureRate() == 0.2);
        assertEquals(0, tier(1).failureRate());
    }

    @Test
    void interruptedCallersOpenNothing() {
        for (int i = 0; i < 100; i++) {
            Thread.currentThread().interrupt();
            assertThrows(CacheInterruptedException.class, () -> store.get("c:k"));
            assertTrue(Thread.interrupted());
        }

        assertEquals(TierHealth.State.CLOSED, tier(0).state());
        assertEquals(0, first.count("get"));
    }

    @Test
    void aTierThatWasTakenOutStaysOutUntilItIsLetBack() {
        store.forceFailover("first");
        store.put("c:k", bytes("v"), TTL);
        assertTrue(serves(1));
        assertEquals(TierHealth.Reason.FORCED, tier(0).reason());

        store.forceFailback();

        await("the first tier serves", () -> serves(0));
        assertThrows(IllegalArgumentException.class, () -> store.forceFailover("memory"));
    }

    @Test
    void aServerThatWentBackInTimeIsNotBelieved() {
        try (FailoverStore prefixed = FailoverStore.builder()
                .tier("first", first)
                .memoryTier("memory", () -> MemoryStore.create(1 << 20))
                .prefixes(() -> List.of("c:"))
                .config(QUICK)
                .build()) {
            // Nothing else gives reason to remove it: this client has never changed it.
            first.put("c:k", bytes("old"), TTL);
            prefixed.forceFailover("first");
            first.answerProbe(new ProbeResult(true, true));

            prefixed.forceFailback();

            await("the tier serves", () -> prefixed.health().tiers().get(0).serving());
            assertNull(prefixed.get("c:k"));
            assertNull(first.get("c:k"));
        }
    }

    @Test
    void aViewWithLessTimePassesOverTiersThatMayTakeLonger() {
        CacheStore view = store.within(Duration.ofMillis(100));
        assertEquals(Duration.ofMillis(100), view.callBound());

        view.put("c:k", bytes("v"), TTL);

        assertEquals(0, first.count("put") + second.count("put"));
        assertArrayEquals(bytes("v"), view.get("c:k"));
        assertArrayEquals(bytes("v"), store.get("c:k"));
        view.close();
        store.put("c:k", bytes("w"), TTL);
        assertArrayEquals(bytes("w"), view.get("c:k"));
    }

    @Test
    void memoryBeginsEmptyEachTime() {
        first.kill();
        second.kill();
        store.put("c:k", bytes("v"), TTL);
        await("memory serves", () -> {
            store.get("c:k");
            return serves(2);
        });
        store.put("c:k", bytes("v"), TTL);
        second.heal();
        await("the second tier serves", () -> serves(1));
        second.kill();
        await("memory serves again", () -> {
            store.get("c:other");
            return serves(2);
        });

        assertNull(store.get("c:k"));
    }

    @Test
    void whenNothingAnswersTheExceptionHoldsEachTiersCause() {
        FlakyStore a = server();
        FlakyStore b = server();
        a.kill();
        b.kill();
        try (FailoverStore two = FailoverStore.builder()
                .tier("a", a)
                .tier("b", b)
                .config(QUICK.withRetries(1).withRetryDelay(Duration.ofMillis(5)))
                .build()) {
            CacheUnavailableException thrown =
                    assertThrows(CacheUnavailableException.class, () -> two.put("c:k", bytes("v"), TTL));

            assertTrue(thrown.getSuppressed().length >= 2, thrown.getSuppressed().length + " suppressed");
            assertTrue(thrown.getMessage().contains("a is "), thrown.getMessage());
            assertFalse(
                    two.health().available() && two.health().tiers().stream().noneMatch(TierHealth::serving));
        }
    }

    @Test
    void aKeyWithAnUnknownOutcomeIsUsedAgainAtOnceWhereThereIsNoOtherTier() {
        FlakyStore alone = server();
        try (FailoverStore one = FailoverStore.builder()
                .tier("alone", alone)
                .config(QUICK.withRetries(0))
                .build()) {
            alone.fail(1, Reason.TIMEOUT, FlakyStore.Effect.PENDING);
            assertThrows(CacheUnavailableException.class, () -> one.put("c:k", bytes("lost"), TTL));

            assertNull(one.get("c:k"));
            one.put("c:k", bytes("v"), TTL);

            assertEquals(1, alone.count("get"));
            assertEquals(2, alone.count("put"));
            assertEquals(TierHealth.State.CLOSED, one.health().tiers().get(0).state());
            assertEquals(1, one.health().tiers().get(0).dirtyKeys(), "what is late may still arrive");
        }
    }

    @Test
    void startFindsOutWhoIsThere() {
        first.kill();

        Map<String, CacheUnavailableException> missing = store.start(Duration.ofSeconds(5));

        assertEquals(List.of("first"), List.copyOf(missing.keySet()));
        assertTrue(serves(1));
    }

    @Test
    void memoriesThatWereReplacedAreClosedUnderTraffic() throws InterruptedException {
        AtomicInteger made = new AtomicInteger();
        AtomicInteger closed = new AtomicInteger();
        FlakyStore server = server();
        AtomicBoolean stop = new AtomicBoolean();
        try (FailoverStore busy = FailoverStore.builder()
                .tier("first", server)
                .memoryTier("memory", () -> counted(made, closed))
                .config(QUICK.withGracePeriod(Duration.ZERO).withProbes(1))
                .build()) {
            Thread traffic = new Thread(() -> {
                while (!stop.get()) {
                    busy.put("c:k", bytes("v"), TTL);
                    busy.get("c:k");
                }
            });
            traffic.start();
            for (int i = 0; i < 5; i++) {
                server.kill();
                await("memory serves", () -> busy.health().tiers().get(1).serving());
                server.heal();
                await("the server serves", () -> busy.health().tiers().get(0).serving());
            }
            await("all but the one in use and the one in stock are closed", () -> made.get() - closed.get() <= 2);
            assertTrue(made.get() >= 10, made + " made");
            stop.set(true);
            traffic.join();
        }
        assertEquals(made.get(), closed.get());
    }

    private static CacheStore counted(AtomicInteger made, AtomicInteger closed) {
        made.incrementAndGet();
        Seam seam = new Seam(MemoryStore.create(1 << 16));
        seam.onCall("close", closed::incrementAndGet);
        return seam.store;
    }

    @Test
    void aTierThatIsKnownToBeOutIsNotWaitedForWhereThereIsNoOther() {
        FlakyStore alone = server();
        alone.kill();
        // The defaults would pause up to 7 s in all.
        try (FailoverStore one = FailoverStore.builder()
                .tier("alone", alone)
                .config(FailoverConfig.DEFAULT)
                .build()) {
            one.start(Duration.ofSeconds(5));
            long begin = System.nanoTime();
            for (int i = 0; i < 20; i++) {
                assertThrows(CacheUnavailableException.class, () -> one.get("c:k"));
                assertThrows(CacheUnavailableException.class, () -> one.put("c:k", bytes("v"), TTL));
            }
            Duration took = Duration.ofNanos(System.nanoTime() - begin);
            assertTrue(took.compareTo(Duration.ofSeconds(1)) < 0, "40 calls took " + took);

            alone.heal();
            await("it serves", () -> one.health().tiers().get(0).serving());
            one.put("c:k", bytes("v"), TTL);
        }
    }

    @Test
    void closingDoesWhatATierThatAnswersHasMissed() {
        first.put("c:k", bytes("old"), TTL);
        first.kill();
        await("the first tier is open", () -> {
            store.get("c:other");
            return serves(1);
        });
        store.remove("c:k");
        first.heal();

        store.close();

        assertEquals(1, first.count("removeAll"), "the record died with its client");
    }

    @Test
    void closingDoesNotWaitForATierThatDoesNotAnswer() {
        first.kill();
        second.kill();
        store.remove("c:k");
        long begin = System.nanoTime();

        store.close();

        assertTrue(System.nanoTime() - begin < Duration.ofMillis(1_900).toNanos());
    }

    @Test
    void aRemovalWithoutAnAnswerIsRepeatedAtOnceForOthersAndAgainWhenNothingCanArrive() {
        FlakyStore server = server();
        try (FailoverStore composite = FailoverStore.builder()
                .tier("first", server)
                .memoryTier("memory", () -> MemoryStore.create(1 << 16))
                .config(QUICK.withUnknownQuarantine(Duration.ofSeconds(3)))
                .build()) {
            server.put("c:k", bytes("old"), TTL);
            server.fail(1, Reason.TIMEOUT, FlakyStore.Effect.LOST);
            composite.remove("c:k");

            await("others see the removal", () -> server.get("c:k") == null);
            assertEquals(1, composite.health().tiers().get(0).dirtyKeys(), "what is late may still arrive");
            await("it is repeated", () -> composite.health().tiers().get(0).dirtyKeys() == 0);
            assertEquals(2, server.count("removeAll"));
        }
    }
}
