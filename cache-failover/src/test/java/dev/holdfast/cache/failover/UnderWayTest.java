package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.PartialOutage;
import dev.holdfast.cache.testkit.FlakyStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Nothing is under way for ever: whatever is thrown where a composite meets foreign code or resources, its calls, probes,
 * reconciliation, failback and close go on.
 */
class UnderWayTest {
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final FailoverConfig QUICK = FailoverConfig.DEFAULT
            .withGracePeriod(Duration.ofMillis(100))
            .withProbes(1)
            .withSlowCallThreshold(Duration.ofMillis(50))
            .withUnknownQuarantine(Duration.ofMillis(200));

    private final FlakyStore server = new FlakyStore(MemoryStore.create(1 << 20), Duration.ofSeconds(3));
    private final Seam seam = new Seam(server);
    private final AtomicInteger memories = new AtomicInteger();
    private volatile Supplier<? extends Error> noMemory = () -> null;
    private final FailoverStore store = FailoverStore.builder()
            .tier("first", seam.store)
            .memoryTier("memory", this::memory)
            .config(QUICK)
            .build();

    private CacheStore memory() {
        Error error = noMemory.get();
        if (error != null) {
            throw error;
        }
        memories.incrementAndGet();
        return MemoryStore.create(1 << 20);
    }

    static Stream<Supplier<Throwable>> throwables() {
        return Stream.of(
                () -> new OutOfMemoryError("Java heap space"),
                () -> new IllegalArgumentException("upstash-sync-token: garbage"),
                () -> new IllegalStateException("not of the composite's making"));
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

    private TierHealth first() {
        return store.health().tiers().get(0);
    }

    private void lose() {
        server.kill();
        await("the first tier is out", () -> {
            store.get("c:other");
            return !first().serving();
        });
    }

    private void recover() {
        server.heal();
        await("the first tier serves and is clean: " + first(), () -> first().serving() && first().dirtyKeys() == 0);
    }

    @ParameterizedTest
    @MethodSource("throwables")
    void whatACallThrowsCountsAgainstItsTierAndTheNextIsAsked(Supplier<Throwable> thrown) {
        List<String> operations = List.of("get", "getShared", "getAll", "put", "putAll", "fill", "remove", "removeAll");
        operations.forEach(each -> seam.fail(each, thrown));
        store.put("c:k", bytes("v"), TTL);
        store.putAll(Map.of("c:a", bytes("a")), TTL);
        store.fill("c:f", bytes("f"), TTL);
        store.remove("c:x");
        store.removeAll(List.of("c:x", "c:y"));

        assertArrayEquals(bytes("v"), store.get("c:k"));
        assertArrayEquals(bytes("v"), store.getShared("c:k"));
        assertEquals(1, store.getAll(List.of("c:a", "c:z")).size());
        assertTrue(String.valueOf(first().lastFailure()).contains("failed unexpectedly"), first().lastFailure());

        operations.forEach(seam::heal);
        await("the keys are clean", () -> first().dirtyKeys() == 0 && first().serving());
        store.put("c:k", bytes("w"), TTL);
        assertArrayEquals(bytes("w"), server.get("c:k"));
    }

    @ParameterizedTest
    @MethodSource("throwables")
    void aProbeThatThrowsIsAFailedOneAndTheNextBringsTheTierBack(Supplier<Throwable> thrown) {
        seam.fail("probe", thrown);
        lose();
        server.heal();
        await("probes go on", () -> seam.thrown("probe") >= 3);

        seam.heal("probe");
        recover();
    }

    @ParameterizedTest
    @MethodSource("throwables")
    void aDisconnectionThatThrowsLeavesNoTierFenced(Supplier<Throwable> thrown) {
        seam.fail("disconnect", thrown);
        lose();
        await("it was tried", () -> seam.thrown("disconnect") > 0);

        recover();
    }

    @ParameterizedTest
    @MethodSource("throwables")
    void aReconciliationThatThrowsIsTriedAgain(Supplier<Throwable> thrown) {
        store.put("c:k", bytes("old"), TTL);
        seam.fail("removeAll", thrown);
        lose();
        store.remove("c:k");
        server.heal();
        await("it was tried", () -> seam.thrown("removeAll") >= 1);

        seam.heal("removeAll");
        recover();
        assertNull(store.get("c:k"));
        assertNull(server.get("c:k"));
    }

    /** An outage of one key, over once that could be said to its store, at the fourth attempt. */
    private static final class StubbornOutage {
        private final Supplier<Throwable> thrown;
        private final AtomicInteger attempts = new AtomicInteger();
        private volatile boolean settled;
        private final PartialOutage outage = new PartialOutage("c:k"::equals, false, this::settle);

        StubbornOutage(Supplier<Throwable> thrown) {
            this.thrown = thrown;
        }

        private void settle() {
            if (attempts.incrementAndGet() < 4) {
                if (thrown.get() instanceof Error error) {
                    throw error;
                }
                throw (RuntimeException) thrown.get();
            }
            settled = true;
        }

        private @Nullable PartialOutage present() {
            return settled ? null : outage;
        }
    }

    @ParameterizedTest
    @MethodSource("throwables")
    void anOutageThatCanNotBeSettledIsSettledLaterAndWhatFollowsFromItIsDone(Supplier<Throwable> thrown) {
        StubbornOutage stubborn = new StubbornOutage(thrown);
        store.put("c:k", bytes("perhaps forgotten"), TTL);
        seam.answer("outage", stubborn::present);

        await("it is settled", () -> stubborn.settled);
        await("what may be forgotten was done once more", () -> server.get("c:k") == null && first().dirtyKeys() == 0);

        assertTrue(first().serving());
        store.put("c:k", bytes("v"), TTL);
        assertArrayEquals(bytes("v"), server.get("c:k"));
        lose();
        store.remove("c:k");
        recover();
        assertNull(store.get("c:k"));
    }

    @ParameterizedTest
    @MethodSource("throwables")
    void anOutageFromBeforeTheStartThatCanNotBeSettledKeepsNobodyFromStarting(Supplier<Throwable> thrown) {
        StubbornOutage stubborn = new StubbornOutage(thrown);
        Seam early = new Seam(new FlakyStore(MemoryStore.create(1 << 20), Duration.ofSeconds(3)));
        early.answer("outage", stubborn::present);
        try (FailoverStore started = FailoverStore.builder()
                .tier("first", early.store)
                .memoryTier("memory", () -> MemoryStore.create(1 << 20))
                .config(QUICK)
                .build()) {
            started.put("c:k", bytes("v"), TTL);
            await("it is settled", () -> stubborn.settled);

            assertTrue(started.health().tiers().get(0).serving());
        }
    }

    @Test
    void aStoresHealthThatThrowsStopsNoWatch() throws InterruptedException {
        seam.fail("health", () -> new OutOfMemoryError("Java heap space"));
        server.hang(1);
        Thread slow = new Thread(() -> store.get("c:k"));
        slow.start();
        server.awaitHanging(1);
        await("it is slow", () -> ticks(3));
        server.release();
        slow.join();
        await("the watch asks", () -> seam.thrown("health") > 0);

        lose();
        assertEquals("unknown", first().store().type());
        recover();
    }

    private boolean ticks(int count) {
        LockSupport.parkNanos(count * Ticks.PERIOD);
        return true;
    }

    @Test
    void aMemoryThatCantBeHadServesNothingOldAndIsHadWhenItCan() {
        await("one is in stock", () -> memories.get() >= 2);
        lose();
        store.put("c:k", bytes("of the first outage"), TTL);
        noMemory = () -> new OutOfMemoryError("Java heap space");
        recover();
        lose();

        assertNull(store.get("c:k"), "what an earlier memory held");
        noMemory = () -> null;
        await("memory serves again", () -> {
            store.put("c:k", bytes("v"), TTL);
            return store.get("c:k") != null;
        });
        recover();
    }

    /** An Error that the log can't print, as after an OutOfMemoryError: the virtual machine throws the same object again and again. */
    @Test
    void theWatchGoesOnThoughItCantSayWhatFailed() {
        await("one is in stock", () -> memories.get() >= 2);
        AtomicInteger asked = new AtomicInteger();
        lose();
        noMemory = () -> {
            asked.incrementAndGet();
            return new Unspeakable();
        };
        recover();
        await("the next memory is asked for again and again", () -> asked.get() > 3);
        noMemory = () -> null;

        lose();
        recover();
    }

    private static final class Unspeakable extends Error {
        private static final long serialVersionUID = 1L;

        @Override
        public String getMessage() {
            throw this;
        }
    }

    /** What Kotlin and others throw though no method says so. */
    @Test
    void aCheckedExceptionOfAStoreSendsTheCallToTheNextTier() {
        FailoverStore other = FailoverStore.builder()
                .tier("first", server)
                .memoryTier("memory", () -> MemoryStore.create(1 << 20))
                .build();
        server.throwNext(1, () -> {
            throw UnderWayTest.<CacheException>undeclared(new IOException("nobody declared it"));
        });

        assertNull(other.get("c:k"));
        String failure = String.valueOf(other.health().tiers().get(0).lastFailure());
        assertTrue(failure.contains("nobody declared it"), failure);
        other.close();
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <T extends Throwable> T undeclared(Throwable e) throws T {
        throw (T) e;
    }

    /** What a memory holds that could not be had is nothing. */
    @Test
    void aRemovalByPrefixIsDoneThoughThereIsNoMemoryToDoItIn() {
        await("one is in stock", () -> memories.get() >= 2);
        noMemory = () -> new OutOfMemoryError("Java heap space");
        lose();
        recover();
        seam.fail("get", () -> new CacheTimeoutException("slow", null, false));
        assertNull(store.get("c:k"), "leads to memory, which there is none of");
        seam.heal("get");

        assertEquals(0, store.removeByPrefix("c:"));
    }

    /** What never fits into one call has to end all the same, or its tier stays out. */
    @Test
    void aRemovalByPrefixThatFailedIsGoneOnWith() {
        AtomicInteger resumed = new AtomicInteger();
        seam.onCall("resumeRemovalByPrefix", resumed::incrementAndGet);
        store.put("c:k", bytes("v"), TTL);
        lose();
        store.removeByPrefix("c:");
        seam.fail("removeByPrefix", () -> new CacheTimeoutException("not all of it", null, true));
        server.heal();
        await("it is tried, and gone on with", () -> resumed.get() > 0);
        seam.heal("removeByPrefix");

        recover();
        assertNull(server.get("c:k"));
    }

    @Test
    void aMemoryThatCantBeClosedKeepsNoServerOpen() {
        AtomicInteger closed = new AtomicInteger();
        Seam upper = new Seam(new FlakyStore(MemoryStore.create(1 << 20), Duration.ofSeconds(3)));
        upper.onCall("close", closed::incrementAndGet);
        Seam memory = new Seam(MemoryStore.create(1 << 20));
        memory.fail("close", () -> new AssertionError("of somebody's memory"));
        FailoverStore other = FailoverStore.builder()
                .tier("first", upper.store)
                .memoryTier("memory", () -> memory.store)
                .build();

        assertThrows(AssertionError.class, other::close);
        other.close();

        assertEquals(1, closed.get());
    }

    @Test
    void aRefusalIsAnAnswerToItsCallerAndCountsAgainstNobody() {
        seam.fail("put", () -> new CacheRejectedException("WRONGTYPE", null));
        for (int i = 0; i < 30; i++) {
            assertThrows(CacheRejectedException.class, () -> store.put("c:k", bytes("v"), TTL));
        }

        assertTrue(first().serving());
        assertNull(first().lastFailure());
    }

    @Test
    void anArgumentThatIsWrongIsItsCallersAndNoFailureOfATier() {
        assertThrows(NullPointerException.class, () -> store.get(null));
        assertThrows(NullPointerException.class, () -> store.put("c:k", null, TTL));
        assertThrows(NullPointerException.class, () -> store.replace("c:k", null, bytes("v"), TTL));
        assertThrows(IllegalArgumentException.class, () -> store.put("c:k", bytes("v"), Duration.ZERO));
        assertThrows(IllegalArgumentException.class, () -> store.get("\ud800"));
        assertThrows(IllegalArgumentException.class, () -> store.removeByPrefix(""));

        assertTrue(first().serving());
        assertNull(first().lastFailure());
    }

    @Test
    void whereNoThreadCanBeHadTheCallerIsAnsweredAndTheWorkIsDoneLater() {
        AtomicInteger refused = new AtomicInteger();
        AtomicInteger ran = new AtomicInteger();
        Workers workers = new Workers(task -> {
            if (refused.incrementAndGet() <= 3) {
                throw new OutOfMemoryError("unable to create native thread");
            }
            return new Thread(task);
        });
        for (int i = 0; i < 3; i++) {
            workers.submit(ran::incrementAndGet);
        }
        assertEquals(3, workers.postponed());
        workers.retry();
        await("all were done", () -> ran.get() == 3);
        assertEquals(0, workers.postponed());
        workers.stop();
        workers.submit(ran::incrementAndGet);
        assertEquals(0, workers.postponed(), "the end is the end");
    }

    @Test
    void whatATierSaysOfItselfIsShownClean() {
        seam.fail("get", () -> new IllegalStateException("x\nWARN forged " + "y".repeat(10_000)));
        store.get("c:k");

        String shown = String.valueOf(first().lastFailure());
        assertTrue(shown.length() < 400 && !shown.contains("\n"), shown);
    }
}
