package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.memory.MemoryStore;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a composite learns of its tiers when it starts, if this process stands still meanwhile. */
class StartTest {
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private final Seam seam = new Seam(MemoryStore.create(1 << 20));
    private final Ticks ticks = new Ticks(System::nanoTime);
    private final FailoverState state = Decisions.alone();
    private final TierState first = state.tiers.get(0);
    private final Tier tier = new Tier(first, seam.store, ticks, FailoverConfig.DEFAULT);
    private final Switchboard switchboard =
            new Switchboard(state, List.of(tier), ticks, System::nanoTime, null, List::of);
    private final Stalls stalls = new Stalls();
    private final Workers workers = new Workers("start-test");
    private final Prober prober = new Prober(switchboard, List.of(tier), stalls);

    @AfterEach
    void stop() {
        workers.stop();
    }

    private CacheTimeoutException timeout() {
        return new CacheTimeoutException("could not connect within 5000 ms", null, false);
    }

    /** As the ticker finds it when it comes to run again. */
    private void standStill() {
        long now = System.nanoTime();
        assertTrue(stalls.ran(now - TimeUnit.SECONDS.toNanos(6), now));
    }

    @Test
    void aFirstProbeThatFailsAcrossAStallOfThisProcessIsSentAgain() {
        seam.fail("probe", () -> {
            standStill();
            seam.heal("probe");
            return timeout();
        });
        assertEquals(Map.of(), prober.probeAll(LIMIT, workers));
        assertEquals(1, seam.thrown("probe"));
        assertTrue(first.closed());
    }

    @Test
    void aServerThatIsGoneIsTakenOutThoughThisProcessAlwaysStandsStill() {
        seam.fail("probe", () -> {
            standStill();
            return timeout();
        });
        assertEquals(1, prober.probeAll(LIMIT, workers).size());
        assertTrue(seam.thrown("probe") > 1 && seam.thrown("probe") < 10, () -> seam.thrown("probe") + " probes");
    }
}
