package dev.holdfast.cache.spi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KeyPrefixTest {
    private static final KeyPrefix SHOP = KeyPrefix.of("shop");

    private static String text(byte[] utf8) {
        return new String(utf8, StandardCharsets.UTF_8);
    }

    @Test
    void aPrefixStandsBeforeTheKeyWithAColon() {
        assertEquals("shop:k", SHOP.apply("k"));
        assertEquals("shop:", SHOP.apply(""));
        assertEquals("shop:k", text(SHOP.encodeKey("k")));
        assertEquals("shop:", SHOP.toString());
        assertFalse(SHOP.isEmpty());
    }

    @Test
    void nullAndTheEmptyStringAreNoPrefix() {
        assertSame(KeyPrefix.NONE, KeyPrefix.of(null));
        assertSame(KeyPrefix.NONE, KeyPrefix.of(""));
        assertTrue(KeyPrefix.NONE.isEmpty());
        assertEquals("k", KeyPrefix.NONE.apply("k"));
        assertEquals("k", text(KeyPrefix.NONE.encodeKey("k")));
    }

    @Test
    void aPrefixOf256CharactersIsTakenAndALongerOneRefused() {
        assertEquals(257, KeyPrefix.of("x".repeat(256)).toString().length());
        assertThrows(IllegalArgumentException.class, () -> KeyPrefix.of("x".repeat(257)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a b", " ", "a\n", "\u0000", "\u007f", "\u2003", "\ud83d", "a\udd11"})
    void aPrefixWithWhiteSpaceControlCharactersOrHalfASurrogateIsRefused(String prefix) {
        assertThrows(IllegalArgumentException.class, () -> KeyPrefix.of(prefix));
    }

    @Test
    void keysBecomeUtf8WhateverTheyHold() {
        Random random = new Random(42);
        for (int round = 0; round < 2_000; round++) {
            String key = random.ints(random.nextInt(20), 0, Character.MAX_CODE_POINT + 1)
                    .map(c -> random.nextBoolean() ? c % 0x80 : c)
                    .filter(c -> c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE)
                    .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                    .toString();
            for (KeyPrefix prefix : List.of(KeyPrefix.NONE, SHOP, KeyPrefix.of("\u9375"))) {
                assertArrayEquals(
                        (prefix + key).getBytes(StandardCharsets.UTF_8),
                        prefix.encodeKey(key),
                        "seed 42, round " + round);
                assertEquals(prefix + key, prefix.checkedKey(key));
                assertEquals(key, prefix.strip(prefix.apply(key)));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\ud83d", "\udd11", "a\ud83d", "\ud83da", "\udd11\ud83d", "\u00e9\ud83d"})
    void anUnpairedSurrogateHasNoEncoding(String key) {
        assertThrows(IllegalArgumentException.class, () -> SHOP.encodeKey(key));
        assertThrows(IllegalArgumentException.class, () -> KeyPrefix.NONE.encodeKey(key));
        assertThrows(IllegalArgumentException.class, () -> SHOP.scanPattern(key));
        assertThrows(IllegalArgumentException.class, () -> SHOP.checkedKey(key));
    }

    @Test
    void stripRefusesAKeyOfAnotherStore() {
        assertThrows(IllegalArgumentException.class, () -> SHOP.strip("shopping:k"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            quoteCharacter = '"',
            value = {
                "user: shop:user:*",
                "a*b shop:a\\*b*",
                "? shop:\\?*",
                "[a-z] shop:\\[a-z\\]*",
                "\\ shop:\\\\*",
                "\\* shop:\\\\\\**",
                "^{x} shop:^{x}*",
                "\u00e9 shop:\u00e9*"
            })
    void aScanPatternTakesThePrefixLiterally(String prefix, String pattern) {
        assertEquals(pattern, text(SHOP.scanPattern(prefix)));
    }

    @Test
    void theKeyPrefixIsLiteralInAScanPatternToo() {
        assertEquals("a\\*b:k*", text(KeyPrefix.of("a*b").scanPattern("k")));
        assertEquals("shop:*", text(SHOP.scanPattern("")));
        assertEquals("k*", text(KeyPrefix.NONE.scanPattern("k")));
    }

    @Test
    void aScanPatternForEverythingIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> KeyPrefix.NONE.scanPattern(""));
    }

    @Test
    void prefixesAreEqualByTheirText() {
        assertEquals(SHOP, KeyPrefix.of("shop"));
        assertEquals(SHOP.hashCode(), KeyPrefix.of("shop").hashCode());
        assertNotEquals(SHOP, KeyPrefix.of("shop2"));
    }

    @Test
    void noKeyIsNull() {
        assertThrows(NullPointerException.class, () -> KeyPrefix.NONE.apply(null));
        assertThrows(NullPointerException.class, () -> KeyPrefix.NONE.encodeKey(null));
        assertThrows(NullPointerException.class, () -> SHOP.encodeKey(null));
        assertThrows(NullPointerException.class, () -> SHOP.scanPattern(null));
    }
}
