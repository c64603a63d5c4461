package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;

/** The hash stands in entries that other releases read, so it is what wyhash's own program computes, for ever. */
class KeyHashTest {
    /** By length in bytes, of the bytes {@code i * 7 + 1}: values of the reference program. */
    private static final Map<Integer, Long> SEVENS = Map.of(
            0, 0x93228a4de0eec5a2L,
            4, 0xf61024db5a715a40L,
            8, 0xef68240886d19638L,
            14, 0x419e65d2e78d5560L,
            16, 0xa9aecb23fb1cb420L,
            32, 0x8082521dfb78d6d4L,
            48, 0xaee015b89490a9c7L,
            80, 0x601b5b2dafef7258L);

    /** The same, of the bytes {@code i}. */
    private static final Map<Integer, Long> ONES = Map.of(
            2, 0x5121ba5bc9a828b5L,
            4, 0xe08aeeb68058fb32L,
            8, 0xb4d6ac74d009e1d4L,
            16, 0x305fdea0ed4a2619L,
            32, 0x5b00c06ef7540f8fL,
            48, 0xecbfb7ff9e3d9a97L);

    private static String ofBytes(int length, IntUnaryOperator bytes) {
        StringBuilder units = new StringBuilder();
        for (int i = 0; i < length; i += 2) {
            units.append((char) ((bytes.applyAsInt(i) & 0xFF) | (bytes.applyAsInt(i + 1) & 0xFF) << 8));
        }
        return units.toString();
    }

    @Test
    void itIsWhatTheReferenceProgramComputes() {
        SEVENS.forEach((length, hash) ->
                assertEquals(hash, KeyHash.wyhash(ofBytes(length, i -> i * 7 + 1), 0), "of " + length + " bytes"));
        ONES.forEach((length, hash) ->
                assertEquals(hash, KeyHash.wyhash(ofBytes(length, i -> i), 0), "of " + length + " bytes"));
    }

    /** The messages of wyhash's own test, those of an even number of bytes: the seed is a message's number. */
    @Test
    void theSeedCountsAsItDoesInTheReferenceProgram() {
        assertEquals(0x786d1f1df3801df4L, KeyHash.wyhash(ofText("message digest"), 3));
        assertEquals(0xdca5a8138ad37c87L, KeyHash.wyhash(ofText("abcdefghijklmnopqrstuvwxyz"), 4));
        assertEquals(
                0xb9e734f117cfaf70L,
                KeyHash.wyhash(ofText("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), 5));
        assertEquals(0x6cc5eab49a92d617L, KeyHash.wyhash(ofText("1234567890".repeat(8)), 6));
    }

    private static String ofText(String ascii) {
        return ofBytes(ascii.length(), ascii::charAt);
    }

    @Test
    void thePrefixIsTheSeedOfTheRest() {
        assertEquals(
                KeyHash.wyhash("a key of some length", KeyHash.wyhash("users:", 0)),
                KeyHash.under("users:").of("users:a key of some length"));
        assertNotEquals(KeyHash.under("a:").of("a:b:c"), KeyHash.under("b:").of("b:b:c"), "caches with equal keys");
    }

    @Test
    void keysThatAreAlikeHaveHashesThatAreNot() {
        Set<Long> hashes = new HashSet<>();
        Set<Integer> low = new HashSet<>();
        for (int i = 0; i < 100_000; i++) {
            long hash = KeyHash.under("users:").of("users:" + i);
            hashes.add(hash);
            low.add((int) hash & 0xFFFF);
        }
        assertEquals(100_000, hashes.size());
        assertTrue(low.size() > 50_000, () -> "of 65536 values of the low bits only " + low.size() + " occur");
    }
}
