package dev.holdfast.cache.failover;

import static dev.holdfast.cache.failover.Decisions.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.spi.PartialOutage;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What is true of a composite as a whole, and what becomes of what could not be done. */
class FailoverDecisionsTest {
    private final Decisions decisions = Decisions.usual();
    private final FailoverState state = decisions.state;
    private final TierState first = decisions.first();
    private final TierState second = decisions.second();

    @Test
    void readsAreCleanWhereTheServingTierIs() {
        assertTrue(state.readsAreClean());
        second.dirty.remove("k", 0);
        assertTrue(state.readsAreClean());
        decisions.open(first);
        assertFalse(state.readsAreClean());
        decisions.open(second);
        assertTrue(state.readsAreClean(), "memory serves");
        Decisions alone = new Decisions(FailoverConfig.DEFAULT, Decisions.Chance.LEAST, Decisions.server("alone"));
        alone.open(alone.first());
        assertFalse(alone.state.readsAreClean(), "nothing serves");
    }

    @Test
    void writesAreCleanWhereNothingHasToBeRememberedOfThem() {
        assertTrue(state.writesAreClean(decisions.now));
        first.dirty.remove("k", 0);
        assertFalse(state.writesAreClean(decisions.now));
        first.dirty.removals(1, 0).forEach(removal -> first.dirty.removed(removal, 0));
        assertTrue(state.writesAreClean(decisions.now));
        second.occupancy.store(decisions.now + 1, decisions.now);
        assertFalse(state.writesAreClean(decisions.now));
        assertTrue(state.writesAreClean(decisions.now + 1));
        decisions.now++;
        decisions.last().occupancy.store(decisions.now + 1, decisions.now);
        assertTrue(state.writesAreClean(decisions.now), "what memory holds is no server's");
        state.memory.use(decisions.now);
        assertFalse(state.writesAreClean(decisions.now));
        state.memory.tick(decisions.now + 5 * SECOND);
        assertTrue(state.writesAreClean(decisions.now));
        decisions.open(first);
        assertFalse(state.writesAreClean(decisions.now), "another serves");
    }

    @Test
    void allIsQuietWhereEveryTierIsClosedCleanAndSettled() {
        assertTrue(state.quiet());
        second.probes.send(decisions.now);
        assertFalse(state.quiet());
        second.probes.ended(decisions.now);
        second.detector.observed(20, 20, false, decisions.now);
        assertEquals(TierHealth.Reason.SLOW, second.detector.suspicion());
        assertFalse(state.quiet());
        second.detector.probed(decisions.now, ProbeResult.OK, decisions.now);
        second.dirty.prefixes.everything();
        assertFalse(state.quiet());
        second.dirty.prefixes.acceptLoss();
        assertTrue(state.quiet());
        state.memory.use(decisions.now);
        assertFalse(state.quiet());
        state.memory.tick(decisions.now + 5 * SECOND);
        decisions.open(second);
        assertFalse(state.quiet());
    }

    @Test
    void anOutageOfAPartThatWentBackCleansEverythingOnce() {
        PartialOutage outage = new PartialOutage("k"::equals, true, () -> {});
        state.partlyOut(0, outage, decisions.now);
        assertTrue(first.dirty.prefixes.all());
        List<Effect> effects = state.takeEffects();
        assertTrue(effects.contains(new Effect.Settled(outage)));
        first.dirty.prefixes.acceptLoss();
        state.partlyOut(0, outage, decisions.now);
        assertFalse(first.dirty.prefixes.all());
        assertEquals(List.of(new Effect.Settled(outage)), state.takeEffects(), "each time");
    }

    @Test
    void anOutageOfAPartDirtiesWhatWasChangedThereAndEveryPrefix() {
        first.recent.add("k");
        first.recent.add("elsewhere");
        first.recent.addPrefix("c:");
        state.partlyOut(0, new PartialOutage("k"::equals, false, () -> {}), decisions.now);
        assertTrue(first.dirty.contains("k"));
        assertTrue(first.dirty.contains("c:x"));
        assertFalse(first.dirty.contains("elsewhere"));
        assertTrue(first.recent.any(), "the other parts' changes are still recent");
        assertNull(first.note());
    }

    @Test
    void aProbeThatEndedInAWayThatNobodyExpectedIsAFailedOne() {
        first.probes.send(decisions.now);
        Throwable error = new OutOfMemoryError("made by a test");
        state.failed(new Effect.Probe(0, decisions.now, Duration.ofSeconds(1)), error, decisions.now);
        assertFalse(first.probes.isUnderWay());
        assertFalse(first.closed());
        assertSame(error, first.circuit.openedBy().getCause());
        assertEquals(Reason.UNEXPECTED, first.detector.lastFailure().reason());
    }

    @Test
    void aPieceOfWorkThatEndedSoIsKept() {
        first.dirty.remove("k", 0);
        first.reconciliation.advance(decisions.now);
        assertTrue(first.reconciliation.isDraining());
        state.failed(new Effect.RemoveKeys(0, List.of()), new OutOfMemoryError("made by a test"), decisions.now);
        assertFalse(first.reconciliation.isDraining());
        assertTrue(first.dirty.contains("k"));
    }

    @Test
    void aFenceThatEndedSoIsOneThatResetNothing() {
        first.circuit.open(TierHealth.Reason.PROBE, Decisions.down(), decisions.now);
        first.dirty.remove("k", decisions.now + SECOND);
        state.failed(
                new Effect.Disconnect(0, Decisions.down(), 0), new OutOfMemoryError("made by a test"), decisions.now);
        assertTrue(first.circuit.isFencing(), "that was none");
        state.failed(
                new Effect.Disconnect(0, Decisions.down(), 1), new OutOfMemoryError("made by a test"), decisions.now);
        assertFalse(first.circuit.isFencing());
        first.dirty.removals(1, decisions.now).forEach(removal -> first.dirty.removed(removal, decisions.now));
        assertTrue(first.dirty.contains("k"), "what was sent may still arrive");
    }

    @Test
    void aProbeUnderWayInAStallHasItsTimeOnceMore() {
        state.tiers.get(0).detector.refuses(decisions.now);
        decisions.now += 20 * SECOND;
        state.stalled(decisions.now);
        state.tick(decisions.now);
        assertEquals(0, first.probes.givenUp());
        decisions.now += 11 * SECOND;
        state.tick(decisions.now);
        assertEquals(1, first.probes.givenUp());
    }

    @Test
    void aTickDoesWhatIsDueOnServersAndForTheMemory() {
        second.dirty.remove("k", 0);
        state.memory.use(decisions.now);
        decisions.now += 6 * SECOND;
        state.tick(decisions.now);
        List<Effect> effects = state.takeEffects();
        assertInstanceOf(Effect.Probe.class, effects.get(0));
        assertTrue(effects.stream().anyMatch(Effect.RemoveKeys.class::isInstance));
        assertTrue(effects.stream().noneMatch(effect -> effect instanceof Effect.Work work && work.tier() == 2));
        assertTrue(state.memory.used(), "a key leads there still");
        second.dirty.removals(9, decisions.now).forEach(removal -> second.dirty.removed(removal, decisions.now));
        state.tick(decisions.now);
        assertFalse(state.memory.used());
    }

    @Test
    void whatWasTakenIsNotTakenAgain() {
        state.tiers.get(0).detector.refuses(decisions.now);
        assertEquals(1, state.takeEffects().size());
        assertEquals(List.of(), state.takeEffects());
    }

    @Test
    void whatIsKnownOfPrefixesIsKnownOfEveryTier() {
        Decisions small = Decisions.usual(FailoverConfig.DEFAULT.withMaxDirtyKeys(1));
        small.state.known(Set.of("c:"));
        for (TierState tier : small.tiers) {
            tier.dirty.remove("c:1", 0);
            tier.dirty.remove("c:2", 0);
            assertEquals(1, tier.dirty.prefixes.size(), tier.name);
        }
    }

    @Test
    void aPrefixThatIsDirtyWithOthersIsConfirmedByTheStampAlone() {
        Attempt prefix = Attempt.of(0, List.of("c:"), first.stamp());
        first.dirty.removePrefix("c:");
        assertTrue(state.keys.confirmed(prefix, Kind.PREFIX));
        assertFalse(state.keys.confirmed(Attempt.of(0, List.of("c:k"), first.stamp()), Kind.WRITE));
        first.outdate();
        assertFalse(state.keys.confirmed(prefix, Kind.PREFIX));
    }

    @Test
    void whatWasPurgedIsConfirmedUnlessItWasDirtiedSince() {
        first.dirty.remove("k", decisions.now + SECOND);
        DirtyRecord.Purge purge = first.dirty.planned(List.of("k"), decisions.now);
        Attempt attempt = new Attempt(0, List.of("k"), first.stamp(), 0, 0, purge, 0);
        state.keys.purged(attempt, decisions.now);
        assertTrue(first.dirty.contains("k"), "what may arrive is waited for");
        assertTrue(state.keys.confirmed(attempt, Kind.WRITE));
        assertFalse(state.keys.confirmed(Attempt.of(0, List.of("k"), first.stamp()), Kind.WRITE));
        first.dirty.remove("k", 0);
        assertFalse(state.keys.confirmed(attempt, Kind.WRITE));
    }

    @Test
    void whatAPurgeRemovedIsClean() {
        // Nothing can arrive for it any more.
        first.dirty.remove("k", decisions.now);
        DirtyRecord.Purge purge = first.dirty.planned(List.of("k"), decisions.now);
        state.keys.purged(new Attempt(0, List.of("k"), 0, 0, 0, purge, 0), decisions.now);
        assertTrue(first.dirty.isEmpty());
    }

    @Test
    void aChangeIsDirtyBelowWhereAServerMayHoldAnOlderValue() {
        Attempt attempt = Attempt.of(0, List.of("k"), 0);
        assertFalse(state.keys.markBelow(attempt, Kind.WRITE, decisions.now));
        assertTrue(second.dirty.isEmpty(), "nothing was stored there");
        second.occupancy.store(decisions.now + 1, decisions.now);
        decisions.last().occupancy.store(decisions.now + 1, decisions.now);
        long memory = decisions.last().stamp();
        assertFalse(state.keys.markBelow(attempt, Kind.WRITE, decisions.now));
        assertTrue(second.dirty.contains("k"));
        assertTrue(decisions.last().dirty.isEmpty());
        assertEquals(memory, decisions.last().stamp());
        state.memory.use(decisions.now);
        assertTrue(state.keys.markBelow(attempt, Kind.WRITE, decisions.now));
        assertEquals(memory + 1, decisions.last().stamp());
        assertFalse(state.keys.markBelow(Attempt.of(2, List.of("k"), 0), Kind.WRITE, decisions.now), "it went there");
    }

    @Test
    void onlyWhatInvalidatesIsAmongTheRecentChanges() {
        for (Kind kind : Kind.values()) {
            Decisions own = Decisions.usual();
            own.first().changed(kind, List.of("k"));
            assertEquals(
                    kind == Kind.WRITE || kind == Kind.CONDITIONAL || kind == Kind.PREFIX,
                    own.first().recent.any(),
                    "" + kind);
            own.last().changed(kind, List.of("k"));
            own.state.fenced(Decisions.fence(own.state, 0, own.now), true, own.now);
            assertEquals(kind == Kind.PREFIX, own.first().dirty.contains("k+"), "" + kind);
        }
    }

    @Test
    void whatMayStillArriveOfAServerIsDirtyForTheQuarantineAndOfMemoryNot() {
        state.keys.unsettled(0, List.of("k"), decisions.now);
        assertTrue(first.dirty.contains("k"));
        assertEquals(decisions.now + 30 * SECOND, first.unsettledUntil(decisions.now));
        assertEquals(1, first.unsettledUntil(-30 * SECOND), "0 stands for never");
        state.keys.unsettled(2, List.of("k"), decisions.now);
        assertTrue(decisions.last().dirty.isEmpty());
    }

    @Test
    void moreChangesThanAreKnownDirtyEverything() {
        for (int i = 0; i <= RecentChanges.KEPT; i++) {
            first.recent.add("k" + i);
        }
        state.fenced(Decisions.fence(state, 0, decisions.now), true, decisions.now);
        assertTrue(first.dirty.prefixes.all());
        assertFalse(first.recent.any());
    }
}
