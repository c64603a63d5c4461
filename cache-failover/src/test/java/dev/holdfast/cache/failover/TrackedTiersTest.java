package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import dev.holdfast.cache.testkit.FlakyStore;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A copy may be kept of what the serving tier holds, and of nothing else; when calls go another way, all copies are outdated. */
class TrackedTiersTest {
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final int STRIPE = Stamps.stripe("c:k");
    private static final FailoverConfig QUICK =
            FailoverConfig.DEFAULT.withGracePeriod(Duration.ofMillis(150)).withProbes(2);

    private final MemoryStore firstServer = MemoryStore.create(1 << 20);
    private final MemoryStore secondServer = MemoryStore.create(1 << 20);
    private final FlakyStore first = new FlakyStore(firstServer, Duration.ofSeconds(3));
    private final FlakyStore second = new FlakyStore(secondServer, Duration.ofSeconds(3));
    private final FailoverStore store = FailoverStore.builder()
            .tier("first", first)
            .tier("second", second)
            .memoryTier("memory", () -> MemoryStore.create(1 << 20))
            .config(QUICK)
            .build();
    private final Stamps stamps = new Stamps();
    private final Tracking tracking = store.track("c:", stamps);

    @AfterEach
    void close() {
        tracking.close();
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
            LockSupport.parkNanos(1_000_000);
        }
    }

    private boolean serves(int tier) {
        return store.health().tiers().get(tier).serving();
    }

    private boolean isWell(int tier) {
        return store.health().tiers().get(tier).state() == TierHealth.State.CLOSED;
    }

    private static boolean isCovered(Covered found) {
        Guard guard = found.guard();
        return guard != null && guard.isTracked() && guard.isAlive();
    }

    @Test
    void whatTheServingTierTellsOfIsToldOf() {
        store.put("c:k", bytes("old"), TTL);
        Covered found = tracking.get("c:k");
        assertArrayEquals(bytes("old"), found.value());
        assertTrue(isCovered(found));
        int stamp = stamps.at(STRIPE);
        firstServer.put("c:k", bytes("by another"), TTL);
        assertNotEquals(stamp, stamps.at(STRIPE));
        assertTrue(isCovered(tracking.getAll(List.of("c:k")).get("c:k")));
        assertEquals(Tracking.Kind.TRACKED, tracking.state().kind());
        assertTrue(tracking.isPossible());
    }

    @Test
    void aSwitchOutdatesAllAndWhatServesThenTellsOfItsOwn() {
        store.put("c:k", bytes("v"), TTL);
        assertTrue(isCovered(tracking.get("c:k")));
        int before = stamps.at(STRIPE);
        first.kill();
        store.put("c:k", bytes("below"), TTL);
        await("the second serves", () -> serves(1));
        assertNotEquals(before, stamps.at(STRIPE));
        assertTrue(stamps.flushes().get(FlushReason.TIER) > 0);
        await("the second is covered", () -> isCovered(tracking.get("c:k")));
        int stamp = stamps.at(STRIPE);
        secondServer.put("c:k", bytes("by another"), TTL);
        assertNotEquals(stamp, stamps.at(STRIPE));
        int atSecond = stamps.at(STRIPE);
        first.heal();
        await("the first serves again", () -> serves(0));
        assertNotEquals(atSecond, stamps.at(STRIPE));
        assertNull(tracking.get("c:k").value(), "it was removed there before");
        await("the first is covered", () -> isCovered(tracking.get("c:k")));
    }

    @Test
    void memoryThatServesTellsOfItsOwnAndEachPeriodsMemoryAnew() {
        for (int period = 0; period < 2; period++) {
            first.kill();
            second.kill();
            // A memory is made beside the callers: until it is there what they put is not kept.
            await("memory keeps what is put", () -> {
                store.put("c:other", bytes("v"), TTL);
                return serves(2) && store.contains("c:other");
            });
            store.put("c:k", bytes("here"), TTL);
            await("memory is covered", () -> isCovered(tracking.get("c:k")));
            Covered found = tracking.get("c:k");
            assertArrayEquals(bytes("here"), found.value());
            int stamp = stamps.at(STRIPE);
            store.put("c:k", bytes("there"), TTL);
            assertNotEquals(stamp, stamps.at(STRIPE));
            first.heal();
            second.heal();
            await("the first serves again", () -> serves(0));
            assertNotEquals(stamp, stamps.at(STRIPE));
            // One that is killed while it is on its way back serves for one more call, which ends the memory's period.
            await("the second is well", () -> isWell(1));
        }
    }

    @Test
    void whatAnotherTierAnswersIsNotKept() {
        store.put("c:k", bytes("v"), TTL);
        assertTrue(isCovered(tracking.get("c:k")));
        first.fail(1, Reason.SATURATED, FlakyStore.Effect.NOT_SENT);
        first.fail(1, Reason.SATURATED, FlakyStore.Effect.NOT_SENT);
        Covered found = tracking.get("c:k");
        assertNull(found.value(), "the second has none");
        assertNull(found.guard());
        assertTrue(serves(0));
    }

    @Test
    void whileSomethingIsToBeRemovedNothingIsKept() {
        store.put("c:k", bytes("v"), TTL);
        assertTrue(isCovered(tracking.get("c:k")));
        int stamp = stamps.at(STRIPE);
        first.fail(1, Reason.TIMEOUT, FlakyStore.Effect.PENDING);
        store.put("c:other", bytes("unknown"), TTL);
        assertNotEquals(stamp, stamps.at(STRIPE), "the key is dirty at the first");
        Covered found = tracking.get("c:k");
        assertNull(found.guard());
        assertEquals(Tracking.Kind.INTERRUPTED, tracking.state().kind());
    }

    @Test
    void aViewOfTheServersIsCoveredByThem() {
        CacheStore servers = store.serversOnly();
        Stamps others = new Stamps();
        try (Tracking view = servers.track("d:", others)) {
            servers.put("d:k", bytes("v"), TTL);
            Map<String, Covered> found = view.getAll(List.of("d:k"));
            assertTrue(isCovered(found.get("d:k")));
            assertTrue(isCovered(view.get("d:k")));
            long before = others.changes();
            firstServer.remove("d:k");
            assertEquals(before + 1, others.changes());
        }
    }

    @Test
    void nothingIsToldOfOnceItIsClosed() {
        store.put("c:k", bytes("v"), TTL);
        Covered found = tracking.get("c:k");
        tracking.close();
        assertFalse(isCovered(found));
        assertNull(tracking.get("c:k").guard());
        int stamp = stamps.at(STRIPE);
        firstServer.put("c:k", bytes("x"), TTL);
        assertEquals(stamp, stamps.at(STRIPE));
    }

    @Test
    void serversThatCanNotTellMakeItImpossibleWhateverMemoryCan() {
        Seam server = new Seam(second);
        server.answer("track", () -> Tracking.none(second, "it has no means"));
        try (FailoverStore silent = FailoverStore.builder()
                .tier("silent", server.store)
                .memoryTier("memory", () -> MemoryStore.create(1 << 20))
                .build()) {
            try (Tracking none = silent.track("c:", new Stamps())) {
                assertFalse(none.isPossible());
                Guard guard = none.get("c:k").guard();
                assertTrue(guard != null && !guard.isTracked());
                assertEquals(Tracking.Kind.UNTRACKED, none.state().kind());
            }
        }
    }
}
