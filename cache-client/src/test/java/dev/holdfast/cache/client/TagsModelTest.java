package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random histories of two clients that put, load, read and remove by tag, with where tags stand evicted and pushes late: once a removal by tag has returned, or its client was told of it, nobody
 * reads what was made before, nor what somebody found to be removed; and what was put is there. A history that fails names its seed.
 */
class TagsModelTest {
    private static final long SEED = Long.getLong("holdfast.model.seed", 20_261_201L);
    private static final int HISTORIES = Integer.getInteger("holdfast.model.histories", 10_000);
    /** A planted bug is looked for in so many. */
    private static final int WINDOW = 5_000;

    @Test
    void noHistoryBreaksAPromise() {
        long found = 0;
        for (int history = 0; history < HISTORIES; history++) {
            found += TagsWorld.check(SEED + history, null);
        }
        say("%d histories from seed %d: every promise was kept, %d reads found something", HISTORIES, SEED, found);
        if (found < HISTORIES) {
            throw new AssertionError("the histories prove nothing: " + found + " entries were read");
        }
    }

    /** A test that can't fail proves nothing: with a bug in one rule, some history must break a promise. */
    @ParameterizedTest
    @EnumSource
    void aBugInOneRuleIsFound(TagsWorld.Bug bug) {
        String found = null;
        int tried = 0;
        while (found == null && tried < WINDOW) {
            try {
                long unused = TagsWorld.check(SEED + tried, bug);
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
