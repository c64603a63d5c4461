package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** How much room a value takes, and what other clients can read of it. */
class ValueTextTest {
    private static void assertTakesAtMostBase64(byte[] value) {
        String text = ValueText.encode(value);
        assertTrue(text.length() <= 20 + 4 * (value.length / 3 + 1), () -> text.length() + " for " + value.length);
        assertTrue(text.startsWith("\0base64:"));
        assertArrayEquals(value, ValueText.decode(text.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void largeValuesThatJsonWouldEscapeStandAsBase64() {
        assertTakesAtMostBase64(new byte[1_800_000]);
        byte[] quotes = new byte[7_000_000];
        Arrays.fill(quotes, (byte) '"');
        assertTakesAtMostBase64(quotes);
    }

    @Test
    void textStandsAsItIsForOthersToRead() {
        String document =
                "{\"name\":\"value\",\"list\":[1,2,3],\"text\":\"some words\\nand more of them\"}".repeat(2_000);
        for (String text : new String[] {"", "word", "\n\t\0", "ä".repeat(100_000), document}) {
            assertEquals(text, ValueText.encode(text.getBytes(StandardCharsets.UTF_8)));
            assertArrayEquals(
                    text.getBytes(StandardCharsets.UTF_8), ValueText.decode(text.getBytes(StandardCharsets.UTF_8)));
        }
    }
}
