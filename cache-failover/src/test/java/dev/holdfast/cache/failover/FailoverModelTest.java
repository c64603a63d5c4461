package dev.holdfast.cache.failover;

import java.util.Set;
import org.junit.jupiter.api.Test;

/** Random histories of calls and faults, thousands of them, against what is promised. The seed of one that fails is printed. */
class FailoverModelTest {
    private static final long SEED = Long.getLong("holdfast.model.seed", 20_261_120L);
    private static final int HISTORIES = Integer.getInteger("holdfast.model.histories", 5_000);

    @Test
    void noHistoryBreaksAPromise() {
        for (int i = 0; i < HISTORIES; i++) {
            new ModelWorld(
                            SEED + i,
                            (config, tiers, random) -> new FailoverState(config, tiers, random, "model"),
                            Set.of())
                    .run(100 + i % 5 * 100);
        }
    }
}
