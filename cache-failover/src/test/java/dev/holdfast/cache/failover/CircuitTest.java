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
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.failover.Decisions.Chance;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What it means to open and to close a tier. */
class CircuitTest {
    private final Decisions decisions = Decisions.usual();
    private final Circuit circuit = decisions.state.circuit;
    private final TierState first = decisions.first();
    private final TierState second = decisions.second();

    @Test
    void aTierThatIsOpenedIsFencedAndTheNextServesAndEveryoneIsTold() {
        first.failuresInARow = 3;
        first.suspicion = TierHealth.Reason.FAILURES;
        first.suspectedBy = Decisions.down();
        first.contradictions = 2;
        first.reconnectedToLook = true;
        first.goodProbes = 2;
        first.drains = 2;
        first.reconciled = 2;
        long stamp = first.stamp;
        CacheUnavailableException cause = Decisions.down();

        circuit.open(first, TierHealth.Reason.FAILURES, cause, decisions.now);

        assertEquals(
                List.of(
                        new Effect.Disconnect(0, cause, 1),
                        new Effect.Opened(0, TierHealth.Reason.FAILURES, cause, 1),
                        new Effect.Switched(0, 1, TierHealth.Reason.FAILURES, 0, 0)),
                decisions.state.takeEffects());
        assertEquals(TierState.Mode.OPEN, first.mode);
        assertTrue(first.breaker.tripped());
        assertTrue(first.fencing);
        assertEquals(decisions.now, first.since);
        assertEquals(stamp + 1, first.stamp);
        assertEquals(TierHealth.Reason.FAILURES, first.reason);
        assertSame(cause, first.openedBy);
        assertNull(first.suspicion);
        assertNull(first.suspectedBy);
        assertFalse(first.reconnectedToLook);
        assertEquals(
                0, first.failuresInARow + first.contradictions + first.goodProbes + first.drains + first.reconciled);
        assertEquals(SECOND, first.probeDelay);
        assertEquals(1, circuit.serving());
    }

    @Test
    void aTierThatDoesNotServeIsOpenedWithoutASwitch() {
        circuit.open(second, TierHealth.Reason.PROBE, Decisions.down(), decisions.now);
        assertEquals(List.of(), decisions.taken(Effect.Switched.class));
        assertEquals(0, circuit.serving());
    }

    @Test
    void withTheLastTierNoneServes() {
        Decisions alone = new Decisions(FailoverConfig.DEFAULT, Chance.LEAST, Decisions.server("alone"));
        alone.state.circuit.open(alone.first(), TierHealth.Reason.SLOW, null, alone.now);
        assertEquals(FailoverState.NONE, alone.state.circuit.serving());
        List<Effect> effects = alone.state.takeEffects();
        assertEquals(new Effect.Switched(0, FailoverState.NONE, TierHealth.Reason.SLOW, 0, 0), effects.get(2));
        Effect.Disconnect fence = assertInstanceOf(Effect.Disconnect.class, effects.get(0));
        assertEquals("the tier was opened: SLOW", fence.cause().getMessage());
    }

    @Test
    void theGracePeriodDoublesForATierThatWasBackForLessThanAMinute() {
        assertEquals(5 * SECOND, first.graceNanos);
        long grace = 5;
        for (int seconds : new int[] {10, 20, 30, 30}) {
            decisions.open(first);
            assertEquals(grace * SECOND, first.graceNanos);
            circuit.close(first, decisions.now);
            decisions.now += MINUTE - 1;
            grace = seconds;
        }
        circuit.open(first, TierHealth.Reason.PROBE, null, decisions.now + 1);
        assertEquals(5 * SECOND, first.graceNanos, "a minute is long enough");
    }

    @Test
    void aGracePeriodThatIsLongerThanTheHealthCheckIntervalStaysAsItIs() {
        Decisions patient = Decisions.usual(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofMinutes(2)));
        patient.open(patient.first());
        patient.state.circuit.close(patient.first(), patient.now);
        patient.open(patient.first());
        assertEquals(2 * MINUTE, patient.first().graceNanos);
    }

    @Test
    void aTierThatDidNotAnswerAtTheStartIsOpenedWithWhatItSaid() {
        CacheUnavailableException why = Decisions.down();
        circuit.startedWithout(0, why, decisions.now);
        assertEquals(TierState.Mode.OPEN, first.mode);
        assertEquals(TierHealth.Reason.PROBE, first.reason);
        assertSame(why, first.lastFailure);
        assertEquals(decisions.now, first.lastFailureAt);
        decisions.forget();
        circuit.startedWithout(0, Decisions.down(), decisions.now + 1);
        assertEquals(List.of(), decisions.state.takeEffects(), "once");
        assertSame(why, first.lastFailure);

        circuit.startedWithout(1, new IllegalStateException("of no known kind"), decisions.now);
        assertFalse(second.closed());
        assertNull(second.lastFailure);
    }

    @Test
    void aTierThatIsTakenOutIsHeld() {
        circuit.forceFailover(0, decisions.now);
        assertTrue(first.held);
        assertEquals(TierHealth.Reason.FORCED, first.reason);
        decisions.forget();
        circuit.forceFailover(0, decisions.now);
        assertEquals(List.of(), decisions.state.takeEffects());
        assertTrue(first.held);
    }

    @Test
    void aTierThatFailsOnItsWayBackIsFencedAnewAndProbedSoon() {
        decisions.open(first);
        circuit.recover(first, decisions.now);
        assertEquals(TierState.Mode.RECOVERING, first.mode);
        assertFalse(first.breaker.tripped());
        assertEquals(decisions.now, first.firstGoodAt);
        first.goodProbes = 2;
        first.drains = 1;
        decisions.now += SECOND;
        CacheUnavailableException cause = Decisions.down();

        circuit.relapse(first, cause, decisions.now);

        assertEquals(TierState.Mode.OPEN, first.mode);
        assertTrue(first.breaker.tripped());
        assertEquals(decisions.now, first.since);
        assertEquals(0, first.goodProbes + first.drains);
        assertEquals(decisions.now + 750 * MILLI, first.nextProbeAt);
        assertTrue(first.fencing);
        assertEquals(List.of(new Effect.Disconnect(0, cause, 2)), decisions.state.takeEffects());
    }

    @Test
    void aTierThatRecoversBeginsToCountAnew() {
        decisions.open(first);
        first.goodProbes = 2;
        decisions.now += 5;
        circuit.recover(first, decisions.now);
        assertEquals(0, first.goodProbes);
        assertEquals(decisions.now, first.since);
    }

    @Test
    void toReconnectIsNoFence() {
        CacheUnavailableException cause = Decisions.down();
        circuit.reconnect(first, cause);
        assertEquals(List.of(new Effect.Disconnect(0, cause, 0)), decisions.state.takeEffects());
        assertFalse(first.fencing);
    }

    @Test
    void afterTheFenceNothingArrivesUnlessSomethingBuffersOrItFailed() {
        Decisions own = new Decisions(
                FailoverConfig.DEFAULT, Chance.LEAST, Decisions.server("server"), Decisions.buffered("edge"));
        for (TierState tier : own.tiers) {
            tier.dirty.remove("k", own.now + MINUTE);
        }
        own.state.circuit.fenced(Decisions.fence(own.state, 0), false, own.now);
        assertFalse(own.first().fencing);
        assertEquals(own.now, own.first().fencedAt);
        assertEquals(own.now + 750 * MILLI, own.first().nextProbeAt);
        removeOnce(own, own.first());
        assertTrue(own.first().dirty.contains("k"), "its connections may be there still");

        own.first().dirty.remove("k", own.now + MINUTE);
        own.state.circuit.fenced(Decisions.fence(own.state, 0), true, own.now);
        removeOnce(own, own.first());
        assertFalse(own.first().dirty.contains("k"));

        own.state.circuit.fenced(Decisions.fence(own.state, 1), true, own.now);
        removeOnce(own, own.second());
        assertTrue(own.second().dirty.contains("k"));
    }

    private static void removeOnce(Decisions own, TierState tier) {
        tier.dirty.removals(9, own.now).forEach(removal -> tier.dirty.removed(removal, own.now));
    }

    @Test
    void afterTheFenceWhatWasChangedSinceTheLastCanaryIsDoneOnceMore() {
        first.recent.add("k");
        circuit.fenced(Decisions.fence(decisions.state, 0), true, decisions.now);
        assertTrue(first.dirty.contains("k"));
    }

    @Test
    void aTierThatIsClosedServesAgainAndThoseUnderWayBelowAreTold() {
        decisions.open(first);
        first.reconciled = 7;
        first.skipGrace = true;
        long below = second.stamp;
        long memory = decisions.last().stamp;
        decisions.now += 4 * SECOND;
        circuit.recover(first, decisions.now); // it was out before that too
        decisions.now += 5 * SECOND;

        circuit.close(first, decisions.now);

        assertEquals(
                List.of(new Effect.Closed(0, 9 * SECOND, 7), new Effect.Switched(1, 0, null, 9 * SECOND, 7)),
                decisions.state.takeEffects());
        assertTrue(first.closed());
        assertFalse(first.breaker.tripped());
        assertTrue(first.wasBack);
        assertFalse(first.skipGrace);
        assertEquals(decisions.now, first.backAt);
        assertEquals(decisions.now, first.since);
        assertEquals(decisions.now, first.lastAnswerAt);
        assertEquals(below + 1, second.stamp);
        assertTrue(decisions.last().stamp > memory);
        assertEquals(0, circuit.serving());
    }

    @Test
    void aMemoryThatServedIsReplacedWhenAnotherServes() {
        assertEquals(0, decisions.state.memory.generation());
        decisions.open(first);
        assertEquals(0, decisions.state.memory.generation(), "nobody has been there");
        decisions.open(second);
        assertEquals(0, decisions.state.memory.generation());
        circuit.close(second, decisions.now);
        assertEquals(1, decisions.state.memory.generation());
    }
}
