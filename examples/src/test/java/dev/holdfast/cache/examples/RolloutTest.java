package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RolloutTest {
    @Test
    void everyPhaseKeepsWhatItPromisesAndTheWayBackIsClean() {
        assertTrue(new Rollout(new Rollout.Plan(150, Duration.ofMillis(100))).play());
    }

    @Test
    void anExpectationThatIsNotMetIsRemembered() {
        Expectations expected = new Expectations();
        assertFalse(expected.allMet(), "nothing was expected");
        expected.that("one", true, 1);
        assertTrue(expected.allMet());
        expected.that("two", false, 2);
        assertFalse(expected.allMet());
    }
}
