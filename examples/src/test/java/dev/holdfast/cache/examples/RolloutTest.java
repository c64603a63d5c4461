package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class RolloutTest {
    @Test
    void everyPhaseKeepsWhatItPromisesAndTheWayBackIsClean() {
        Expectations played = new Rollout(new Rollout.Plan(150, Duration.ofMillis(100))).play();
        assertEquals(List.of(), played.missed());
    }

    @Test
    void anExpectationThatIsNotMetIsRemembered() {
        Expectations expected = new Expectations();
        assertFalse(expected.allMet(), "nothing was expected");
        expected.that("one", true, 1);
        assertTrue(expected.allMet());
        expected.inTime("two", false, 2);
        assertFalse(expected.allMet());
        assertEquals(List.of(), expected.missed());
        expected.that("three", false, 3);
        assertEquals(List.of("three: 3"), expected.missed());
    }
}
