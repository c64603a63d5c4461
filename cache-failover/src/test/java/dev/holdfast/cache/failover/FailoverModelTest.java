package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.Locale;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Random histories of calls and faults, thousands of them, against what is promised. A history that fails names its seed. */
class FailoverModelTest {
    private static final long SEED = Long.getLong("holdfast.model.seed", 20_261_120L);
    private static final int HISTORIES = Integer.getInteger("holdfast.model.histories", 3_000);
    /** A planted bug is looked for in as many histories from its first, and all of those are run without it too. */
    private static final int WINDOW = 300;

    @Test
    void noHistoryBreaksAPromise() {
        SortedSet<Integer> histories = new TreeSet<>();
        for (int i = 0; i < HISTORIES; i++) {
            histories.add(i);
        }
        for (ModelMutant bug : ModelMutant.values()) {
            for (int i = 0; i < WINDOW; i++) {
                histories.add(bug.firstHistory() + i);
            }
        }
        for (int history : histories) {
            ModelWorld.check(
                    SEED + history, steps(history), tiers -> new FailoverState(new DirtyKeys(tiers)), Set.of(), true);
        }
        say("%d histories from seed %d: every promise was kept", histories.size(), SEED);
    }

    /** A test that can't fail proves nothing: with a bug in one rule, some history must break a promise. */
    @ParameterizedTest
    @EnumSource
    void aBugInOneRuleIsFound(ModelMutant bug) {
        String found = null;
        int tried = 0;
        while (found == null && tried < WINDOW) {
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
