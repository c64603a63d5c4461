package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** The demo of the near cache, in a third of its time. */
class NearDemoTest {
    @Test
    void whatAnotherProcessWritesIsSeenWithinTheBoundAlsoWhenNothingIsToldOfIt() throws Exception {
        assertTrue(new NearDemo(10).play());
    }
}
