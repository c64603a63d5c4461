package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.memory.MemoryStore;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** A store that is led to another server: what was known of the one before says nothing of that one. */
class SwitchesTest {
    private static final Duration TICK = Duration.ofMillis(50);

    private final FakeWatch watch = new FakeWatch(FailoverConfig.DEFAULT);
    private final AtomicLong switches = new AtomicLong();
    private final Seam seam = new Seam(MemoryStore.create(1 << 16));

    private Tier tier(TierState state) {
        seam.answer("switches", switches::get);
        return new Tier(state, seam.store, new Ticks(System::nanoTime), FailoverConfig.DEFAULT);
    }

    private long probes() {
        return watch.count("probe 0");
    }

    @Test
    void aTierThatIsOutIsProbedAtOnceHoweverLongItWasOut() {
        for (Duration out : List.of(Duration.ofMillis(300), Duration.ofSeconds(20), Duration.ofMinutes(10))) {
            watch.lose();
            watch.answers = false;
            watch.pass(out);
            watch.answers = true;
            long before = probes();
            watch.state.tiers.get(0).detector.switched(watch.now);
            watch.pass(TICK);
            assertEquals(before + 1, probes(), out::toString);
            watch.awaitFirst();
        }
    }

    @Test
    void aProbeThatTheServerBeforeLeavesUnansweredIsFollowedByOneOfTheNextAtOnce() {
        watch.lose();
        watch.answers = false;
        watch.noAnswerAfter = Duration.ofSeconds(2);
        long before = probes();
        while (probes() == before) {
            watch.pass(TICK);
        }
        watch.state.tiers.get(0).detector.switched(watch.now);
        watch.answers = true;
        watch.pass(Duration.ofSeconds(2).plus(TICK.multipliedBy(2)));
        assertEquals(before + 2, probes());
    }

    @Test
    void aFenceIsFollowedByAProbeAtOnce() {
        watch.disconnectsEnd = false;
        watch.lose();
        watch.state.tiers.get(0).detector.switched(watch.now);
        watch.pass(Duration.ofSeconds(9));
        long before = probes();
        watch.pass(Duration.ofSeconds(1).plus(TICK.multipliedBy(2)));
        assertEquals(before + 1, probes());
    }

    @Test
    void aTierThatServesIsNotProbedForIt() {
        long before = probes();
        watch.state.tiers.get(0).detector.switched(watch.now);
        watch.pass(Duration.ofSeconds(1));
        assertEquals(before, probes());
    }

    @Test
    void eachIsSeenOnceAndAStoreThatFailsToSayItIsSwitchedNowhere() {
        Tier tier = tier(watch.first());
        assertFalse(tier.observe(1).switched());
        switches.addAndGet(2);
        assertTrue(tier.observe(2).switched());
        assertFalse(tier.observe(3).switched());
        seam.fail("switches", NoClassDefFoundError::new);
        assertFalse(tier.observe(4).switched());
    }

    @Test
    void aProbeThatFailsAcrossOneIsVoid() {
        FailoverState state = Decisions.alone();
        TierState first = state.tiers.get(0);
        Tier tier = tier(first);
        Ticks ticks = new Ticks(System::nanoTime);
        Switchboard switchboard = new Switchboard(state, List.of(tier), ticks, System::nanoTime, null, List::of);
        Prober prober = new Prober(switchboard, List.of(tier), new Stalls());
        seam.fail("probe", () -> {
            switches.incrementAndGet();
            return new CacheUnavailableException("the connection was lost", null, Reason.CONNECTION, false);
        });
        Effect.Probe probe = new Effect.Probe(0, System.nanoTime(), Duration.ofSeconds(1));
        switchboard.change(prober.probe(probe));
        assertTrue(first.closed());
        assertTrue(first.probes.isUnderWay(), "it is sent again");
        seam.fail("probe", () -> new CacheUnavailableException("gone", null, Reason.CONNECTION, false));
        switchboard.change(prober.probe(probe));
        assertFalse(first.closed());
    }
}
