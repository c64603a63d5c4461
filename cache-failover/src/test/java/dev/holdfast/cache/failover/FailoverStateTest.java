package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.PartialOutage;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What is decided when, by a clock that the test turns. */
class FailoverStateTest {
    private static final FailoverConfig SMALL = FailoverConfig.DEFAULT.withMaxDirtyKeys(3);

    private final FakeWatch watch = new FakeWatch(FailoverConfig.DEFAULT);

    @Test
    void aCallIsSlowThatTakesLongerThanTheThreshold() {
        Ticks ticks = new Ticks(() -> watch.now);
        Tier tier = new Tier(watch.first(), MemoryStore.create(1 << 20), ticks, FailoverConfig.DEFAULT);
        long threshold = FailoverConfig.DEFAULT.slowCallThreshold().toNanos() / Ticks.PERIOD;
        for (int call = 0; call < 20; call++) {
            int tick = tier.begin();
            for (long i = 0; i <= threshold; i++) {
                ticks.advance();
            }
            tier.answered(tick);
        }

        assertEquals(20, tier.observe(ticks.advance()).slow());
    }

    @Test
    void theGracePeriodDoublesWithEachFlapUpToTheHealthCheckInterval() {
        for (int seconds : new int[] {5, 10, 20, 30, 30}) {
            watch.lose();
            assertNear(seconds, watch.awaitFirst());
        }

        watch.pass(Duration.ofMinutes(2));
        watch.lose();
        assertNear(5, watch.awaitFirst());
    }

    /** The first probe that counts follows a second after the fence, the last within a second of the end of the grace period. */
    private static void assertNear(int graceSeconds, Duration outage) {
        Duration most = Duration.ofSeconds(graceSeconds).plusMillis(2_100);
        assertTrue(
                outage.compareTo(Duration.ofSeconds(graceSeconds)) >= 0 && outage.compareTo(most) <= 0,
                () -> outage + " with a grace period of " + graceSeconds + " s");
    }

    @Test
    void aTierThatIsOnlyPingedSaysSoInItsNotesUntilItIsWrittenAgainAndLeavesTheLogToItsStore() {
        watch.answer = new ProbeResult(false, false);
        watch.lose();
        watch.awaitFirst();

        assertEquals(0, watch.count("remark"));
        assertTrue(
                String.valueOf(watch.first().note()).contains("only pinged"),
                watch.first().note());

        watch.answer = ProbeResult.OK;
        watch.pass(Duration.ofMinutes(2));
        assertNull(watch.first().note());
    }

    @Test
    void aTierThatWasTakenOutIsNotProbedUntilItIsLetBack() {
        watch.state.tiers.get(0).circuit.forceFailover(watch.now);
        watch.pass(Duration.ofMinutes(5));

        assertEquals(0, watch.count("probe 0"));
        assertEquals("opened 0 FORCED", watch.done.get(0));
        assertEquals(1, watch.state.tiers.serving());
    }

    @Test
    void aForcedFailbackSkipsTheGracePeriodAndNotTheReconciliation() {
        watch.state.tiers.get(0).circuit.forceFailover(watch.now);
        watch.work();
        watch.change("c:k");

        watch.state.forceFailback(watch.now);
        Duration outage = watch.awaitFirst();

        assertTrue(outage.compareTo(Duration.ofSeconds(2)) < 0, () -> "took " + outage);
        assertTrue(watch.done.indexOf("remove c:k") > 0, watch.done.toString());
        assertTrue(watch.done.indexOf("remove c:k") < watch.done.indexOf("closed 0"), watch.done.toString());
    }

    /** The store does not end it, or no thread and no memory could be had to begin it. */
    @Test
    void aFenceOfWhichNothingIsHeardIsGivenUpAndItsLateEndIsOfAnother() {
        watch.disconnectsEnd = false;
        watch.lose();
        assertTrue(watch.first().circuit.isFencing());
        watch.pass(Duration.ofSeconds(11));
        assertFalse(watch.first().circuit.isFencing());

        watch.disconnectsEnd = true;
        watch.awaitFirst();
        watch.disconnectsEnd = false;
        watch.lose();
        watch.state.fenced(new Effect.Disconnect(0, new IllegalStateException(), 1), true, watch.now);
        assertTrue(watch.first().circuit.isFencing(), "the second is still under way");
    }

    @Test
    void aPieceOfWhatWasMissedIsBegunAgainIfNothingIsHeardOfIt() {
        watch.lose();
        watch.change("c:k");
        watch.drainsEnd = false;
        watch.pass(Duration.ofMinutes(1));
        assertEquals(1, watch.count("drain"));

        watch.pass(Duration.ofMinutes(10));
        assertTrue(watch.count("drain") > 1, watch.done.toString());
        watch.drainsEnd = true;
        watch.pass(Duration.ofMinutes(6));
        assertTrue(watch.first().closed());
        assertTrue(watch.first().dirty.isEmpty());
    }

    /** On a loaded machine this process stands still again and again. */
    @Test
    void aFenceIsGivenUpThoughThisProcessStandsStillNowAndThen() {
        watch.disconnectsEnd = false;
        watch.lose();
        for (int i = 0; i < 10; i++) {
            watch.pass(Duration.ofSeconds(5));
            watch.state.stalled(watch.now);
        }

        assertFalse(watch.first().circuit.isFencing());
    }

    @Test
    void aTierBelowBeginsAPeriodWithEachOutageOfThoseAboveWhoeverServedMeanwhile() {
        TierState second = watch.tiers.get(1);
        watch.state.tiers.get(0).circuit.forceFailover(watch.now);
        int first = second.occupancy.periods();
        watch.state.tiers.get(1).circuit.forceFailover(watch.now);
        assertEquals(2, watch.state.tiers.serving());
        watch.work();
        watch.state.forceFailback(watch.now);
        watch.pass(Duration.ofSeconds(5));
        assertEquals(0, watch.state.tiers.serving());

        watch.state.tiers.get(1).circuit.forceFailover(watch.now);
        watch.state.tiers.get(0).circuit.forceFailover(watch.now);
        watch.work();
        watch.tiers.get(1).circuit.release();
        watch.tiers.get(1).circuit.skipGrace();
        watch.pass(Duration.ofSeconds(5));

        assertEquals(1, watch.state.tiers.serving());
        assertEquals(first + 1, second.occupancy.periods());
    }

    @Test
    void moreChangesThanAreKnownMayAllBeForgottenByAPart() {
        for (int i = 0; i < 10_000; i++) {
            watch.first().recent.add("c:" + i);
        }
        watch.state.partlyOut(0, new PartialOutage("c:9999"::equals, false, () -> {}), watch.now);
        assertTrue(watch.first().dirty.contains("c:9999"));
        assertFalse(watch.first().dirty.contains("c:9998"), "of a part only what is there");

        watch.state.partlyOut(0, new PartialOutage(PartialOutage.EVERY_KEY, false, () -> {}), watch.now);
        assertTrue(watch.first().dirty.contains("c:0"));
    }

    @Test
    void removingEverythingIsNotGivenUpWhileItGetsOn() {
        watch.lose();
        watch.change("c:k");
        watch.drainsEnd = false;
        watch.pass(Duration.ofMinutes(1));
        for (int i = 0; i < 5; i++) {
            watch.pass(Duration.ofMinutes(4));
            watch.state.tiers.get(0).reconciliation.getsOn(watch.now);
        }

        assertEquals(1, watch.count("drain"));
    }

    @Test
    void anOutageOfAPartIsEnteredOnceHoweverManyAreToldOfIt() {
        PartialOutage outage = new PartialOutage("c:k"::equals, false, () -> {});
        watch.first().recent.add("c:k");
        watch.first().recent.add("c:elsewhere");
        watch.state.partlyOut(0, outage, watch.now);
        assertTrue(watch.first().dirty.contains("c:k"));
        assertFalse(watch.first().dirty.contains("c:elsewhere"));
        watch.pass(Duration.ofSeconds(2));
        assertTrue(watch.first().dirty.isEmpty(), "removed once more, and done");

        watch.state.partlyOut(0, outage, watch.now);

        assertTrue(watch.first().dirty.isEmpty());
        watch.state.partlyOut(0, new PartialOutage("c:k"::equals, false, () -> {}), watch.now);
        assertTrue(watch.first().dirty.contains("c:k"));
    }

    @Test
    void whatAPartThatIsOutHasMissedCostsTheOthersNoProbes() {
        watch.pass(Duration.ofMinutes(1));
        long before = watch.count("probe 0");
        CacheUnavailableException partly = new CacheUnavailableException("a shard is out", null, Reason.PARTIAL, false);

        watch.state.tiers.get(0).reconciliation.drainFailed(partly, List.of(), watch.now);
        watch.work();
        assertEquals(before, watch.count("probe 0"));

        CacheUnavailableException wholly = new CacheUnavailableException("gone", null, Reason.CONNECTION, false);
        watch.state.tiers.get(0).reconciliation.drainFailed(wholly, List.of(), watch.now);
        watch.work();
        assertEquals(before + 1, watch.count("probe 0"));
    }

    @Test
    void aTierComesBackThoughAPartOfItIsOutForWhichSomethingIsToBeDone() {
        watch.lose();
        watch.change("c:k");
        watch.part = Set.of("c:k");

        watch.awaitFirst();

        assertTrue(watch.first().closed());
        assertTrue(watch.first().dirty.contains("c:k"));
        watch.part = Set.of();
        watch.pass(Duration.ofSeconds(5));
        assertTrue(watch.first().dirty.isEmpty());
    }

    @Test
    void beyondItsBoundTheRecordHoldsTheCachesPrefixWhichIsRemoved() {
        FakeWatch small = new FakeWatch(SMALL);
        small.state.known(Set.of("c:"));
        small.lose();
        for (int i = 0; i < 4; i++) {
            small.change("c:" + i);
        }
        assertTrue(small.first().dirty.overflowed());
        assertEquals(1, small.first().dirty.prefixes.size());
        assertTrue(small.first().dirty.contains("c:never-changed"));

        small.awaitFirst();

        assertEquals(1, small.count("remove under c:"));
        assertFalse(small.first().dirty.overflowed());
        assertTrue(small.first().dirty.isEmpty());
        assertNull(small.first().note());
    }

    @Test
    void beyondItsBoundARecordStandsForNoKeysThatNoCacheSaidAreIts() {
        FakeWatch small = new FakeWatch(SMALL);
        small.state.known(Set.of("c:"));
        small.extent = Reconciliation.Extent.KNOWN;
        small.lose();
        for (int i = 0; i < 4; i++) {
            small.change("user:" + i); // raw keys: others may have some under "user:" too
        }
        small.pass(Duration.ofMinutes(10));

        assertEquals(0, small.count("remove under"), small.done.toString());
        assertEquals(1, small.count("remove everything"));
        assertEquals(1, small.state.tiers.serving());
    }

    @Test
    void prefixesAreBoundedLikeKeysAndNoneStandsUnderAnother() {
        FakeWatch small = new FakeWatch(FailoverConfig.DEFAULT.withMaxDirtyKeys(100));
        DirtyRecord record = small.first().dirty;
        for (int i = 0; i < 50; i++) {
            assertTrue(record.removePrefix("c:" + (i + 100)));
        }
        assertFalse(record.removePrefix("c:1"), "what was under it can't be had back");
        assertEquals(1, record.prefixes.size());
        assertFalse(record.removePrefix("c:123:x"), "covered already");
        assertEquals(1, record.prefixes.size());
        assertTrue(record.contains("c:1") && record.contains("c:19") && !record.contains("c:2"));

        for (int i = 0; i < 200_000; i++) {
            record.removePrefix("d" + i + ':');
        }
        assertTrue(record.prefixes.all());
        assertTrue(record.size() <= 100, record.size() + " recorded");
    }

    @Test
    void aRefusedPrefixRemovalTakesNothingBackThatWasDirtyBeforeIt() {
        watch.lose();
        watch.change("c:k");
        Attempt attempt = watch.state.routing.admit(Kind.PREFIX, List.of("c:"), 0, 0, 0, Long.MAX_VALUE, watch.now);
        assertNotNull(attempt);

        watch.state.keys.retractPrefix(attempt);

        assertTrue(watch.first().dirty.contains("c:k"));
    }

    @Test
    void keysWithoutAPrefixBeyondTheBoundKeepATierOutUntilFailbackIsForced() {
        FakeWatch small = new FakeWatch(SMALL);
        // Caches are known by their prefixes, and these keys are not among theirs.
        small.extent = Reconciliation.Extent.KNOWN;
        small.lose();
        for (int i = 0; i < 4; i++) {
            small.change("raw" + i);
        }
        small.pass(Duration.ofMinutes(10));

        assertEquals(1, small.state.tiers.serving());
        assertTrue(small.first().dirty.overflowed());
        assertTrue(
                String.valueOf(small.first().note()).contains("overflow"),
                small.first().note());
        assertEquals(1, small.count("remove everything"));

        small.state.forceFailback(small.now);
        small.awaitFirst();
        assertNull(small.first().note());
    }

    @Test
    void aTierThatCantRemoveEverythingIsNotTakenForOneThatDid() {
        watch.extent = Reconciliation.Extent.NOTHING;
        watch.lose();
        Attempt attempt = watch.state.routing.admit(Kind.PREFIX, List.of(""), 0, 0, 0, Long.MAX_VALUE, watch.now);
        assertNotNull(attempt);
        assertEquals(1, attempt.tier());
        watch.pass(Duration.ofMinutes(10));

        assertEquals(1, watch.state.tiers.serving());
        assertTrue(watch.first().dirty.contains("c:any"));
        assertEquals(1, watch.count("remove under "));
        assertTrue(
                String.valueOf(watch.first().note()).contains("until failback is forced"),
                watch.first().note());

        watch.state.forceFailback(watch.now);
        watch.awaitFirst();
        assertTrue(watch.first().dirty.isEmpty());
    }

    @Test
    void aTierInUseThatCantRemoveEverythingIsPassedOverAndNotAskedAgainAndAgain() {
        watch.extent = Reconciliation.Extent.NOTHING;
        watch.state.keys.markPrefix(watch.first(), "");
        watch.pass(Duration.ofMinutes(10));

        assertEquals(1, watch.count("remove under "));
        Attempt attempt = watch.state.routing.admit(Kind.READ, List.of("c:k"), 0, 0, 0, Long.MAX_VALUE, watch.now);
        assertNotNull(attempt);
        assertEquals(1, attempt.tier());

        watch.state.forceFailback(watch.now);
        assertTrue(watch.state.readsAreClean());
    }

    @Test
    void aTierThatWasOpenedIsClearedOfWhatWasChangedSinceItsLastCanary() {
        watch.first().changed(Kind.WRITE, List.of("c:old"));
        watch.pass(Duration.ofMinutes(2));
        watch.first().changed(Kind.WRITE, List.of("c:new"));
        watch.first().changed(Kind.READ, List.of("c:read"));
        watch.lose();

        assertTrue(watch.first().dirty.contains("c:new"));
        assertEquals(1, watch.first().dirty.size());
        watch.awaitFirst();
        assertEquals(1, watch.count("remove c:new"));
    }

    @Test
    void moreRecentChangesThanAreKeptClearATierThatWasOpened() {
        for (int i = 0; i <= RecentChanges.KEPT; i++) {
            watch.first().changed(Kind.WRITE, List.of("c:" + i));
        }
        watch.lose();
        watch.awaitFirst();

        assertEquals(1, watch.count("remove everything"));
    }
}
