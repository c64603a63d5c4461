package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Random histories of calls and faults, thousands of them, against what is promised. A history that fails names its seed. */
class FailoverModelTest {
    private static final long SEED = Long.getLong("holdfast.model.seed", 20_261_120L);
    private static final int HISTORIES = Integer.getInteger("holdfast.model.histories", 3_000);
    private static final int MUTANT_HISTORIES = 40_000;

    @Test
    void noHistoryBreaksAPromise() {
        for (int i = 0; i < HISTORIES; i++) {
            ModelWorld.check(
                    SEED + i,
                    steps(i),
                    (config, tiers, random) -> new FailoverState(config, tiers, random, "model"),
                    Set.of(),
                    true);
        }
        say("%d histories from seed %d: every promise was kept", HISTORIES, SEED);
    }

    /** A test that can't fail proves nothing: with a bug in one rule, some history must break a promise. */
    @ParameterizedTest
    @EnumSource
    void aBugInOneRuleIsFound(ModelMutant bug) {
        String found = null;
        int tried = 0;
        while (found == null && tried < MUTANT_HISTORIES) {
            try {
                int history = bug.firstHistory() + tried;
                ModelWorld.check(SEED + history, steps(history), bug::create, bug.outside(), false);
            } catch (AssertionError e) {
                found = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            }
            tried++;
        }
        assertNotNull(found, bug + " was not found in " + tried + " histories");
        say("%s was found by history %d: %s", bug, bug.firstHistory() + tried, found);
    }

    private static void say(String format, Object... arguments) {
        System.out.println(String.format(Locale.ROOT, format, arguments));
    }

    private static int steps(int history) {
        return 100 + history % 5 * 100;
    }
}
