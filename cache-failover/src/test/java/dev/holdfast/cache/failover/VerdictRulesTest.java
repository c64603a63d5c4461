package dev.holdfast.cache.failover;

import static dev.holdfast.cache.failover.Decisions.MILLI;
import static dev.holdfast.cache.failover.Decisions.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.TierHealth;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each rule of the verdicts by itself, to the nanosecond. */
class VerdictRulesTest {
    private final Decisions decisions = Decisions.usual();
    private final FailureDetector detector = decisions.state.detector;
    private final TierState first = decisions.first();

    private void fail(Reason reason) {
        detector.failed(0, Decisions.failure(reason), 0, decisions.now);
    }

    private void fail(int calls) {
        for (int i = 0; i < calls; i++) {
            fail(Reason.TIMEOUT);
        }
    }

    private void answered() {
        detector.probed(0, decisions.now, ProbeResult.OK, decisions.now);
    }

    private void probeFailed(Reason reason) {
        detector.probeFailed(0, decisions.now, Decisions.failure(reason), true, decisions.now);
    }

    private long sent() {
        return decisions.taken(Effect.Probe.class).size();
    }

    @Test
    void threeFailuresInARowMakeATierSuspectAndAnAnswerBetweenThemBeginsAnew() {
        fail(2);
        assertNull(first.suspicion);
        detector.failed(0, Decisions.down(), 1, decisions.now);
        assertEquals(1, first.failuresInARow);
        detector.failed(0, Decisions.down(), 1, decisions.now);
        assertNull(first.suspicion);
        CacheUnavailableException last = Decisions.down();
        detector.failed(0, last, 1, decisions.now);
        assertEquals(TierHealth.Reason.FAILURES, first.suspicion);
        assertSame(last, first.suspectedBy);
        assertSame(last, first.lastFailure);
        assertEquals(decisions.now, first.lastFailureAt);
        assertEquals(decisions.now, first.suspectedAt);
        assertEquals(5, first.failedSince);
    }

    @Test
    void aFailureOfAMemoryOrOfATierThatIsOutIsNoMoreThanSaid() {
        detector.failed(2, Decisions.down(), 0, decisions.now);
        assertEquals(0, decisions.last().failuresInARow);
        decisions.open(first);
        fail(3);
        assertEquals(0, first.failuresInARow);
        assertEquals(0, sent());
    }

    @Test
    void halfOfTwentyFailedCallsMakeATierSuspectThoughNoThreeWereInARow() {
        for (int i = 1; i <= 10; i++) {
            detector.observed(0, 1, 0, false, decisions.now);
            assertNull(first.suspicion);
            detector.failed(0, Decisions.down(), i, decisions.now);
        }
        assertEquals(TierHealth.Reason.FAILURES, first.suspicion);
    }

    @Test
    void whatDoesNotCountWantsAProbeUnlessItIsOfAPartOrOnPurpose() {
        fail(Reason.SATURATED);
        assertEquals(1, sent());
        assertEquals(decisions.now, first.refusedAt);
        for (Reason reason : List.of(Reason.PARTIAL, Reason.DISCONNECTED)) {
            first.probing = false;
            fail(reason);
            assertEquals(0, sent(), "" + reason);
        }
        fail(Reason.SERVER_STATE);
        assertEquals(1, sent());
        assertEquals(0, first.failuresInARow);
    }

    @Test
    void aStateThatIsNamedAfterAGoodProbeWithinASecondCountsAsAFailure() {
        fail(Reason.SERVER_STATE);
        decisions.now += 10;
        answered();
        decisions.now += SECOND - 11;
        fail(Reason.SERVER_STATE);
        assertEquals(1, first.failuresInARow);
    }

    @Test
    void aSecondAfterTheRefusalThatAProbeContradictedNobodyKnows() {
        fail(Reason.SERVER_STATE);
        decisions.now += 10;
        answered();
        decisions.now += SECOND - 10;
        fail(Reason.SERVER_STATE);
        assertEquals(0, first.failuresInARow);
    }

    @Test
    void whileAProbeIsUnderWayAStateThatIsNamedIsNoFailure() {
        fail(Reason.SERVER_STATE);
        first.lastProbeAt = decisions.now + 1;
        decisions.now += 2;
        assertTrue(first.probing);
        fail(Reason.SERVER_STATE);
        assertEquals(0, first.failuresInARow);
    }

    @Test
    void aProbeFromBeforeTheRefusalSaysNothingOfIt() {
        answered();
        fail(Reason.SERVER_STATE);
        first.probing = false;
        decisions.now++;
        fail(Reason.SERVER_STATE);
        assertEquals(0, first.failuresInARow);
    }

    @Test
    void aProbeThatBeganBeforeTheSuspicionDoesNotContradictIt() {
        fail(3);
        detector.probed(0, decisions.now - 1, ProbeResult.OK, decisions.now);
        assertEquals(TierHealth.Reason.FAILURES, first.suspicion);
        assertEquals(0, first.contradictions);
        answered();
        assertNull(first.suspicion);
        assertNull(first.suspectedBy);
        assertEquals(1, first.contradictions);
        assertEquals(decisions.now, first.contradictedAt);
        assertEquals(0, first.failuresInARow + first.failedSince + first.answeredSince);
        assertEquals(0, first.breaker.failureRate());
    }

    @Test
    void aContradictedSuspicionIsNotRaisedAgainForASecond() {
        fail(3);
        answered();
        decisions.now += SECOND - 1;
        fail(3);
        assertNull(first.suspicion);
        decisions.now++;
        fail(1);
        assertEquals(TierHealth.Reason.FAILURES, first.suspicion);
    }

    @Test
    void callsThatFailThroughThreeAnsweredProbesAreBelieved() {
        for (int i = 0; i < 3; i++) {
            fail(3);
            answered();
            decisions.now += SECOND;
        }
        assertEquals(3, first.contradictions);
        assertTrue(first.closed());
        fail(2);
        assertTrue(first.closed());
        fail(1);
        assertFalse(first.closed());
        assertEquals(TierHealth.Reason.FAILURES, first.reason);
    }

    @Test
    void contradictionsTenSecondsApartHaveNothingToDoWithEachOther() {
        for (int i = 0; i < 5; i++) {
            fail(3);
            answered();
            decisions.now += 10 * SECOND;
            assertEquals(1, first.contradictions);
        }
        fail(3);
        assertTrue(first.closed());
    }

    @Test
    void threeContradictionsThatAreTenSecondsOldAreNotHeldAgainstATier() {
        for (int i = 0; i < 3; i++) {
            fail(3);
            answered();
            decisions.now += SECOND;
        }
        decisions.now += 9 * SECOND;
        fail(3);
        assertTrue(first.closed());
    }

    @Test
    void fewerThanThreeFailuresForEachAnswerAreNotBelieved() {
        for (int i = 0; i < 3; i++) {
            fail(3);
            answered();
            decisions.now += SECOND;
        }
        detector.observed(0, 4, 0, false, decisions.now);
        assertEquals(4, first.answeredSince);
        fail(11);
        assertTrue(first.closed(), "eleven to four");
        fail(1);
        assertFalse(first.closed(), "twelve to four");
    }

    @Test
    void slownessIsBelievedWhateverFailed() {
        for (int i = 0; i < 3; i++) {
            detector.observed(0, 20, 20, false, decisions.now);
            assertEquals(TierHealth.Reason.SLOW, first.suspicion);
            answered();
            decisions.now += SECOND;
        }
        detector.observed(0, 20, 20, false, decisions.now);
        assertFalse(first.closed());
        assertEquals(TierHealth.Reason.SLOW, first.reason);
        assertNull(first.openedBy);
    }

    @Test
    void moreSlowCallsThanAnswersAreNoMoreThanThose() {
        detector.observed(0, 3, 40, false, decisions.now);
        assertNull(first.suspicion);
        detector.observed(0, 0, 40, false, decisions.now);
        assertNull(first.suspicion);
        assertEquals(3, first.answeredSince);
    }

    @Test
    void anAnswerIsTakenDownOfAnyTier() {
        decisions.open(first);
        decisions.now++;
        detector.observed(0, 1, 0, true, decisions.now);
        assertEquals(decisions.now, first.lastAnswerAt);
        assertEquals(0, first.answeredSince);
        assertEquals(0, sent());
        detector.observed(2, 1, 1, true, decisions.now);
        assertEquals(decisions.now, decisions.last().lastAnswerAt);
        assertNull(decisions.last().suspicion);
        decisions.now++;
        detector.observed(1, 0, 0, false, decisions.now);
        assertEquals(0, decisions.second().lastAnswerAt);
    }

    @Test
    void aCallThatHangsMakesATierSuspectAndOneThatEndedDoesNot() {
        detector.observed(0, 0, 0, true, decisions.now);
        assertEquals(TierHealth.Reason.FROZEN, first.suspicion);
        assertEquals(decisions.now, first.suspectedAt);
        assertEquals(1, first.hangs);
        assertEquals(1, sent());
        decisions.now += SECOND;
        detector.observed(0, 0, 0, true, decisions.now);
        assertEquals(decisions.now - SECOND, first.suspectedAt, "since it was seen first");
        detector.observed(0, 0, 0, false, decisions.now);
        assertEquals(0, first.hangs);
    }

    @Test
    void failedCallsTakeTheSuspicionOfAFreezeOverAndNotTheOtherWayRound() {
        detector.observed(0, 0, 0, true, decisions.now);
        decisions.now += 5;
        fail(3);
        assertEquals(TierHealth.Reason.FAILURES, first.suspicion);
        assertEquals(decisions.now, first.suspectedAt);
        decisions.now += 5;
        detector.observed(0, 0, 0, true, decisions.now);
        assertEquals(TierHealth.Reason.FAILURES, first.suspicion);
        fail(1);
        assertEquals(decisions.now - 5, first.suspectedAt);
    }

    @Test
    void aContradictedFreezeIsNoContradictionOfFailedCalls() {
        fail(2);
        detector.observed(0, 0, 0, true, decisions.now);
        answered();
        assertNull(first.suspicion);
        assertEquals(0, first.contradictions);
        assertEquals(2, first.failuresInARow);
    }

    @Test
    void aFailedProbeOpensATierForWhatItsCallsSaid() {
        probeFailed(Reason.TIMEOUT);
        assertEquals(TierHealth.Reason.PROBE, first.reason);
        for (Reason reason : List.of(Reason.TIMEOUT, Reason.CONNECTION, Reason.REFUSED, Reason.UNEXPECTED)) {
            Decisions own = Decisions.usual();
            own.state.detector.observed(0, 0, 0, true, own.now);
            own.state.detector.probeFailed(0, own.now, Decisions.failure(reason), true, own.now);
            assertFalse(own.first().closed(), "" + reason);
            assertEquals(
                    reason == Reason.TIMEOUT ? TierHealth.Reason.FROZEN : TierHealth.Reason.PROBE, own.first().reason);
        }
        Decisions own = Decisions.usual();
        for (int i = 0; i < 3; i++) {
            own.state.detector.failed(0, Decisions.down(), 0, own.now);
        }
        own.state.detector.probeFailed(0, own.now, Decisions.down(), true, own.now);
        assertEquals(TierHealth.Reason.FAILURES, own.first().reason);
    }

    @Test
    void aStateThatAProbeFindsIsLookedAtOnceMoreOnOtherConnections() {
        CacheUnavailableException readOnly = Decisions.failure(Reason.SERVER_STATE);
        first.probing = true;
        detector.probeFailed(0, decisions.now, readOnly, true, decisions.now);
        assertTrue(first.closed());
        assertEquals(
                List.of(
                        new Effect.Disconnect(0, readOnly, 0),
                        new Effect.Probe(0, decisions.now, Duration.ofMillis(200))),
                decisions.state.takeEffects());
        answered();
        assertFalse(first.reconnectedToLook);
        probeFailed(Reason.SERVER_STATE);
        assertTrue(first.closed());
        probeFailed(Reason.SERVER_STATE);
        assertFalse(first.closed());
        assertEquals(TierHealth.Reason.PROBE, first.reason);
    }

    @Test
    void whatSaysNothingOfTheServerLeavesASuspicionUndecidedAndIsConfirmedAfterASecond() {
        fail(3);
        for (Reason reason : List.of(Reason.SATURATED, Reason.PARTIAL, Reason.DISCONNECTED)) {
            probeFailed(reason);
        }
        assertEquals(3, first.undecided);
        assertFalse(first.probing);
        detector.tick(first, decisions.now + SECOND - 1);
        assertTrue(first.closed());
        assertTrue(first.probing, "another probe may decide");
        detector.tick(first, decisions.now + SECOND);
        assertTrue(first.closed(), "it is waited for");
        first.probing = false;
        detector.tick(first, decisions.now + SECOND);
        assertFalse(first.closed());
        assertEquals(TierHealth.Reason.FAILURES, first.reason);
    }

    @Test
    void anUndecidedFreezeIsNeverConfirmedByItself() {
        detector.observed(0, 0, 0, true, decisions.now);
        probeFailed(Reason.SATURATED);
        decisions.forget();
        decisions.now += 60 * SECOND;
        detector.tick(first, decisions.now);
        assertTrue(first.closed());
        assertEquals(1, sent(), "it is asked again");
        assertEquals(2, first.hangs);
    }

    @Test
    void withoutASuspicionATickDoesNothing() {
        first.undecided = 3;
        detector.tick(first, decisions.now);
        assertEquals(0, sent());
        assertTrue(first.closed());
        decisions.open(first);
        first.suspicion = TierHealth.Reason.FAILURES;
        detector.tick(first, decisions.now);
        assertEquals(0, sent());
    }

    @Test
    void aProbeThatIsGivenUpLeavesItUndecidedFromTheSecondOn() {
        fail(3);
        decisions.now += 11 * SECOND;
        detector.tick(first, decisions.now);
        assertEquals(1, first.overdueProbes);
        assertEquals(0, first.undecided);
        assertTrue(first.probing, "the next is sent");
        decisions.now += 11 * SECOND;
        detector.tick(first, decisions.now);
        assertEquals(2, first.overdueProbes);
        assertFalse(first.closed());
    }

    @Test
    void aProbeOfATierThatServesThatBeganBeforeItsFenceIsVoid() {
        decisions.open(first);
        decisions.state.circuit.close(first, decisions.now);
        detector.probeFailed(0, decisions.now - 1, Decisions.down(), true, decisions.now);
        assertTrue(first.closed());
        assertEquals(decisions.now, first.lastProbeAt);
        detector.probeFailed(0, decisions.now, Decisions.down(), true, decisions.now);
        assertFalse(first.closed());
    }

    @Test
    void aProbeAcrossAStallIsRepeatedThreeTimes() {
        for (int i = 1; i <= 3; i++) {
            first.probing = false;
            detector.probeFailed(0, decisions.now, Decisions.down(), false, decisions.now);
            assertEquals(i, first.voidProbes);
            assertEquals(1, sent());
        }
        detector.probeFailed(0, decisions.now, Decisions.down(), false, decisions.now);
        assertFalse(first.closed());
        assertEquals(0, first.voidProbes);
    }

    @Test
    void anAnswerForgetsProbesThatWereVoid() {
        detector.probeFailed(0, decisions.now, Decisions.down(), false, decisions.now);
        first.overdueProbes = 2;
        answered();
        assertEquals(0, first.voidProbes + first.overdueProbes);
        first.overdueProbes = 2;
        probeFailed(Reason.SATURATED);
        assertEquals(0, first.overdueProbes);
    }

    @Test
    void aFailedProbeOfATierThatIsOutHasTheNextFollowLater() {
        decisions.open(first);
        decisions.now += SECOND;
        probeFailed(Reason.TIMEOUT);
        assertEquals(TierState.Mode.OPEN, first.mode);
        assertEquals(decisions.now + 750 * MILLI, first.nextProbeAt);
        answered();
        assertEquals(TierState.Mode.RECOVERING, first.mode);
        probeFailed(Reason.TIMEOUT);
        assertEquals(TierState.Mode.OPEN, first.mode);
        assertTrue(first.fencing, "it starts over");
    }

    @Test
    void anAnswerToATierThatIsOutCountsFromItsFenceOn() {
        decisions.open(first);
        decisions.now += SECOND;
        first.fencing = true;
        answered();
        assertEquals(TierState.Mode.OPEN, first.mode);
        assertEquals(decisions.now + 750 * MILLI, first.nextProbeAt);
        first.fencing = false;
        first.fencedAt = decisions.now;
        detector.probed(0, decisions.now - 1, ProbeResult.OK, decisions.now);
        assertEquals(TierState.Mode.OPEN, first.mode);
        answered();
        assertEquals(TierState.Mode.RECOVERING, first.mode);
        assertEquals(1, first.goodProbes);
        answered();
        assertEquals(2, first.goodProbes);
    }

    @Test
    void anAnswerThatFollowsAllForgetsWhatWasChangedBeforeItsProbe() {
        first.recent.add("k");
        first.recent.probing();
        detector.probed(0, decisions.now, new ProbeResult(true, false, false), decisions.now);
        assertTrue(first.recent.any());
        assertFalse(first.canaryFollowsAll);
        detector.probed(0, decisions.now, ProbeResult.OK, decisions.now);
        assertFalse(first.recent.any());
        assertTrue(first.canaryFollowsAll);
        assertEquals(decisions.now, first.lastAnswerAt);
        assertEquals(decisions.now, first.lastProbeAt);
    }

    @Test
    void aProbesTimeIsTakenIntoAccountIfItKeptToIt() {
        first.probeNanos = SECOND;
        detector.probed(0, decisions.now - 100 * MILLI, ProbeResult.OK, decisions.now);
        assertEquals(100 * MILLI, first.probeLimit.medianNanos());
        detector.probed(0, decisions.now - 2 * SECOND, ProbeResult.OK, decisions.now);
        assertEquals(100 * MILLI, first.probeLimit.medianNanos());
    }

    @Test
    void onlyPingedIsSaidOnceAndTakenBack() {
        detector.probed(0, decisions.now, ProbeResult.OK, decisions.now);
        assertNull(first.notes);
        first.notes = "of something else";
        detector.probed(0, decisions.now, ProbeResult.OK, decisions.now);
        assertEquals("of something else", first.notes);
        detector.probed(0, decisions.now, new ProbeResult(false, false), decisions.now);
        assertTrue(first.pinged);
        first.notes = "of something else";
        detector.probed(0, decisions.now, new ProbeResult(false, false), decisions.now);
        assertEquals("of something else", first.notes, "said once");
        detector.probed(0, decisions.now, ProbeResult.OK, decisions.now);
        assertFalse(first.pinged);
        assertNull(first.notes);
    }

    @Test
    void manyRefusalsWantAProbeOfATierThatServes() {
        detector.refuses(0, decisions.now);
        assertEquals(1, sent());
        decisions.open(decisions.second());
        detector.refuses(1, decisions.now);
        assertEquals(0, sent());
    }
}
