package dev.holdfast.cache.failover;

import static dev.holdfast.cache.failover.Decisions.MILLI;
import static dev.holdfast.cache.failover.Decisions.MINUTE;
import static dev.holdfast.cache.failover.Decisions.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.failover.Decisions.Chance;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** When a tier is probed, to the nanosecond. */
class ProbesTest {
    private static final FailoverConfig CONFIG = FailoverConfig.DEFAULT;

    private final Decisions least = decisions(CONFIG, Chance.LEAST);
    private final Decisions most = decisions(CONFIG, Chance.MOST);
    private final TierState tier = least.first();
    private final Probes probes = tier.probes;
    private final long now = 1_000 * SECOND;

    private static Decisions decisions(FailoverConfig config, Chance chance) {
        return new Decisions(config, chance, Decisions.server("first"));
    }

    /** Whether something was sent since the last look. */
    private boolean sent() {
        return !least.taken(Effect.Probe.class).isEmpty();
    }

    /** A probe was sent and has ended. */
    private void ended(long at) {
        probes.send(at);
        least.forget();
        probes.ended(at);
    }

    @Test
    void theNextFollowsAfterTheIntervalGiveOrTakeAQuarter() {
        probes.soon(now);
        assertEquals(now + 750 * MILLI, probes.nextAt());
        most.first().probes.soon(now);
        assertEquals(now + 1_250 * MILLI - 1, most.first().probes.nextAt());
    }

    @Test
    void theIntervalFitsTheGracePeriodWithinBounds() {
        List<Duration> graces =
                List.of(Duration.ZERO, Duration.ofMillis(300), Duration.ofSeconds(2), Duration.ofMinutes(1));
        List<Long> intervals = List.of(50 * MILLI, 100 * MILLI, 2 * SECOND / 3, SECOND);
        for (int i = 0; i < graces.size(); i++) {
            Probes own = decisions(CONFIG.withGracePeriod(graces.get(i)), Chance.LEAST)
                    .first()
                    .probes;
            own.opened();
            own.later(now);
            assertEquals(now + intervals.get(i), own.nextAt(), "half of twice that with " + graces.get(i));
        }
    }

    @Test
    void aClosedTierIsProbedWhenItHasBeenIdleForItsInterval() {
        long idle = 22_500 * MILLI; // 30 s less a quarter
        ended(now - idle + 1);
        probes.heard(1);
        probes.tick(now);
        assertFalse(sent());

        ended(now - idle);
        probes.heard(now - idle + 1);
        probes.tick(now);
        assertFalse(sent());

        probes.heard(now - idle);
        probes.tick(now);
        assertTrue(sent());
    }

    @Test
    void aProbeIsSentWithWhatItMayTakeAndTheNextOnesAreDrawn() {
        Probes late = most.first().probes;
        late.send(now);
        assertEquals(
                List.of(new Effect.Probe(0, now, Duration.ofMillis(200))),
                most.state.takeEffects(),
                "the least of a closed tier");
        assertTrue(late.isUnderWay());
        assertEquals(now, late.sentAt());
        late.ended(now);
        late.tick(now + 37_500 * MILLI - 2);
        assertEquals(List.of(), most.state.takeEffects());
        late.tick(now + 37_500 * MILLI - 1);
        assertEquals(1, most.taken(Effect.Probe.class).size(), "30 s and a quarter");
        late.ended(now);
        most.first().recent.add("k");
        late.tick(now + 25 * SECOND - 2);
        assertEquals(List.of(), most.state.takeEffects());
        late.tick(now + 25 * SECOND - 1);
        assertEquals(1, most.taken(Effect.Probe.class).size(), "20 s and a quarter");

        least.open(tier);
        probes.send(now);
        assertEquals(List.of(new Effect.Probe(0, now, Duration.ofSeconds(2))), least.state.takeEffects());

        Decisions often = decisions(CONFIG.withHealthCheckInterval(Duration.ofSeconds(6)), Chance.LEAST);
        Probes hasty = often.first().probes;
        hasty.send(now);
        hasty.ended(now);
        often.forget();
        often.first().recent.add("k");
        hasty.tick(now + 3 * SECOND - 1);
        assertEquals(List.of(), often.state.takeEffects());
        hasty.tick(now + 3 * SECOND);
        assertEquals(1, often.taken(Effect.Probe.class).size(), "two thirds of the interval, less a quarter");
    }

    @Test
    void aCanaryFollowsWhatWasChangedWithinItsTime() {
        probes.heard(now);
        ended(now - 15 * SECOND); // 20 s less a quarter
        probes.tick(now);
        assertFalse(sent(), "nothing was changed");

        tier.recent.add("k");
        probes.tick(now - 1);
        assertFalse(sent());
        probes.tick(now);
        assertTrue(sent());

        probes.ended(now);
        tier.recent.probed();
        probes.heard(now + 20 * SECOND);
        probes.tick(now + 20 * SECOND);
        assertFalse(sent(), "it was followed");
    }

    @Test
    void manyChangesWantACanaryAtOnceUnlessTheLastDidNotFollowThem() {
        long before = now - 100 * MILLI;
        ended(before);
        for (int i = 0; i < RecentChanges.MANY; i++) {
            assertFalse(tier.recent.many());
            tier.recent.add("k" + i);
        }
        probes.answered(before, new ProbeResult(true, false, false), before);
        probes.tick(now);
        assertFalse(sent());

        probes.answered(before, ProbeResult.OK, before);
        probes.tick(now - 1);
        assertFalse(sent(), "not oftener than every 100 ms");
        probes.tick(now);
        assertTrue(sent());
    }

    @Test
    void aTierBehindSomethingThatBuffersWritesNoCanaryForItsChanges() {
        Decisions own = new Decisions(CONFIG, Chance.LEAST, Decisions.buffered("edge"));
        TierState edge = own.first();
        edge.probes.send(now - 29 * SECOND);
        edge.probes.ended(now - 29 * SECOND);
        own.forget();
        edge.changed(Kind.WRITE, List.of("k"));
        edge.probes.heard(now);
        edge.probes.tick(now);
        assertEquals(List.of(), own.state.takeEffects());
        edge.probes.send(now);
        assertEquals(1, own.taken(Effect.Probe.class).size());
    }

    @Test
    void aWantedProbeIsSentUnlessOneIsUnderWayOrOneEndedWithin100Milliseconds() {
        probes.want(now);
        assertTrue(sent(), "the first at once");
        probes.want(now + SECOND);
        assertFalse(sent(), "one is under way");
        probes.ended(now);
        probes.want(now + 100 * MILLI - 1);
        assertFalse(sent());
        probes.want(now + 100 * MILLI);
        assertTrue(sent());
    }

    @Test
    void forACallThatHangsThreeAreSentEvery100MillisecondsAndThenOneEvery250() {
        probes.wantOfHanging(now);
        assertTrue(sent());
        probes.wantOfHanging(now + SECOND);
        assertFalse(sent());
        long at = now;
        for (int i = 0; i < 2; i++) {
            probes.ended(at);
            at += 100 * MILLI;
            probes.wantOfHanging(at - 1);
            assertFalse(sent());
            probes.wantOfHanging(at);
            assertTrue(sent(), "what was not sent is not counted");
        }
        probes.ended(at);
        probes.wantOfHanging(at + 250 * MILLI - 1);
        assertFalse(sent());
        probes.wantOfHanging(at + 250 * MILLI);
        assertTrue(sent());
        probes.ended(at);
        probes.nothingHangs();
        probes.wantOfHanging(at + 100 * MILLI);
        assertTrue(sent(), "another call hangs");
    }

    @Test
    void aTierThatIsOutIsProbedWhenItIsTimeAndNotWhileItIsFencedHeldOrProbed() {
        least.open(tier);
        probes.next(now);
        probes.tick(now - 1);
        assertFalse(sent());
        Effect.Disconnect fence = Decisions.fence(least.state, 0, now);
        probes.next(now);
        probes.tick(now);
        assertFalse(sent());
        least.state.fenced(fence, true, now);
        probes.next(now);
        tier.circuit.hold();
        probes.tick(now);
        assertFalse(sent());
        tier.circuit.release();
        probes.send(now);
        assertTrue(sent());
        probes.tick(now);
        assertFalse(sent());
        probes.ended(now);
        probes.tick(now);
        assertTrue(sent());
    }

    @Test
    void afterAMinuteEachProbeFollowsTwiceAsLateAsTheOneBeforeUpToTheHealthCheckInterval() {
        for (Decisions own : List.of(least, most)) {
            own.open(own.first());
            Probes rare = own.first().probes;
            boolean first = own == least;
            rare.later(now + MINUTE);
            rare.later(now + MINUTE - 1);
            assertEquals(now + MINUTE - 1 + (first ? 750 * MILLI : 1_250 * MILLI - 1), rare.nextAt());

            long at = now + MINUTE;
            for (int seconds : new int[] {2, 4, 8, 16, 30, 30}) {
                rare.later(at);
                // Half of it at the least, and all of it at the most.
                assertEquals(at + (first ? seconds * SECOND / 2 : seconds * SECOND), rare.nextAt());
            }
        }
    }

    @Test
    void aProbeIsGivenUpTenSecondsAfterTwiceItsTime() {
        probes.send(now);
        long at = now + 10 * SECOND + 2 * 200 * MILLI;
        assertFalse(probes.giveUp(at - 1));
        assertTrue(probes.isUnderWay());
        assertTrue(probes.giveUp(at));
        assertFalse(probes.isUnderWay());
        assertFalse(probes.giveUp(at));
    }
}
