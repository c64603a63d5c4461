package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.memory.MemoryStore;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A verdict about a server takes evidence about the server. By a clock that the test turns, so the times are exact. */
class FailureDetectorTest {
    private final FakeWatch watch = new FakeWatch(FailoverConfig.DEFAULT);

    @Test
    void callsThatFailOnAServerWhoseProbeIsAnsweredOpenNothing() {
        // As after a NAT dropped idle connections: a burst of failures, whatever their number.
        for (int burst = 0; burst < 10; burst++) {
            watch.fail(8);
            watch.answer(3, 0);
            watch.pass(Duration.ofSeconds(30));
        }

        assertTrue(watch.first().closed(), watch.done.toString());
    }

    @Test
    void onePoisonousRequestThatBreaksItsConnectionBesideOthersOpensNothing() {
        for (int i = 0; i < 200; i++) {
            watch.fail(1);
            watch.answer(1, 0);
            watch.pass(Duration.ofMillis(500));
        }

        assertTrue(watch.first().closed(), watch.done.toString());
    }

    @Test
    void aServerThatAnswersProbesAndRefusesEveryCallIsOpenedWithinSeconds() {
        long begin = watch.now;
        while (watch.first().closed()
                && watch.now - begin < Duration.ofMinutes(1).toNanos()) {
            watch.fail(3);
            watch.pass(Duration.ofMillis(100));
        }

        Duration took = Duration.ofNanos(watch.now - begin);
        assertEquals(TierHealth.Reason.FAILURES, watch.first().circuit.reason());
        assertTrue(took.compareTo(Duration.ofSeconds(2)) > 0 && took.compareTo(Duration.ofSeconds(5)) < 0, "" + took);
    }

    @Test
    void halfOfTheCallsFailingBesideAnsweredProbesOpensNothingAndThreeQuartersDo() {
        for (int i = 0; i < 100; i++) {
            watch.fail(10);
            watch.answer(10, 0);
            watch.pass(Duration.ofSeconds(1));
        }
        assertTrue(watch.first().closed(), watch.done.toString());

        for (int i = 0; i < 10; i++) {
            watch.answer(4, 0);
            watch.fail(16);
            watch.pass(Duration.ofSeconds(1));
        }
        assertTrue(watch.count("opened 0 FAILURES") > 0, watch.done.toString());
    }

    @Test
    void sixteenSlowCallsOfTwentyMakeATierSuspectAndOpenItIfItStaysSo() {
        watch.answer(4, 0);
        watch.answer(15, 15);
        assertEquals(0, watch.count("probe 0"));
        watch.answer(1, 1);
        assertEquals(1, watch.count("probe 0"));
        assertTrue(watch.first().closed());

        for (int i = 0; i < 5; i++) {
            watch.pass(Duration.ofSeconds(1));
            watch.answer(20, 20);
        }

        assertFalse(watch.first().closed());
        assertEquals(TierHealth.Reason.SLOW, watch.first().circuit.reason());
        assertEquals(1, watch.state.tiers.serving());
    }

    @Test
    void fifteenSlowCallsOfTwentyOpenNothing() {
        for (int i = 0; i < 50; i++) {
            watch.answer(5, 0);
            watch.answer(15, 15);
            watch.pass(Duration.ofSeconds(1));
        }

        assertTrue(watch.first().closed());
    }

    @Test
    void aFailedCallIsFollowedByAProbeWithin100Milliseconds() {
        watch.fail(1);
        assertEquals(1, watch.count("probe 0"), "the first at once");
        watch.fail(1);
        assertEquals(1, watch.count("probe 0"), "and no storm of them");
        watch.pass(Duration.ofMillis(100));
        watch.fail(1);
        assertEquals(2, watch.count("probe 0"));
    }

    @Test
    void aTierWhoseProbeFailsIsOpenAtOnceForWhatItsCallsSaid() {
        watch.answers = false;
        watch.fail(1);

        assertFalse(watch.first().closed());
        assertEquals(TierHealth.Reason.PROBE, watch.first().circuit.reason());
    }

    @Test
    void aFrozenTierIsOpenAProbeTimeoutAfterItsCallHung() {
        watch.answers = false;
        watch.noAnswerAfter = TierPolicy.DEFAULT.minProbeTimeout();
        watch.hang(Duration.ofMillis(50));
        assertEquals(1, watch.count("probe 0"), "the tick that sees it probes it");
        watch.hang(Duration.ofMillis(150));
        assertTrue(watch.first().closed());
        watch.hang(Duration.ofMillis(50));

        assertFalse(watch.first().closed());
        assertEquals(TierHealth.Reason.FROZEN, watch.first().circuit.reason());
    }

    @Test
    void aCallThatHangsForLongBesideAnsweredProbesCostsFewOfThemAndHidesNoFreeze() {
        watch.hang(Duration.ofSeconds(30));
        assertTrue(watch.first().closed());
        assertTrue(watch.count("probe 0") <= 30 * 4 + 4, watch.count("probe 0") + " probes");

        watch.answers = false;
        watch.noAnswerAfter = TierPolicy.DEFAULT.minProbeTimeout();
        watch.hang(Duration.ofMillis(500));
        assertEquals(TierHealth.Reason.FROZEN, watch.first().circuit.reason());
    }

    @Test
    void aSuspicionThatNoProbeCouldDecideIsConfirmedAfterASecond() {
        watch.fail(3);
        watch.pass(Duration.ofMillis(1_100));
        watch.answers = false;
        // Its probes are refused for a reason that says nothing about the server.
        CacheUnavailableException saturated = new CacheUnavailableException("full", null, Reason.SATURATED, false);
        watch.probesEnd = false;
        watch.fail(3);
        for (int i = 0; i < 30 && watch.first().closed(); i++) {
            watch.state.tiers.get(0).detector.probeFailed(watch.now, saturated, true, watch.now);
            watch.pass(Duration.ofMillis(50));
        }

        assertEquals(TierHealth.Reason.FAILURES, watch.first().circuit.reason());
    }

    @Test
    void aProbeThatItsStoreNeverEndsIsGivenUpAndCallsThatGoOnFailingAreBelieved() {
        watch.answers = false;
        watch.probesEnd = false;
        for (int i = 0; i < 40 && watch.first().closed(); i++) {
            watch.fail(3);
            watch.pass(Duration.ofSeconds(1));
        }

        assertEquals(TierHealth.Reason.FAILURES, watch.first().circuit.reason());
        watch.probesEnd = true;
        watch.answers = true;
        watch.awaitFirst();
    }

    @Test
    void aVerdictFromAPauseOfThisProcessIsVoidButNotForEver() {
        for (int i = 0; i < 3; i++) {
            assertTrue(watch.first().closed());
            watch.state
                    .tiers
                    .get(0)
                    .detector
                    .probeFailed(watch.now, new CacheTimeoutException("no answer", null, true), false, watch.now);
        }
        watch.state
                .tiers
                .get(0)
                .detector
                .probeFailed(watch.now, new CacheTimeoutException("no answer", null, true), false, watch.now);

        assertFalse(watch.first().closed());
    }

    @Test
    void aStateThatTheServerNamesRightAfterAGoodProbeCountsAsAFailure() {
        CacheUnavailableException full = new CacheUnavailableException("OOM", null, Reason.SERVER_STATE, false);
        watch.state.tiers.get(0).detector.failed(full, 0, watch.now);
        watch.now++;
        watch.work();
        watch.state.tiers.get(0).detector.probed(watch.now, ProbeResult.OK, watch.now);
        assertEquals(0, watch.first().detector.failuresInARow());
        watch.pass(Duration.ofMillis(50));
        watch.state.tiers.get(0).detector.failed(full, 0, watch.now);
        watch.work();

        assertEquals(1, watch.first().detector.failuresInARow());
    }

    @Test
    void anExhaustedPoolAShardThatIsOutAndADisconnectionOpenNothing() {
        for (Reason reason : List.of(Reason.SATURATED, Reason.PARTIAL, Reason.DISCONNECTED)) {
            for (int i = 0; i < 100; i++) {
                watch.state
                        .tiers
                        .get(0)
                        .detector
                        .failed(new CacheUnavailableException("no", null, reason, false), 0, watch.now);
                watch.work();
            }
        }
        watch.pass(Duration.ofSeconds(5));

        assertTrue(watch.first().closed());
        assertEquals(0, watch.first().detector.failuresInARow());
    }

    @Test
    void aProbeFromBeforeTheFenceBringsNothingBack() {
        long before = watch.now - 1;
        watch.lose();
        for (int i = 0; i < 10; i++) {
            watch.state.tiers.get(0).detector.probed(before, ProbeResult.OK, watch.now);
        }

        assertEquals(TierHealth.State.OPEN, watch.first().circuit.mode());
    }

    @Test
    void anOpenTierIsProbedEverySecondForAMinuteAndThenEverMoreRarely() {
        watch.lose();
        watch.answers = false;
        watch.done.clear();
        watch.pass(Duration.ofMinutes(1));
        long first = watch.count("probe 0");
        assertTrue(first >= 50 && first <= 66, first + " in the first minute");

        watch.pass(Duration.ofMinutes(5));
        watch.done.clear();
        watch.pass(Duration.ofMinutes(10));
        long later = watch.count("probe 0");
        assertTrue(later >= 20 && later <= 41, later + " in ten minutes at a health check interval of 30 s");
    }

    @Test
    void aClientThatOnlyReadsSendsAHealthyServerNoProbes() {
        for (int i = 0; i < 600; i++) {
            watch.answer(10, 0);
            watch.pass(Duration.ofSeconds(1));
        }

        assertEquals(0, watch.count("probe 0"));
    }

    @Test
    void aClientThatWritesSendsAHealthyServerACanaryEveryTwentySecondsOrAfterTwoThousandChanges() {
        for (int i = 0; i < 600; i++) {
            watch.answer(10, 0);
            watch.first().changed(Kind.WRITE, List.of("c:" + i));
            watch.pass(Duration.ofSeconds(1));
        }
        long rare = watch.count("probe 0");
        assertTrue(rare >= 25 && rare <= 38, rare + " in ten minutes");

        for (int i = 0; i < 3 * RecentChanges.MANY; i++) {
            watch.first().changed(Kind.WRITE, List.of("c:" + i));
            watch.pass(Duration.ofMillis(1));
        }
        assertTrue(watch.count("probe 0") - rare >= 3, watch.count("probe 0") - rare + " more");
    }

    @Test
    void anIdleTierIsProbedOnceInAHealthCheckInterval() {
        watch.pass(Duration.ofMinutes(30));

        long probes = watch.count("probe 0");
        assertTrue(probes >= 50 && probes <= 72, probes + " in half an hour");
    }

    @Test
    void aServerThatWentBackInTimeIsNotBelievedWhicheverProbeSaysSo() {
        watch.answer = new ProbeResult(true, true);
        watch.state.tiers.get(0).detector.refuses(watch.now);
        watch.work();
        assertEquals(1, watch.count("remark wentBack"));
        assertEquals(1, watch.count("remove everything"));

        watch.answer = ProbeResult.OK;
        watch.lose();
        long before = watch.now - 1;
        watch.state.tiers.get(0).detector.probed(before, new ProbeResult(true, true), watch.now);
        assertTrue(
                watch.first().dirty.prefixes.all(),
                "said once, so it counts though the connection was of before the fence");
    }

    @Test
    void aCallThatHangsIsProbedAfterSuspectAfterAtBothEndsOfItsRange() {
        for (Duration suspectAfter : List.of(
                Duration.ofMillis(50),
                Duration.ofMillis(200),
                Duration.ofSeconds(3),
                Duration.ofSeconds(4),
                Duration.ofSeconds(60),
                Duration.ofHours(1))) {
            Ticks ticks = new Ticks(() -> watch.now);
            FailoverConfig config = FailoverConfig.DEFAULT.withSuspectAfter(suspectAfter);
            Tier tier = new Tier(watch.first(), MemoryStore.create(1 << 20), ticks, config);
            tier.begin();
            int passed = 0;
            while (!tier.observe(ticks.advance()).suspect()) {
                passed++;
                assertTrue(passed < 1_000_000, "never, with " + suspectAfter);
            }
            double asked = (double) suspectAfter.toNanos() / Ticks.PERIOD;
            assertTrue(passed >= asked * 0.9 - 2 && passed <= asked * 1.1 + 2, passed + " ticks with " + suspectAfter);
        }
    }
}
