package dev.holdfast.cache.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ForeignTextTest {
    @Test
    void whatWouldForgeALineIsReplaced() {
        assertEquals(
                "ERR no?WARN all?[31m is ?well??",
                ForeignText.shown("ERR no\nWARN all\u001b[31m is \u202ewell\u2028\ud800"));
        assertEquals("größer, 日本, \ud83d\ude00", ForeignText.shown("größer, 日本, \ud83d\ude00"));
        assertEquals("null", ForeignText.shown(null));
    }

    @Test
    void whatIsTooLongIsCutAndCounted() {
        assertEquals("x".repeat(200), ForeignText.shown("x".repeat(200)));
        assertEquals("x".repeat(200) + "… (+99800 characters)", ForeignText.shown("x".repeat(100_000)));
        // A pair that the limit would cut in two
        assertTrue(ForeignText.shown("x".repeat(199) + "\ud83d\ude00").startsWith("x".repeat(199) + '?'));
    }
}
