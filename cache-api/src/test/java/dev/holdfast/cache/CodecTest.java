package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CodecTest {

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static <V> void assertRoundTrip(Codec<V> codec, V value, String encoded) {
        assertArrayEquals(utf8(encoded), codec.encode(value));
        assertEquals(value, codec.decode(utf8(encoded)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "plain",
                "\u0000",
                "\u007f",
                "\u00e9",
                "?",
                "\u00e9?",
                "\u9375",
                "\ud83d\udd11",
                "a\ud83d\udd11?"
            })
    void aStringIsItsUtf8(String text) {
        assertRoundTrip(Codec.string(), text, text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\ud83d", "\udd11", "a\ud83d", "\ud83da", "\udd11\ud83d", "?\ud83d", "\u00e9\ud83d"})
    void aStringWithAnUnpairedSurrogateIsRefused(String text) {
        assertThrows(CacheCodecException.class, () -> Codec.string().encode(text));
    }

    @Test
    void bytesThatAreNotUtf8AreNoString() {
        for (byte[] bytes : List.of(
                new byte[] {(byte) 0xff},
                new byte[] {(byte) 0xc3},
                new byte[] {'a', (byte) 0x80},
                new byte[] {(byte) 0xc0, (byte) 0x80},
                new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80})) {
            assertThrows(CacheCodecException.class, () -> Codec.string().decode(bytes));
        }
    }

    @Test
    void bytesAreCopiedBothWays() {
        byte[] value = {0, -1, 2};
        byte[] encoded = Codec.bytes().encode(value);
        byte[] decoded = Codec.bytes().decode(value);
        value[0] = 9;

        assertArrayEquals(new byte[] {0, -1, 2}, encoded);
        assertArrayEquals(new byte[] {0, -1, 2}, decoded);
    }

    @Test
    void numbersAreDecimalDigits() {
        assertRoundTrip(Codec.integers(), 0, "0");
        assertRoundTrip(Codec.integers(), Integer.MIN_VALUE, "-2147483648");
        assertRoundTrip(Codec.integers(), Integer.MAX_VALUE, "2147483647");
        assertRoundTrip(Codec.longs(), Long.MIN_VALUE, "-9223372036854775808");
        assertRoundTrip(Codec.longs(), Long.MAX_VALUE, "9223372036854775807");
        assertRoundTrip(Codec.booleans(), true, "true");
        assertRoundTrip(Codec.booleans(), false, "false");
    }

    @Test
    void everyDoubleComesBack() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 1_000; i++) {
            double value = Double.longBitsToDouble(random.nextLong());
            assertEquals(value, Codec.doubles().decode(Codec.doubles().encode(value)), "seed " + seed);
        }
        for (double value : new double[] {0.0, -0.0, Double.NaN, Double.NEGATIVE_INFINITY, Double.MIN_VALUE}) {
            assertEquals(value, Codec.doubles().decode(Codec.doubles().encode(value)));
        }
    }

    @Test
    void otherBytesAreRefused() {
        for (String text : List.of("", "x", "1.5", " 1", "2147483648", "1\u00e9")) {
            assertThrows(CacheCodecException.class, () -> Codec.integers().decode(utf8(text)), text);
        }
        assertThrows(CacheCodecException.class, () -> Codec.longs().decode(utf8("9223372036854775808")));
        assertThrows(CacheCodecException.class, () -> Codec.doubles().decode(utf8("one")));
        for (String text : List.of("", "TRUE", "1", "yes")) {
            assertThrows(CacheCodecException.class, () -> Codec.booleans().decode(utf8(text)), text);
        }
    }

    @Test
    void theMessageDoesNotQuoteTheBytes() {
        CacheCodecException e =
                assertThrows(CacheCodecException.class, () -> Codec.integers().decode(utf8("hunter2")));

        assertEquals("not an int: 7 bytes", e.getMessage());
    }

    @Test
    void aRawCodecHasTheSameBytesAndSaysSo() {
        Codec<String> raw = Codec.raw(Codec.string());

        assertTrue(raw.isRaw());
        assertFalse(Codec.string().isRaw());
        assertRoundTrip(raw, "text", "text");
        assertEquals(raw, Codec.raw(Codec.string()));
        assertThrows(NullPointerException.class, () -> Codec.raw(null));
    }
}
