package dev.holdfast.cache.failover;

import static dev.holdfast.cache.failover.Decisions.MINUTE;
import static dev.holdfast.cache.failover.Decisions.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.failover.Decisions.Chance;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** When a tier comes back, and what it has missed is done. */
class ReconciliationTest {
    private final Decisions decisions = Decisions.usual();
    private final TierState first = decisions.first();
    private final Reconciliation reconciliation = first.reconciliation;

    /** Lets the first tier be on its way back, as far as probes and time go. */
    private void recovered() {
        decisions.open(first);
        answers();
        decisions.forget();
    }

    private void answers() {
        for (int i = 0; i < 3; i++) {
            decisions.answer(first);
        }
        decisions.now += 5 * SECOND;
    }

    private void advance() {
        reconciliation.advance(decisions.now);
    }

    private <E extends Effect> E one(Class<E> kind) {
        List<E> taken = decisions.taken(kind);
        assertEquals(1, taken.size(), "" + taken);
        return taken.get(0);
    }

    private static List<String> keys(List<DirtyRecord.Removal> removals) {
        return removals.stream().map(DirtyRecord.Removal::key).toList();
    }

    @Test
    void aTierComesBackAfterItsGracePeriodAndEnoughGoodProbes() {
        decisions.open(first);
        decisions.answer(first);
        assertEquals(TierHealth.State.RECOVERING, first.circuit.mode());
        decisions.now += 5 * SECOND - 1;
        decisions.answer(first);
        decisions.answer(first);
        assertFalse(first.closed(), "three probes, and a nanosecond too early");
        decisions.now++;
        advance();
        assertTrue(first.closed());
    }

    @Test
    void twoGoodProbesAreNotEnoughHoweverLongTheyLast() {
        decisions.open(first);
        decisions.answer(first);
        decisions.now += MINUTE;
        decisions.answer(first);
        assertFalse(first.closed());
        decisions.answer(first);
        assertTrue(first.closed());
    }

    @Test
    void anOpenTierWithoutAGoodProbeDoesNotComeBack() {
        decisions.open(first);
        first.circuit.skipGrace();
        advance();
        assertFalse(first.closed());
    }

    @Test
    void whereNothingElseAnswersTheFirstGoodProbeIsEnough() {
        Decisions alone = new Decisions(FailoverConfig.DEFAULT, Chance.LEAST, Decisions.server("alone"));
        alone.open(alone.first());
        alone.answer(alone.first());
        assertTrue(alone.first().closed());
    }

    @Test
    void aForcedFailbackNeedsOneGoodProbe() {
        decisions.open(first);
        first.circuit.hold();
        decisions.state.forceFailback(decisions.now);
        assertFalse(first.circuit.isHeld());
        assertEquals(decisions.now, first.probes.nextAt());
        assertFalse(first.closed());
        decisions.answer(first);
        assertTrue(first.closed());
    }

    @Test
    void aForcedFailbackAcceptsALossAndThoseUnderWayAreTold() {
        first.dirty.prefixes.lose(new DirtyRecord.Removal("", 0));
        first.circuit.hold();
        first.note("lost");
        long stamp = first.stamp();
        decisions.state.forceFailback(decisions.now);
        assertTrue(first.dirty.isEmpty());
        assertNull(first.note());
        assertEquals(stamp + 1, first.stamp());
        decisions.open(first);
        decisions.answer(first);
        assertFalse(first.closed(), "it was not out, and its next grace period is as long as ever");
    }

    @Test
    void aTierThatIsFencedDrainedHeldOrRestingDoesNotComeBack() {
        recovered();
        Effect.Disconnect fence = Decisions.fence(decisions.state, 0, decisions.now);
        advance();
        assertFalse(first.closed());
        decisions.state.fenced(fence, true, decisions.now);
        answers();
        first.circuit.hold();
        advance();
        assertFalse(first.closed());
        first.circuit.release();
        first.dirty.remove("k", 0);
        advance();
        assertTrue(reconciliation.isDraining());
        first.dirty.removals(1, decisions.now).forEach(removal -> first.dirty.removed(removal, decisions.now));
        advance();
        assertFalse(first.closed());
        decisions.forget();
        reconciliation.drainFailed(Decisions.down(), List.of(), decisions.now);
        decisions.state.fenced(decisions.taken(Effect.Disconnect.class).get(0), true, decisions.now);
        first.circuit.skipGrace();
        decisions.answer(first);
        decisions.now += SECOND - 1;
        advance();
        assertFalse(first.closed(), "it rests for a second");
        decisions.now++;
        advance();
        assertTrue(first.closed());
    }

    @Test
    void aTierOnItsWayBackIsCleanedFirst() {
        recovered();
        first.dirty.remove("a", 0);
        first.dirty.remove("b", 0);
        advance();
        Effect.RemoveKeys work = one(Effect.RemoveKeys.class);
        assertEquals(0, work.tier());
        assertEquals(List.of("a", "b"), keys(work.keys()));
        assertTrue(first.reconciliation.isDraining());
        assertFalse(first.closed());
        long stamp = first.stamp();

        reconciliation.removed(work.keys(), decisions.now);
        assertEquals(stamp + 1, first.stamp());
        assertEquals(2, first.reconciliation.reconciled());
        assertTrue(first.dirty.isEmpty());
        assertTrue(first.recent.any(), "what was removed there is among the recent changes");
        reconciliation.drained(decisions.now);

        assertFalse(first.reconciliation.isDraining());
        assertTrue(first.closed());
        assertEquals(2, one(Effect.Closed.class).reconciled());
    }

    @Test
    void aFewKeysThatBecameDirtyMeanwhileDoNotDelayIt() {
        for (int few : new int[] {256, 257}) {
            Decisions own = Decisions.usual();
            own.open(own.first());
            for (int i = 0; i < 3; i++) {
                own.answer(own.first());
            }
            own.now += 5 * SECOND;
            own.first().dirty.remove("k", 0);
            own.first().reconciliation.advance(own.now);
            own.forget();
            own.state.tiers.get(0).reconciliation.removed(own.first().dirty.removals(1, own.now), own.now);
            for (int i = 0; i < few; i++) {
                own.first().dirty.remove("new" + i, 0);
            }
            own.state.tiers.get(0).reconciliation.drained(own.now);
            assertEquals(few == 256, own.first().closed(), few + " keys");
        }
    }

    @Test
    void prefixesAndEverythingDelayItHoweverFew() {
        recovered();
        first.dirty.removePrefix("c:");
        reconciliation.drained(decisions.now);
        assertFalse(first.closed());
        Effect.RemovePrefixes work = one(Effect.RemovePrefixes.class);
        reconciliation.prefixRemoved(work.prefixes().get(0), decisions.now);
        first.dirty.prefixes.everything();
        reconciliation.drained(decisions.now);
        assertFalse(first.closed());
        assertEquals(new Effect.RemoveEverything(0, 2), one(Effect.RemoveEverything.class));
    }

    @Test
    void prefixesRemovalsAndIncrementsHaveTheirTurnsOneAfterTheOther() {
        first.dirty.removePrefix("p:");
        first.dirty.remove("k", 0);
        first.dirty.increment("n", 1, true, decisions.now + MINUTE, decisions.now);
        for (int round = 0; round < 2; round++) {
            advance();
            assertEquals(List.of("p:"), keys(one(Effect.RemovePrefixes.class).prefixes()));
            advance();
            assertEquals(List.of(), decisions.state.takeEffects(), "one piece at a time");
            reconciliation.drainFailed(Decisions.failure(Reason.PARTIAL), List.of(), decisions.now);
            decisions.now += SECOND;
            advance();
            assertEquals(List.of("k"), keys(one(Effect.RemoveKeys.class).keys()));
            reconciliation.drainFailed(Decisions.failure(Reason.PARTIAL), List.of(), decisions.now);
            decisions.now += SECOND;
            advance();
            DirtyEntry.Increment increment =
                    one(Effect.Increments.class).increments().get(0);
            assertEquals("n", increment.key());
            assertTrue(increment.onceId().startsWith("id-0-"), increment.onceId());
            reconciliation.drainFailed(Decisions.failure(Reason.PARTIAL), List.of(), decisions.now);
            decisions.now += SECOND;
        }
    }

    @Test
    void atMostFiveHundredAreDoneAtATime() {
        for (int i = 0; i < 501; i++) {
            first.dirty.remove("k" + i, 0);
        }
        advance();
        assertEquals(500, one(Effect.RemoveKeys.class).keys().size());
        for (int i = 0; i < 501; i++) {
            decisions.second().dirty.increment("n" + i, 1, true, decisions.now + MINUTE, decisions.now);
        }
        decisions.second().reconciliation.advance(decisions.now);
        assertEquals(500, one(Effect.Increments.class).increments().size());
    }

    @Test
    void aTierThatServesIsCleanedAndOneWithNothingDueIsLookedAtASecondLater() {
        advance();
        assertEquals(List.of(), decisions.state.takeEffects(), "nothing is dirty");
        first.dirty.remove("k", decisions.now + SECOND / 2);
        advance();
        Effect.RemoveKeys early = one(Effect.RemoveKeys.class);
        reconciliation.removed(early.keys(), decisions.now);
        reconciliation.drained(decisions.now);
        assertEquals(List.of(), decisions.state.takeEffects(), "what may still arrive is waited for");
        decisions.now += SECOND - 1;
        advance();
        assertEquals(List.of(), decisions.state.takeEffects());
        decisions.now++;
        first.circuit.hold();
        advance();
        assertEquals(List.of(), decisions.state.takeEffects());
        first.circuit.release();
        advance();
        assertEquals(List.of("k"), keys(one(Effect.RemoveKeys.class).keys()));
    }

    @Test
    void whatIsCleanedWhileItServesIsToldToThoseBelow() {
        long below = decisions.second().stamp();
        first.dirty.removePrefix("c:");
        advance();
        reconciliation.prefixRemoved(one(Effect.RemovePrefixes.class).prefixes().get(0), decisions.now);
        assertEquals(below + 1, decisions.second().stamp());
        assertEquals(1, first.reconciliation.reconciled());
        assertTrue(first.recent.any());
        decisions.open(first);
        first.recent.probing();
        first.recent.probed();
        first.dirty.increment("n", 1, true, decisions.now + MINUTE, decisions.now);
        DirtyEntry.Increment increment =
                first.dirty.increments(1, decisions.now, "id-").get(0);
        long own = first.stamp();
        below = decisions.second().stamp();
        reconciliation.incremented(increment, decisions.now);
        assertEquals(0, first.dirty.counters());
        assertEquals(1, first.reconciliation.reconciled(), "it is counted anew since it was opened");
        assertEquals(own + 1, first.stamp());
        assertEquals(below, decisions.second().stamp(), "nobody came below because of it");
    }

    @Test
    void whatFailsOnATierThatServesIsKeptAndTriedASecondLater() {
        first.dirty.remove("k", 0);
        advance();
        Effect.RemoveKeys work = one(Effect.RemoveKeys.class);
        reconciliation.drainFailed(Decisions.failure(Reason.TIMEOUT), List.of("k"), decisions.now);
        assertFalse(first.reconciliation.isDraining());
        assertTrue(first.probes.isUnderWay(), "it is probed");
        assertEquals(List.of(), decisions.taken(Effect.ReconciliationFailed.class));
        reconciliation.advance(decisions.now + SECOND - 1);
        assertEquals(List.of(), decisions.taken(Effect.RemoveKeys.class));
        reconciliation.advance(decisions.now + SECOND);
        assertEquals(List.of("k"), keys(one(Effect.RemoveKeys.class).keys()));
        // What may have been sent may still arrive.
        reconciliation.removed(work.keys(), decisions.now + 30 * SECOND - 1);
        assertTrue(first.dirty.contains("k"));
        reconciliation.removed(work.keys(), decisions.now + 30 * SECOND);
        assertFalse(first.dirty.contains("k"));
    }

    @Test
    void whatFailsOnATierOnItsWayBackHasItStartOver() {
        recovered();
        first.dirty.remove("k", 0);
        advance();
        decisions.forget();
        CacheUnavailableException cause = Decisions.failure(Reason.TIMEOUT);
        reconciliation.drainFailed(cause, List.of("k"), decisions.now);
        assertEquals(TierHealth.State.OPEN, first.circuit.mode());
        assertEquals(
                List.of(new Effect.ReconciliationFailed(0, cause), new Effect.Disconnect(0, cause, 2)),
                decisions.state.takeEffects());
        List<DirtyRecord.Removal> again = first.dirty.removals(1, decisions.now);
        reconciliation.removed(again, decisions.now);
        assertFalse(first.dirty.contains("k"), "its connections are reset, so nothing arrives");
    }

    @Test
    void behindABufferWhatFailedMayStillArriveThoughConnectionsAreReset() {
        Decisions edge =
                new Decisions(FailoverConfig.DEFAULT, Chance.LEAST, Decisions.buffered("edge"), Decisions.memory());
        edge.open(edge.first());
        edge.first().dirty.remove("k", 0);
        List<DirtyRecord.Removal> work = edge.first().dirty.removals(1, edge.now);
        edge.state.tiers.get(0).reconciliation.drainFailed(Decisions.failure(Reason.TIMEOUT), List.of("k"), edge.now);
        edge.state.tiers.get(0).reconciliation.removed(work, edge.now);
        assertTrue(edge.first().dirty.contains("k"));
        assertEquals(1, edge.taken(Effect.ReconciliationFailed.class).size());
        assertEquals(TierHealth.State.OPEN, edge.first().circuit.mode());
    }

    @Test
    void aTierOfWhichAPartIsOutComesBackWithWhatIsLeft() {
        recovered();
        first.dirty.remove("k", 0);
        advance();
        decisions.forget();
        reconciliation.drainFailed(Decisions.failure(Reason.PARTIAL), List.of("k"), decisions.now);
        assertTrue(first.closed());
        assertEquals(List.of(), decisions.taken(Effect.ReconciliationFailed.class));
        assertFalse(first.probes.isUnderWay());
        assertTrue(first.dirty.contains("k"));
    }

    @Test
    void everythingThatWasRemovedIsClean() {
        first.dirty.prefixes.everything();
        first.note("wentBack");
        advance();
        Effect.RemoveEverything work = one(Effect.RemoveEverything.class);
        long stamp = first.stamp();
        reconciliation.everythingRemoved(work, Reconciliation.Extent.ALL);
        assertEquals(stamp + 1, first.stamp());
        assertTrue(first.dirty.isEmpty());
        assertNull(first.note());
        assertTrue(first.recent.any());
        assertFalse(first.circuit.isHeld());
    }

    @Test
    void aServerThatWentBackIsCleanOnceWhatIsKnownOfItsKeysIsRemoved() {
        for (Reconciliation.Extent extent : List.of(Reconciliation.Extent.KNOWN, Reconciliation.Extent.NOTHING)) {
            Decisions own = Decisions.usual();
            own.first().reconciliation.wentBack(own.now);
            Effect.RemoveEverything work =
                    own.taken(Effect.RemoveEverything.class).get(0);
            own.state.tiers.get(work.tier()).reconciliation.everythingRemoved(work, extent);
            assertTrue(own.first().dirty.isEmpty(), "" + extent);
            assertEquals(extent == Reconciliation.Extent.KNOWN, own.first().note() == null);
            assertFalse(own.first().recent.any(), "which keys those were is not known");
            assertFalse(own.first().circuit.isHeld());
        }
    }

    @Test
    void keysThatAreKnownByNothingKeepATierOut() {
        first.dirty.prefixes.lose(new DirtyRecord.Removal("p:", 0));
        advance();
        Effect.RemoveEverything work = one(Effect.RemoveEverything.class);
        reconciliation.everythingRemoved(work, Reconciliation.Extent.KNOWN);
        assertTrue(first.circuit.isHeld());
        assertTrue(first.dirty.prefixes.all());
        assertTrue(String.valueOf(first.note()).startsWith("overflow"), first.note());
        reconciliation.everythingRemoved(work, Reconciliation.Extent.ALL);
        assertTrue(first.dirty.isEmpty());
    }

    @Test
    void aPrefixThatCanNotBeRemovedKeepsATierOut() {
        first.dirty.removePrefix("");
        advance();
        reconciliation.prefixImpossible(
                one(Effect.RemovePrefixes.class).prefixes().get(0));
        assertTrue(first.circuit.isHeld());
        assertTrue(first.dirty.prefixes.all());
        assertTrue(first.dirty.prefixes.lost());
        assertTrue(String.valueOf(first.note()).contains("until failback is forced"), first.note());
    }

    @Test
    void aServerThatWentBackIsRemarkedOnAndCleanedAtOnce() {
        first.reconciliation.wentBack(decisions.now);
        assertTrue(first.dirty.prefixes.all());
        assertEquals("wentBack: it lost acknowledged writes", first.note());
        List<Effect> effects = decisions.state.takeEffects();
        assertInstanceOf(Effect.Remark.class, effects.get(0));
        assertInstanceOf(Effect.RemoveEverything.class, effects.get(1));
    }

    @Test
    void whoIsAboutToCloseWaitsForNothingThatMayStillArrive() {
        first.dirty.remove("k", decisions.now + MINUTE);
        first.dirty.removals(1, decisions.now);
        reconciliation.drainFailed(Decisions.failure(Reason.PARTIAL), List.of(), decisions.now);
        TierState second = decisions.second();
        decisions.open(second);
        second.dirty.remove("k", 0);
        second.reconciliation.drainFailed(Decisions.failure(Reason.PARTIAL), List.of(), decisions.now);
        decisions.forget();

        decisions.state.hurry(decisions.now);

        assertEquals(List.of("k"), keys(one(Effect.RemoveKeys.class).keys()));
        assertEquals(decisions.now, second.probes.nextAt());
        assertFalse(decisions.state.hurried());
        decisions.answer(second);
        assertEquals(1, one(Effect.RemoveKeys.class).tier(), "one good probe is enough");
    }

    @Test
    void whoIsCleanOrHeldIsNotHurried() {
        first.circuit.hold();
        first.dirty.remove("k", 0);
        decisions.state.hurry(decisions.now);
        assertEquals(List.of(), decisions.state.takeEffects());
        assertTrue(decisions.state.hurried());
    }

    @Test
    void nothingMoreIsHadOfATierThatFailedSinceItWasHurried() {
        first.dirty.remove("k", 0);
        decisions.state.hurry(decisions.now);
        first.detector.failed(Decisions.down(), 0, decisions.now);
        assertFalse(decisions.state.hurried(), "it failed before");
        first.detector.failed(Decisions.down(), 0, decisions.now + 1);
        assertTrue(decisions.state.hurried());
        decisions.second().dirty.remove("k", 0);
        assertFalse(decisions.state.hurried());
    }

    @Test
    void anOverflowIsForgottenWithTheLastOfIt() {
        Decisions small = Decisions.usual(FailoverConfig.DEFAULT.withMaxDirtyKeys(1));
        small.state.known(Set.of("c:"));
        small.first().dirty.remove("c:1", 0);
        small.first().dirty.remove("c:2", 0);
        assertTrue(small.first().dirty.overflowed());
        List<DirtyRecord.Removal> prefixes = small.first().dirty.prefixes.due(small.now);
        small.state.tiers.get(0).reconciliation.prefixRemoved(prefixes.get(0), decisions.now);
        assertFalse(small.first().dirty.overflowed());
    }
}
