package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random histories of reads, changes here and elsewhere, pushes that are late and in any order, and connections that are lost: once a change was told, or the
 * guard of a copy has ended, nobody reads what was there before, and nobody reads something older than was read before. A history that fails names its seed.
 */
class NearModelTest {
    private static final long SEED = Long.getLong("holdfast.model.seed", 20_261_130L);
    private static final int HISTORIES = Integer.getInteger("holdfast.model.histories", 10_000);
    /** A planted bug is looked for in so many. */
    private static final int WINDOW = 2_000;

    @Test
    void noHistoryBreaksAPromise() {
        long hits = 0;
        for (int history = 0; history < HISTORIES; history++) {
            hits += NearWorld.check(SEED + history, null);
        }
        say("%d histories from seed %d: every promise was kept, %d near hits", HISTORIES, SEED, hits);
        if (hits < HISTORIES) {
            throw new AssertionError("the histories prove nothing: " + hits + " near hits in " + HISTORIES);
        }
    }

    /** A test that can't fail proves nothing: with a bug in one rule, some history must break a promise. */
    @ParameterizedTest
    @EnumSource
    void aBugInOneRuleIsFound(NearWorld.Bug bug) {
        String found = null;
        int tried = 0;
        while (found == null && tried < WINDOW) {
            try {
                long unused = NearWorld.check(SEED + tried, bug);
            } catch (AssertionError e) {
                found = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            }
            tried++;
        }
        assertNotNull(found, bug + " was not found in " + tried + " histories");
        say("%s was found by history %d: %s", bug, tried, found);
    }

    private static void say(String format, Object... arguments) {
        System.out.println(String.format(Locale.ROOT, format, arguments));
    }
}
