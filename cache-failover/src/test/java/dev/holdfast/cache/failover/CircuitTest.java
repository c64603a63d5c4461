package dev.holdfast.cache.failover;

import static dev.holdfast.cache.failover.Decisions.MILLI;
import static dev.holdfast.cache.failover.Decisions.MINUTE;
import static dev.holdfast.cache.failover.Decisions.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.failover.Decisions.Chance;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What it means to open and to close a tier. */
class CircuitTest {
    private final Decisions decisions = Decisions.usual();
    private final TierState first = decisions.first();
    private final Circuit circuit = first.circuit;
    private final TierState second = decisions.second();

    private void fail(int calls) {
        for (int i = 0; i < calls; i++) {
            first.detector.failed(Decisions.down(), 0, decisions.now);
        }
    }

    private void reconcile(int keys) {
        for (int i = 0; i < keys; i++) {
            first.dirty.remove("k" + i, 0);
        }
        first.reconciliation.removed(first.dirty.removals(keys, decisions.now), decisions.now);
        assertEquals(keys, first.reconciliation.reconciled());
    }

    @Test
    void aTierThatIsOpenedIsFencedAndTheNextServesAndEveryoneIsTold() {
        for (int i = 0; i < 2; i++) {
            fail(3);
            decisions.answer(first);
            decisions.now += SECOND;
        }
        first.detector.probeFailed(decisions.now, Decisions.failure(Reason.SERVER_STATE), true, decisions.now);
        fail(3);
        assertEquals(TierHealth.Reason.FAILURES, first.detector.suspicion());
        assertEquals(2, first.detector.contradictions());
        reconcile(2);
        decisions.forget();
        long stamp = first.stamp();
        CacheUnavailableException cause = Decisions.down();

        circuit.open(TierHealth.Reason.FAILURES, cause, decisions.now);

        assertEquals(
                List.of(
                        new Effect.Disconnect(0, cause, 1),
                        new Effect.Opened(0, TierHealth.Reason.FAILURES, cause, 1),
                        new Effect.Switched(0, 1, TierHealth.Reason.FAILURES, 0, 0)),
                decisions.state.takeEffects());
        assertEquals(TierHealth.State.OPEN, circuit.mode());
        assertTrue(circuit.isFencing());
        assertEquals(decisions.now, circuit.since());
        assertEquals(stamp + 1, first.stamp());
        assertEquals(TierHealth.Reason.FAILURES, circuit.reason());
        assertSame(cause, circuit.openedBy());
        assertNull(first.detector.suspicion());
        assertEquals(
                0,
                first.detector.failuresInARow() + first.detector.contradictions() + first.reconciliation.reconciled());
        assertEquals(1, decisions.tiers.serving());
        first.probes.later(decisions.now + MINUTE);
        assertEquals(decisions.now + MINUTE + SECOND, first.probes.nextAt(), "as soon as after any opening");
        decisions.state.fenced(new Effect.Disconnect(0, cause, 1), true, decisions.now);
        circuit.close(decisions.now);
        first.detector.probeFailed(decisions.now, Decisions.failure(Reason.SERVER_STATE), true, decisions.now);
        assertTrue(first.closed(), "it is looked at on other connections once more");
    }

    @Test
    void aTierThatDoesNotServeIsOpenedWithoutASwitch() {
        second.circuit.open(TierHealth.Reason.PROBE, Decisions.down(), decisions.now);
        assertEquals(List.of(), decisions.taken(Effect.Switched.class));
        assertEquals(0, decisions.tiers.serving());
    }

    @Test
    void withTheLastTierNoneServes() {
        Decisions alone = new Decisions(FailoverConfig.DEFAULT, Chance.LEAST, Decisions.server("alone"));
        alone.first().circuit.open(TierHealth.Reason.SLOW, null, alone.now);
        assertEquals(FailoverState.NONE, alone.state.tiers.serving());
        List<Effect> effects = alone.state.takeEffects();
        assertEquals(new Effect.Switched(0, FailoverState.NONE, TierHealth.Reason.SLOW, 0, 0), effects.get(2));
        Effect.Disconnect fence = assertInstanceOf(Effect.Disconnect.class, effects.get(0));
        assertEquals("the tier was opened: SLOW", fence.cause().getMessage());
    }

    @Test
    void theGracePeriodDoublesForATierThatWasBackForLessThanAMinute() {
        assertEquals(5 * SECOND, circuit.graceNanos());
        long grace = 5;
        for (int seconds : new int[] {10, 20, 30, 30}) {
            decisions.open(first);
            assertEquals(grace * SECOND, circuit.graceNanos());
            circuit.close(decisions.now);
            decisions.now += MINUTE - 1;
            grace = seconds;
        }
        circuit.open(TierHealth.Reason.PROBE, null, decisions.now + 1);
        assertEquals(5 * SECOND, circuit.graceNanos(), "a minute is long enough");
    }

    @Test
    void aGracePeriodThatIsLongerThanTheHealthCheckIntervalStaysAsItIs() {
        Decisions patient = Decisions.usual(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofMinutes(2)));
        patient.open(patient.first());
        patient.first().circuit.close(patient.now);
        patient.open(patient.first());
        assertEquals(2 * MINUTE, patient.first().circuit.graceNanos());
    }

    @Test
    void aTierThatDidNotAnswerAtTheStartIsOpenedWithWhatItSaid() {
        CacheUnavailableException why = Decisions.down();
        first.detector.startedWithout(why, decisions.now);
        assertEquals(TierHealth.State.OPEN, circuit.mode());
        assertEquals(TierHealth.Reason.PROBE, circuit.reason());
        assertSame(why, first.detector.lastFailure());
        assertEquals(decisions.now, first.detector.lastFailureAt());
        decisions.forget();
        first.detector.startedWithout(Decisions.down(), decisions.now + 1);
        assertEquals(List.of(), decisions.state.takeEffects(), "once");
        assertSame(why, first.detector.lastFailure());

        second.detector.startedWithout(new IllegalStateException("of no known kind"), decisions.now);
        assertFalse(second.closed());
        assertNull(second.detector.lastFailure());
    }

    @Test
    void aTierThatIsTakenOutIsHeld() {
        circuit.forceFailover(decisions.now);
        assertTrue(circuit.isHeld());
        assertEquals(TierHealth.Reason.FORCED, circuit.reason());
        decisions.forget();
        circuit.forceFailover(decisions.now);
        assertEquals(List.of(), decisions.state.takeEffects());
        assertTrue(circuit.isHeld());
    }

    @Test
    void aTierThatFailsOnItsWayBackIsFencedAnewAndProbedSoon() {
        fail(2);
        decisions.open(first);
        assertEquals(1, first.detector.failureRate());
        decisions.answer(first);
        assertEquals(TierHealth.State.RECOVERING, circuit.mode());
        assertEquals(0, first.detector.failureRate(), "of calls in an earlier time");
        decisions.answer(first);
        first.reconciliation.drained(decisions.now);
        decisions.now += SECOND;
        CacheUnavailableException cause = Decisions.down();

        circuit.relapse(cause, decisions.now);

        assertEquals(TierHealth.State.OPEN, circuit.mode());
        assertEquals(decisions.now, circuit.since());
        assertEquals(decisions.now + 750 * MILLI, first.probes.nextAt());
        assertTrue(circuit.isFencing());
        Effect.Disconnect fence = new Effect.Disconnect(0, cause, 2);
        assertEquals(List.of(fence), decisions.state.takeEffects());
        decisions.state.fenced(fence, true, decisions.now);
        first.dirty.remove("k", 0);
        decisions.answer(first);
        decisions.now += 5 * SECOND;
        decisions.answer(first);
        assertFalse(first.reconciliation.isDraining(), "the second good probe of three");
        decisions.answer(first);
        assertTrue(first.reconciliation.isDraining(), "though a key is few, since nothing was done there yet");
    }

    @Test
    void aTierThatRecoversBeginsToCountAnew() {
        decisions.open(first);
        decisions.answer(first);
        decisions.answer(first);
        decisions.state.fenced(Decisions.fence(decisions.state, 0, decisions.now), true, decisions.now);
        decisions.now += 5;
        decisions.answer(first);
        assertEquals(decisions.now, circuit.since());
        decisions.now += 5 * SECOND;
        decisions.answer(first);
        assertFalse(first.closed());
        decisions.answer(first);
        assertTrue(first.closed());
    }

    @Test
    void toReconnectIsNoFence() {
        CacheUnavailableException cause = Decisions.failure(Reason.SERVER_STATE);
        first.detector.probeFailed(decisions.now, cause, true, decisions.now);
        assertEquals(List.of(new Effect.Disconnect(0, cause, 0)), decisions.taken(Effect.Disconnect.class));
        assertFalse(circuit.isFencing());
    }

    @Test
    void afterTheFenceNothingArrivesUnlessSomethingBuffersOrItFailed() {
        Decisions own = new Decisions(
                FailoverConfig.DEFAULT, Chance.LEAST, Decisions.server("server"), Decisions.buffered("edge"));
        for (TierState tier : own.tiers) {
            tier.dirty.remove("k", own.now + MINUTE);
        }
        own.state.fenced(Decisions.fence(own.state, 0, own.now), false, own.now);
        assertFalse(own.first().circuit.isFencing());
        assertEquals(own.now + 750 * MILLI, own.first().probes.nextAt());
        removeOnce(own, own.first());
        assertTrue(own.first().dirty.contains("k"), "its connections may be there still");

        own.first().dirty.remove("k", own.now + MINUTE);
        own.state.fenced(Decisions.fence(own.state, 0, own.now), true, own.now);
        removeOnce(own, own.first());
        assertFalse(own.first().dirty.contains("k"));

        own.state.fenced(Decisions.fence(own.state, 1, own.now), true, own.now);
        removeOnce(own, own.second());
        assertTrue(own.second().dirty.contains("k"));
    }

    private static void removeOnce(Decisions own, TierState tier) {
        tier.dirty.removals(9, own.now).forEach(removal -> tier.dirty.removed(removal, own.now));
    }

    @Test
    void afterTheFenceWhatWasChangedSinceTheLastCanaryIsDoneOnceMore() {
        first.recent.add("k");
        decisions.state.fenced(Decisions.fence(decisions.state, 0, decisions.now), true, decisions.now);
        assertTrue(first.dirty.contains("k"));
    }

    @Test
    void aTierThatIsClosedServesAgainAndThoseUnderWayBelowAreTold() {
        decisions.open(first);
        reconcile(7);
        long below = second.stamp();
        long memory = decisions.last().stamp();
        decisions.now += 4 * SECOND;
        decisions.answer(first); // it was out before that too
        circuit.skipGrace();
        decisions.now += 5 * SECOND;

        circuit.close(decisions.now);

        assertEquals(
                List.of(new Effect.Closed(0, 9 * SECOND, 7), new Effect.Switched(1, 0, null, 9 * SECOND, 7)),
                decisions.state.takeEffects());
        assertTrue(first.closed());
        assertEquals(decisions.now, circuit.since());
        assertEquals(decisions.now, first.probes.lastAnswerAt());
        assertEquals(below + 1, second.stamp());
        assertTrue(decisions.last().stamp() > memory);
        assertEquals(0, decisions.tiers.serving());
        decisions.open(first);
        decisions.answer(first);
        assertFalse(first.closed(), "its grace period is skipped once");
    }

    @Test
    void aMemoryThatServedIsReplacedWhenAnotherServes() {
        assertEquals(0, decisions.state.memory.generation());
        decisions.open(first);
        assertEquals(0, decisions.state.memory.generation(), "nobody has been there");
        decisions.open(second);
        assertEquals(0, decisions.state.memory.generation());
        second.circuit.close(decisions.now);
        assertEquals(1, decisions.state.memory.generation());
    }
}
