package dev.holdfast.cache.failover;

import static dev.holdfast.cache.failover.Decisions.MILLI;
import static dev.holdfast.cache.failover.Decisions.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
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
    private final TierState first = decisions.first();
    private final FailureDetector detector = first.detector;

    private void fail(Reason reason) {
        detector.failed(Decisions.failure(reason), 0, decisions.now);
    }

    private void fail(int calls) {
        for (int i = 0; i < calls; i++) {
            fail(Reason.TIMEOUT);
        }
    }

    private void answered() {
        detector.probed(decisions.now, ProbeResult.OK, decisions.now);
    }

    private void probeFailed(Reason reason) {
        detector.probeFailed(decisions.now, Decisions.failure(reason), true, decisions.now);
    }

    private long sent() {
        return decisions.taken(Effect.Probe.class).size();
    }

    @Test
    void threeFailuresInARowMakeATierSuspectAndAnAnswerBetweenThemBeginsAnew() {
        fail(2);
        assertNull(detector.suspicion());
        detector.failed(Decisions.down(), 1, decisions.now);
        assertEquals(1, detector.failuresInARow());
        detector.failed(Decisions.down(), 1, decisions.now);
        assertNull(detector.suspicion());
        CacheUnavailableException last = Decisions.down();
        detector.failed(last, 1, decisions.now);
        assertEquals(TierHealth.Reason.FAILURES, detector.suspicion());
        assertSame(last, detector.lastFailure());
        assertEquals(decisions.now, detector.lastFailureAt());
        assertEquals(decisions.now, detector.suspectedAt());
        probeFailed(Reason.SATURATED);
        detector.tick(decisions.now + SECOND - 1);
        assertTrue(first.closed());
        first.probes.ended(decisions.now);
        detector.tick(decisions.now + SECOND);
        assertSame(last, first.circuit.openedBy());
    }

    @Test
    void aFailureOfAMemoryOrOfATierThatIsOutIsNoMoreThanSaid() {
        decisions.last().detector.failed(Decisions.down(), 0, decisions.now);
        assertEquals(0, decisions.last().detector.failuresInARow());
        decisions.open(first);
        fail(3);
        assertEquals(0, detector.failuresInARow());
        assertEquals(0, sent());
    }

    @Test
    void halfOfTwentyFailedCallsMakeATierSuspectThoughNoThreeWereInARow() {
        for (int i = 1; i <= 10; i++) {
            detector.observed(1, 0, false, decisions.now);
            assertNull(detector.suspicion());
            detector.failed(Decisions.down(), i, decisions.now);
        }
        assertEquals(TierHealth.Reason.FAILURES, detector.suspicion());
    }

    @Test
    void whatDoesNotCountWantsAProbeUnlessItIsOfAPartOrOnPurpose() {
        fail(Reason.SATURATED);
        assertEquals(1, sent());
        for (Reason reason : List.of(Reason.PARTIAL, Reason.DISCONNECTED)) {
            first.probes.ended(decisions.now);
            decisions.now += 100 * MILLI;
            fail(reason);
            assertEquals(0, sent(), "" + reason);
        }
        fail(Reason.SERVER_STATE);
        assertEquals(1, sent());
        assertEquals(0, detector.failuresInARow());
    }

    @Test
    void aStateThatIsNamedAfterAGoodProbeWithinASecondCountsAsAFailure() {
        fail(Reason.SERVER_STATE);
        decisions.now += 10;
        answered();
        decisions.now += SECOND - 11;
        fail(Reason.SERVER_STATE);
        assertEquals(1, detector.failuresInARow());
    }

    @Test
    void aSecondAfterTheRefusalThatAProbeContradictedNobodyKnows() {
        fail(Reason.SERVER_STATE);
        decisions.now += 10;
        answered();
        decisions.now += SECOND - 10;
        fail(Reason.SERVER_STATE);
        assertEquals(0, detector.failuresInARow());
    }

    @Test
    void whileAProbeIsUnderWayAStateThatIsNamedIsNoFailure() {
        fail(Reason.SERVER_STATE);
        first.probes.ended(++decisions.now);
        first.probes.send(decisions.now++);
        assertTrue(first.probes.isUnderWay());
        fail(Reason.SERVER_STATE);
        assertEquals(0, detector.failuresInARow());
    }

    @Test
    void aProbeFromBeforeTheRefusalSaysNothingOfIt() {
        answered();
        fail(Reason.SERVER_STATE);
        assertFalse(first.probes.isUnderWay());
        decisions.now++;
        fail(Reason.SERVER_STATE);
        assertEquals(0, detector.failuresInARow());
    }

    @Test
    void aProbeThatBeganBeforeTheSuspicionDoesNotContradictIt() {
        fail(3);
        detector.probed(decisions.now - 1, ProbeResult.OK, decisions.now);
        assertEquals(TierHealth.Reason.FAILURES, detector.suspicion());
        assertEquals(0, detector.contradictions());
        answered();
        assertNull(detector.suspicion());
        assertEquals(1, detector.contradictions());
        assertEquals(0, detector.failuresInARow());
        assertEquals(0, detector.failureRate());
    }

    @Test
    void aContradictedSuspicionIsNotRaisedAgainForASecond() {
        fail(3);
        answered();
        decisions.now += SECOND - 1;
        fail(3);
        assertNull(detector.suspicion());
        decisions.now++;
        fail(1);
        assertEquals(TierHealth.Reason.FAILURES, detector.suspicion());
    }

    @Test
    void callsThatFailThroughThreeAnsweredProbesAreBelieved() {
        for (int i = 0; i < 3; i++) {
            fail(3);
            answered();
            decisions.now += SECOND;
        }
        assertEquals(3, detector.contradictions());
        assertTrue(first.closed());
        fail(2);
        assertTrue(first.closed());
        fail(1);
        assertFalse(first.closed());
        assertEquals(TierHealth.Reason.FAILURES, first.circuit.reason());
    }

    @Test
    void contradictionsTenSecondsApartHaveNothingToDoWithEachOther() {
        for (int i = 0; i < 5; i++) {
            fail(3);
            answered();
            decisions.now += 10 * SECOND;
            assertEquals(1, detector.contradictions());
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
        detector.observed(4, 0, false, decisions.now);
        fail(11);
        assertTrue(first.closed(), "eleven to four");
        fail(1);
        assertFalse(first.closed(), "twelve to four");
    }

    @Test
    void slownessIsBelievedWhateverFailed() {
        for (int i = 0; i < 3; i++) {
            detector.observed(20, 20, false, decisions.now);
            assertEquals(TierHealth.Reason.SLOW, detector.suspicion());
            answered();
            decisions.now += SECOND;
        }
        detector.observed(20, 20, false, decisions.now);
        assertFalse(first.closed());
        assertEquals(TierHealth.Reason.SLOW, first.circuit.reason());
        assertNull(first.circuit.openedBy());
    }

    @Test
    void moreSlowCallsThanAnswersAreNoMoreThanThose() {
        for (int i = 0; i < 3; i++) {
            fail(3);
            answered();
            decisions.now += SECOND;
        }
        detector.observed(3, 40, false, decisions.now);
        assertNull(detector.suspicion());
        detector.observed(0, 40, false, decisions.now);
        assertNull(detector.suspicion());
        fail(8);
        assertTrue(first.closed(), "eight to three");
        fail(1);
        assertFalse(first.closed(), "nine to three");
    }

    @Test
    void anAnswerIsTakenDownOfAnyTier() {
        decisions.open(first);
        decisions.now++;
        detector.observed(1, 0, true, decisions.now);
        assertEquals(decisions.now, first.probes.lastAnswerAt());
        assertEquals(0, sent());
        decisions.last().detector.observed(1, 1, true, decisions.now);
        assertEquals(decisions.now, decisions.last().probes.lastAnswerAt());
        assertNull(decisions.last().detector.suspicion());
        decisions.now++;
        decisions.second().detector.observed(0, 0, false, decisions.now);
        assertEquals(0, decisions.second().probes.lastAnswerAt());
    }

    @Test
    void aCallThatHangsMakesATierSuspectAndOneThatEndedDoesNot() {
        detector.observed(0, 0, true, decisions.now);
        assertEquals(TierHealth.Reason.FROZEN, detector.suspicion());
        assertEquals(decisions.now, detector.suspectedAt());
        assertEquals(1, sent());
        decisions.now += SECOND;
        detector.observed(0, 0, true, decisions.now);
        assertEquals(decisions.now - SECOND, detector.suspectedAt(), "since it was seen first");
        for (int i = 0; i < 2; i++) {
            first.probes.ended(decisions.now);
            decisions.now += 100 * MILLI;
            detector.observed(0, 0, true, decisions.now);
            assertEquals(1, sent());
        }
        detector.observed(0, 0, false, decisions.now);
        first.probes.ended(decisions.now);
        decisions.now += 100 * MILLI;
        detector.observed(0, 0, true, decisions.now);
        assertEquals(1, sent(), "another call hangs, and is asked after as soon");
    }

    @Test
    void failedCallsTakeTheSuspicionOfAFreezeOverAndNotTheOtherWayRound() {
        detector.observed(0, 0, true, decisions.now);
        decisions.now += 5;
        fail(3);
        assertEquals(TierHealth.Reason.FAILURES, detector.suspicion());
        assertEquals(decisions.now, detector.suspectedAt());
        decisions.now += 5;
        detector.observed(0, 0, true, decisions.now);
        assertEquals(TierHealth.Reason.FAILURES, detector.suspicion());
        fail(1);
        assertEquals(decisions.now - 5, detector.suspectedAt());
    }

    @Test
    void aContradictedFreezeIsNoContradictionOfFailedCalls() {
        fail(2);
        detector.observed(0, 0, true, decisions.now);
        answered();
        assertNull(detector.suspicion());
        assertEquals(0, detector.contradictions());
        assertEquals(2, detector.failuresInARow());
    }

    @Test
    void aFailedProbeOpensATierForWhatItsCallsSaid() {
        probeFailed(Reason.TIMEOUT);
        assertEquals(TierHealth.Reason.PROBE, first.circuit.reason());
        for (Reason reason : List.of(Reason.TIMEOUT, Reason.CONNECTION, Reason.REFUSED, Reason.UNEXPECTED)) {
            Decisions own = Decisions.usual();
            own.state.tiers.get(0).detector.observed(0, 0, true, own.now);
            own.state.tiers.get(0).detector.probeFailed(own.now, Decisions.failure(reason), true, own.now);
            assertFalse(own.first().closed(), "" + reason);
            assertEquals(
                    reason == Reason.TIMEOUT ? TierHealth.Reason.FROZEN : TierHealth.Reason.PROBE,
                    own.first().circuit.reason());
        }
        Decisions own = Decisions.usual();
        for (int i = 0; i < 3; i++) {
            own.state.tiers.get(0).detector.failed(Decisions.down(), 0, own.now);
        }
        own.state.tiers.get(0).detector.probeFailed(own.now, Decisions.down(), true, own.now);
        assertEquals(TierHealth.Reason.FAILURES, own.first().circuit.reason());
    }

    @Test
    void aStateThatAProbeFindsIsLookedAtOnceMoreOnOtherConnections() {
        CacheUnavailableException readOnly = Decisions.failure(Reason.SERVER_STATE);
        first.probes.send(decisions.now);
        decisions.forget();
        detector.probeFailed(decisions.now, readOnly, true, decisions.now);
        assertTrue(first.closed());
        assertEquals(
                List.of(
                        new Effect.Disconnect(0, readOnly, 0),
                        new Effect.Probe(0, decisions.now, Duration.ofMillis(200))),
                decisions.state.takeEffects());
        answered();
        probeFailed(Reason.SERVER_STATE);
        assertTrue(first.closed());
        probeFailed(Reason.SERVER_STATE);
        assertFalse(first.closed());
        assertEquals(TierHealth.Reason.PROBE, first.circuit.reason());
    }

    @Test
    void whatSaysNothingOfTheServerLeavesASuspicionUndecidedAndIsConfirmedAfterASecond() {
        fail(3);
        for (Reason reason : List.of(Reason.SATURATED, Reason.PARTIAL, Reason.DISCONNECTED)) {
            probeFailed(reason);
        }
        assertFalse(first.probes.isUnderWay());
        detector.tick(decisions.now + SECOND - 1);
        assertTrue(first.closed());
        assertTrue(first.probes.isUnderWay(), "another probe may decide");
        detector.tick(decisions.now + SECOND);
        assertTrue(first.closed(), "it is waited for");
        first.probes.ended(decisions.now);
        detector.tick(decisions.now + SECOND);
        assertFalse(first.closed());
        assertEquals(TierHealth.Reason.FAILURES, first.circuit.reason());
    }

    @Test
    void anUndecidedFreezeIsNeverConfirmedByItself() {
        detector.observed(0, 0, true, decisions.now);
        probeFailed(Reason.SATURATED);
        decisions.forget();
        decisions.now += 60 * SECOND;
        detector.tick(decisions.now);
        assertTrue(first.closed());
        assertEquals(1, sent(), "it is asked again");
    }

    @Test
    void withoutASuspicionATickDoesNothing() {
        probeFailed(Reason.SATURATED);
        detector.tick(decisions.now);
        assertEquals(0, sent());
        assertTrue(first.closed());
        decisions.open(first);
        detector.tick(decisions.now);
        assertEquals(0, sent());
    }

    @Test
    void aProbeThatIsGivenUpLeavesItUndecidedFromTheSecondOn() {
        fail(3);
        decisions.now += 11 * SECOND;
        detector.tick(decisions.now);
        assertEquals(1, first.probes.givenUp());
        assertTrue(first.probes.isUnderWay(), "the next is sent");
        decisions.now += 11 * SECOND;
        detector.tick(decisions.now);
        assertEquals(2, first.probes.givenUp());
        assertFalse(first.closed());
    }

    @Test
    void aProbeOfATierThatServesThatBeganBeforeItsFenceIsVoid() {
        decisions.open(first);
        first.circuit.close(decisions.now);
        detector.probeFailed(decisions.now - 1, Decisions.down(), true, decisions.now);
        assertTrue(first.closed());
        assertTrue(first.probes.endedSince(decisions.now - 1));
        detector.probeFailed(decisions.now, Decisions.down(), true, decisions.now);
        assertFalse(first.closed());
    }

    @Test
    void aProbeAcrossAStallIsRepeatedThreeTimes() {
        for (int i = 0; i < 3; i++) {
            detector.probeFailed(decisions.now, Decisions.down(), false, decisions.now);
            assertTrue(first.closed());
            assertEquals(1, sent());
        }
        detector.probeFailed(decisions.now, Decisions.down(), false, decisions.now);
        assertFalse(first.closed());
    }

    @Test
    void anAnswerForgetsProbesThatWereVoid() {
        detector.probeFailed(decisions.now, Decisions.down(), false, decisions.now);
        giveUpTwo();
        answered();
        assertEquals(0, first.probes.givenUp());
        for (int i = 0; i < 3; i++) {
            detector.probeFailed(decisions.now, Decisions.down(), false, decisions.now);
        }
        assertTrue(first.closed());
        giveUpTwo();
        probeFailed(Reason.SATURATED);
        assertEquals(0, first.probes.givenUp());
    }

    private void giveUpTwo() {
        for (int i = 0; i < 2; i++) {
            first.probes.send(decisions.now);
            decisions.now += 11 * SECOND;
            assertTrue(first.probes.giveUp(decisions.now));
        }
        assertEquals(2, first.probes.givenUp());
    }

    @Test
    void aFailedProbeOfATierThatIsOutHasTheNextFollowLater() {
        decisions.open(first);
        decisions.now += SECOND;
        probeFailed(Reason.TIMEOUT);
        assertEquals(TierHealth.State.OPEN, first.circuit.mode());
        assertEquals(decisions.now + 750 * MILLI, first.probes.nextAt());
        answered();
        assertEquals(TierHealth.State.RECOVERING, first.circuit.mode());
        probeFailed(Reason.TIMEOUT);
        assertEquals(TierHealth.State.OPEN, first.circuit.mode());
        assertTrue(first.circuit.isFencing(), "it starts over");
    }

    @Test
    void anAnswerToATierThatIsOutCountsFromItsFenceOn() {
        first.circuit.open(TierHealth.Reason.PROBE, Decisions.down(), decisions.now);
        Effect.Disconnect fence = decisions.taken(Effect.Disconnect.class).get(0);
        decisions.now += SECOND;
        answered();
        assertEquals(TierHealth.State.OPEN, first.circuit.mode());
        assertEquals(decisions.now + 750 * MILLI, first.probes.nextAt());
        decisions.state.fenced(fence, true, decisions.now);
        detector.probed(decisions.now - 1, ProbeResult.OK, decisions.now);
        assertEquals(TierHealth.State.OPEN, first.circuit.mode());
        answered();
        assertEquals(TierHealth.State.RECOVERING, first.circuit.mode());
        decisions.now += 5 * SECOND;
        answered();
        assertFalse(first.closed(), "the second of three");
        answered();
        assertTrue(first.closed());
    }

    @Test
    void anAnswerThatFollowsAllForgetsWhatWasChangedBeforeItsProbe() {
        first.recent.add("k");
        first.recent.probing();
        detector.probed(decisions.now, new ProbeResult(true, false, false), decisions.now);
        assertTrue(first.recent.any());
        detector.probed(decisions.now, ProbeResult.OK, decisions.now);
        assertFalse(first.recent.any());
        assertEquals(decisions.now, first.probes.lastAnswerAt());
        assertTrue(first.probes.endedSince(decisions.now - 1));
    }

    @Test
    void aProbesTimeIsTakenIntoAccountIfItKeptToIt() {
        for (long took : new long[] {100 * MILLI, 2 * SECOND}) {
            first.probes.send(decisions.now);
            decisions.forget();
            detector.probed(decisions.now - took, ProbeResult.OK, decisions.now);
            first.probes.send(decisions.now);
            Duration given = decisions.taken(Effect.Probe.class).get(0).timeout();
            assertEquals(Duration.ofMillis(400), given, "four times the 100 ms");
        }
    }

    @Test
    void onlyPingedIsSaidOnceAndTakenBack() {
        detector.probed(decisions.now, ProbeResult.OK, decisions.now);
        assertNull(first.note());
        first.note("of something else");
        detector.probed(decisions.now, ProbeResult.OK, decisions.now);
        assertEquals("of something else", first.note());
        detector.probed(decisions.now, new ProbeResult(false, false), decisions.now);
        assertNotEquals("of something else", first.note());
        first.note("of something else");
        detector.probed(decisions.now, new ProbeResult(false, false), decisions.now);
        assertEquals("of something else", first.note(), "said once");
        detector.probed(decisions.now, ProbeResult.OK, decisions.now);
        assertNull(first.note());
    }

    @Test
    void manyRefusalsWantAProbeOfATierThatServes() {
        detector.refuses(decisions.now);
        assertEquals(1, sent());
        decisions.open(decisions.second());
        decisions.second().detector.refuses(decisions.now);
        assertEquals(0, sent());
    }
}
