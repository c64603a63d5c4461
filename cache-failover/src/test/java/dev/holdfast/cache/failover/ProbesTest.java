package dev.holdfast.cache.failover;

import static dev.holdfast.cache.failover.Decisions.MILLI;
import static dev.holdfast.cache.failover.Decisions.MINUTE;
import static dev.holdfast.cache.failover.Decisions.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.failover.Decisions.Chance;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** When a tier is probed, to the nanosecond. */
class ProbesTest {
    private static final FailoverConfig CONFIG = FailoverConfig.DEFAULT;

    private final List<Effect> effects = new ArrayList<>();
    private final Probes least = new Probes(CONFIG, Chance.LEAST, effects);
    private final Probes most = new Probes(CONFIG, Chance.MOST, effects);
    private final TierState tier = new TierState(0, Decisions.server("first"), CONFIG, () -> 0);
    private final long now = 1_000 * SECOND;

    /** Whether something was sent since the last look. */
    private boolean sent() {
        boolean any = !effects.isEmpty();
        effects.clear();
        return any;
    }

    private void ended(long at) {
        tier.probing = false;
        tier.lastProbeAt = at;
    }

    @Test
    void theNextFollowsAfterTheIntervalGiveOrTakeAQuarter() {
        least.soon(tier, now);
        assertEquals(now + 750 * MILLI, tier.nextProbeAt);
        most.soon(tier, now);
        assertEquals(now + 1_250 * MILLI - 1, tier.nextProbeAt);
    }

    @Test
    void theIntervalFitsTheGracePeriodWithinBounds() {
        List<Duration> graces =
                List.of(Duration.ZERO, Duration.ofMillis(300), Duration.ofSeconds(2), Duration.ofMinutes(1));
        List<Long> intervals = List.of(50 * MILLI, 100 * MILLI, 2 * SECOND / 3, SECOND);
        for (int i = 0; i < graces.size(); i++) {
            Probes probes = new Probes(CONFIG.withGracePeriod(graces.get(i)), Chance.LEAST, effects);
            probes.opened(tier);
            assertEquals(intervals.get(i), tier.probeDelay, "" + graces.get(i));
        }
    }

    @Test
    void aClosedTierIsProbedWhenItHasBeenIdleForItsInterval() {
        tier.idleNanos = 30 * SECOND;
        tier.lastProbeAt = now - 30 * SECOND + 1;
        tier.lastAnswerAt = 1;
        least.tick(tier, now);
        assertFalse(sent());

        tier.lastProbeAt = now - 30 * SECOND;
        tier.lastAnswerAt = now - 30 * SECOND + 1;
        least.tick(tier, now);
        assertFalse(sent());

        tier.lastAnswerAt = now - 30 * SECOND;
        least.tick(tier, now);
        assertTrue(sent());
    }

    @Test
    void aProbeIsSentWithWhatItMayTakeAndTheNextOnesAreDrawn() {
        most.send(tier, now);

        assertEquals(
                List.of(new Effect.Probe(0, now, Duration.ofMillis(200))),
                List.copyOf(effects),
                "the least of a closed tier");
        assertEquals(200 * MILLI, tier.probeNanos);
        assertTrue(tier.probing);
        assertEquals(now, tier.probeSentAt);
        assertEquals(37_500 * MILLI - 1, tier.idleNanos, "30 s and a quarter");
        assertEquals(25 * SECOND - 1, tier.canaryNanos, "20 s and a quarter");

        effects.clear();
        tier.mode = TierState.Mode.OPEN;
        least.send(tier, now);
        assertEquals(List.of(new Effect.Probe(0, now, Duration.ofSeconds(2))), List.copyOf(effects));
        assertEquals(22_500 * MILLI, tier.idleNanos);
        assertEquals(15 * SECOND, tier.canaryNanos);

        FailoverConfig often = CONFIG.withHealthCheckInterval(Duration.ofSeconds(6));
        TierState hasty = new TierState(0, Decisions.server("hasty"), often, () -> 0);
        least.send(hasty, now);
        assertEquals(3 * SECOND, hasty.canaryNanos, "two thirds of the interval, less a quarter");
    }

    @Test
    void aCanaryFollowsWhatWasChangedWithinItsTime() {
        tier.lastAnswerAt = now;
        ended(now - 20 * SECOND);
        tier.canaryNanos = 20 * SECOND;
        least.tick(tier, now);
        assertFalse(sent(), "nothing was changed");

        tier.recent.add("k");
        least.tick(tier, now - 1);
        assertFalse(sent());
        least.tick(tier, now);
        assertTrue(sent());

        ended(now);
        tier.recent.probed();
        tier.lastAnswerAt = now + 20 * SECOND;
        least.tick(tier, now + 20 * SECOND);
        assertFalse(sent(), "it was followed");
    }

    @Test
    void manyChangesWantACanaryAtOnceUnlessTheLastDidNotFollowThem() {
        tier.canaryNanos = 20 * SECOND;
        tier.lastAnswerAt = now;
        ended(now - 100 * MILLI);
        for (int i = 0; i < RecentChanges.MANY; i++) {
            assertFalse(tier.recent.many());
            tier.recent.add("k" + i);
        }
        tier.canaryFollowsAll = false;
        least.tick(tier, now);
        assertFalse(sent());

        tier.canaryFollowsAll = true;
        least.tick(tier, now - 1);
        assertFalse(sent(), "not oftener than every 100 ms");
        least.tick(tier, now);
        assertTrue(sent());
    }

    @Test
    void aTierBehindSomethingThatBuffersWritesNoCanaryForItsChanges() {
        TierState edge = new TierState(0, Decisions.buffered("edge"), CONFIG, () -> 0);
        edge.lastAnswerAt = now;
        edge.lastProbeAt = now - 29 * SECOND;
        least.tick(edge, now);
        assertFalse(sent());
        least.send(edge, now);
        assertTrue(sent());
    }

    @Test
    void aWantedProbeIsSentUnlessOneIsUnderWayOrOneEndedWithin100Milliseconds() {
        least.want(tier, now);
        assertTrue(sent(), "the first at once");
        least.want(tier, now + SECOND);
        assertFalse(sent(), "one is under way");
        ended(now);
        least.want(tier, now + 100 * MILLI - 1);
        assertFalse(sent());
        least.want(tier, now + 100 * MILLI);
        assertTrue(sent());
    }

    @Test
    void forACallThatHangsThreeAreSentEvery100MillisecondsAndThenOneEvery250() {
        least.wantOfHanging(tier, now);
        assertTrue(sent());
        least.wantOfHanging(tier, now + SECOND);
        assertFalse(sent());
        assertEquals(1, tier.hangs);
        long at = now;
        for (int i = 0; i < 2; i++) {
            ended(at);
            at += 100 * MILLI;
            least.wantOfHanging(tier, at - 1);
            assertFalse(sent());
            least.wantOfHanging(tier, at);
            assertTrue(sent());
        }
        assertEquals(3, tier.hangs);
        ended(at);
        least.wantOfHanging(tier, at + 250 * MILLI - 1);
        assertFalse(sent());
        least.wantOfHanging(tier, at + 250 * MILLI);
        assertTrue(sent());
    }

    @Test
    void aTierThatIsOutIsProbedWhenItIsTimeAndNotWhileItIsFencedHeldOrProbed() {
        tier.mode = TierState.Mode.OPEN;
        tier.nextProbeAt = now;
        least.tick(tier, now - 1);
        assertFalse(sent());
        tier.fencing = true;
        least.tick(tier, now);
        assertFalse(sent());
        tier.fencing = false;
        tier.held = true;
        least.tick(tier, now);
        assertFalse(sent());
        tier.held = false;
        tier.probing = true;
        least.tick(tier, now);
        assertFalse(sent());
        tier.probing = false;
        least.tick(tier, now);
        assertTrue(sent());
    }

    @Test
    void afterAMinuteEachProbeFollowsTwiceAsLateAsTheOneBeforeUpToTheHealthCheckInterval() {
        tier.since = now;
        tier.probeDelay = 7;
        least.later(tier, now + MINUTE - 1);
        assertEquals(SECOND, tier.probeDelay);
        assertEquals(now + MINUTE - 1 + 750 * MILLI, tier.nextProbeAt);

        long at = now + MINUTE;
        for (int seconds : new int[] {2, 4, 8, 16, 30, 30}) {
            least.later(tier, at);
            assertEquals(seconds * SECOND, tier.probeDelay);
            assertEquals(at + seconds * SECOND / 2, tier.nextProbeAt, "half of it at the least");
        }
        most.later(tier, at);
        assertEquals(at + 30 * SECOND, tier.nextProbeAt, "and all of it at the most");
    }

    @Test
    void aProbeIsGivenUpTenSecondsAfterTwiceItsTime() {
        least.send(tier, now);
        long at = now + 10 * SECOND + 2 * 200 * MILLI;
        assertFalse(least.overdue(tier, at - 1));
        assertTrue(least.overdue(tier, at));
        ended(at);
        assertFalse(least.overdue(tier, at));
    }
}
