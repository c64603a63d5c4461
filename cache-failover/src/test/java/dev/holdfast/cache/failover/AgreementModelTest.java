package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Random histories of several clients over one server, against what is promised with a bound. A history that fails names its seed. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class AgreementModelTest {
    private static final long SEED = Long.getLong("holdfast.agreement.seed", 20_261_130L);
    private static final int HISTORIES = Integer.getInteger("holdfast.agreement.histories", 6_500);
    private static final int WINDOW = 1_000;

    @Test
    void noClientReturnsForLongWhatAnotherChanged() {
        for (int history = 0; history < HISTORIES; history++) {
            AgreementWorld.check(SEED + history, AgreementBug.NONE);
        }
        say("%d histories from seed %d: every promise was kept", HISTORIES, SEED);
    }

    /** A test that can't fail proves nothing: with a rule broken, some history must break a promise. */
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void aBrokenRuleIsFound(AgreementBug bug) {
        String found = null;
        int tried = 0;
        while (found == null && tried < WINDOW) {
            try {
                AgreementWorld.check(SEED + bug.firstHistory() + tried, bug);
            } catch (AssertionError e) {
                found = String.valueOf(e.getMessage());
            }
            tried++;
        }
        assertNotNull(found, bug + " was not found in " + tried + " histories");
        say("%s was found by history %d: %s", bug, bug.firstHistory() + tried, found);
    }

    private static void say(String format, Object... arguments) {
        System.out.println(String.format(Locale.ROOT, format, arguments));
    }
}
