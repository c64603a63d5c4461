package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.memory.MemoryStore;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a tier's calls are seen to do, tick by tick. */
class TierTest {
    /** More ticks than the slow call threshold, a second, has. */
    private static final int SLOW = 21;

    private final Seam seam = new Seam(MemoryStore.create(1 << 16));
    private final Ticks ticks = new Ticks(() -> 0);
    private PoolHealth pool = PoolHealth.NONE;
    private final Tier tier = tier();

    private Tier tier() {
        seam.answer("health", () -> StoreHealth.of("redis", true, Instant.EPOCH).withPool(pool));
        return new Tier(Decisions.alone().tiers.get(0), seam.store, ticks, FailoverConfig.DEFAULT);
    }

    private void pass(int count) {
        for (int i = 0; i < count; i++) {
            ticks.advance();
        }
    }

    private Tier.Observation observe() {
        return tier.observe(ticks.current());
    }

    private void call(int duration) {
        int tick = tier.begin();
        pass(duration);
        tier.answered(tick);
    }

    private void refuse(int calls) {
        for (int i = 0; i < calls; i++) {
            tier.ended(tier.begin(), new CacheRejectedException("WRONGTYPE", null));
        }
    }

    @Test
    void callsAreCountedOnceAndAsSlowFromTheThresholdOn() {
        call(SLOW);
        call(SLOW - 1);
        call(0);
        Tier.Observation seen = observe();
        assertEquals(3, seen.answers());
        assertEquals(1, seen.slow());
        assertTrue(seen.busy());
        assertEquals(new Tier.Observation(0, 0, false, false, false, false), observe());
    }

    @Test
    void slowCallsBesideAPoolThatIsFullSayNothingOfTheServer() {
        for (PoolHealth full : List.of(
                new PoolHealth(2, 2, 2, 0, 0, 0), new PoolHealth(2, 2, 3, 0, 0, 0), new PoolHealth(2, 2, 1, 1, 0, 0))) {
            pool = full;
            call(SLOW);
            assertEquals(0, observe().slow(), "" + full);
        }
        pool = new PoolHealth(2, 2, 1, 0, 0, 0);
        call(SLOW);
        assertEquals(1, observe().slow());
        pool = new PoolHealth(0, 0, 0, 0, 0, 0);
        call(SLOW);
        assertEquals(1, observe().slow(), "without a pool none is full");
    }

    @Test
    void whetherCallersWereRefusedAConnectionIsSeenOnce() {
        pool = new PoolHealth(2, 2, 1, 0, 3, 0);
        call(SLOW);
        assertEquals(0, observe().slow());
        call(SLOW);
        assertEquals(1, observe().slow(), "no more than before");
    }

    @Test
    void aCallThatHasNotEndedAfterSuspectAfterIsSuspect() {
        int tick = tier.begin();
        pass(3);
        Tier.Observation early = observe();
        assertFalse(early.suspect());
        assertTrue(early.busy());
        pass(1);
        assertTrue(observe().suspect(), "200 ms");
        tier.answered(tick);
        assertFalse(observe().suspect());
    }

    @Test
    void aFailedCallIsNoAnswer() {
        tier.ended(tier.begin(), Decisions.down());
        assertEquals(0, tier.answers());
        assertEquals(0, observe().answers());
        call(0);
        assertEquals(1, tier.answers());
        assertEquals(1, observe().answers());
    }

    @Test
    void tenRefusalsAndNothingElseAreWorthAQuestionOnceASecond() {
        refuse(9);
        assertFalse(observe().refusing());
        refuse(1);
        assertTrue(observe().refusing());
        refuse(30);
        pass(19);
        assertFalse(observe().refusing());
        pass(1);
        assertTrue(observe().refusing());
        pass(20);
        assertFalse(observe().refusing(), "there were none since");
        refuse(9);
        call(0);
        assertFalse(observe().refusing());
        refuse(9);
        assertFalse(observe().refusing(), "an answer begins the count anew");
        refuse(1);
        assertTrue(observe().refusing());
    }

    @Test
    void aRefusalIsAnAnswer() {
        refuse(1);
        assertEquals(1, tier.answers());
    }

    @Test
    void whatAStoreDoesNotDescribeIsUnexpectedAndNobodyKnowsWhatCameOfIt() {
        CacheUnavailableException known = Decisions.down();
        assertSame(known, tier.unavailable(known));
        Throwable error = new NoClassDefFoundError("gone");
        CacheUnavailableException unavailable = tier.unavailable(error);
        assertEquals(Reason.UNEXPECTED, unavailable.reason());
        assertTrue(unavailable.outcomeUnknown());
        assertSame(error, unavailable.getCause());
        assertEquals("tier first failed unexpectedly: java.lang.NoClassDefFoundError: gone", unavailable.getMessage());
    }

    @Test
    void aStoreThatDoesNotSayHowItIsIsUnknownAndNothingWasOut() {
        seam.fail("health", () -> new NoClassDefFoundError("gone"));
        seam.fail("outage", () -> new NoClassDefFoundError("gone"));
        assertEquals("unknown", tier.health().type());
        assertTrue(tier.health().distributed());
        assertNull(tier.outage());
    }
}
