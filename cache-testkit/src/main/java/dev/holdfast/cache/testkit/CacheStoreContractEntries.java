package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** One key at a time: get, put, fill, remove, contains; which keys and values there are. */
abstract class CacheStoreContractEntries extends CacheStoreContractFixture {

    /** Keys that something between here and the server could mistake for another, or for part of its language. */
    static final List<String> ODD_KEYS = List.of(
            "",
            " ",
            "plain",
            "Plain",
            "plain ",
            " plain",
            "two words",
            "line\nbreak",
            "line\r\nbreak",
            "tab\t",
            "nul\u0000byte",
            "\u007f",
            "{tag}a",
            "{tag}b",
            "a{tag}",
            "{}",
            "{",
            "}",
            "}{",
            "{{tag}}",
            "{open",
            "*",
            "?",
            "[a-z]",
            "[^a]",
            "\\",
            "\\*",
            "a:b::c:",
            "#",
            "%2F/../?q=1&r=%00",
            "\"quoted\"",
            "'single'",
            "null",
            "$6",
            "\u00e9",
            "e\u0301",
            "\u043a\u043b\u044e\u0447",
            "\u9375",
            "\ufeff",
            "\uffff",
            "\ud83d\udd11",
            "\udbff\udfff",
            "x".repeat(512),
            "\ud83d\udd11".repeat(128));

    @Test
    void anAbsentKeyHasNoValue() {
        assertNull(store.get("nothing"));
        assertFalse(store.contains("nothing"));
    }

    @Test
    void whatWasPutIsGot() {
        store.put("k", VALUE, LONG);

        assertHolds("k", VALUE);
        assertTrue(store.contains("k"));
    }

    @Test
    void putReplacesWhatWasThere() {
        store.put("k", VALUE, LONG);
        store.put("k", OTHER, LONG);

        assertHolds("k", OTHER);
    }

    @Test
    void putReplacesALongValueByAShortOne() {
        store.put("k", new byte[10_000], LONG);
        store.put("k", bytes("x"), LONG);

        assertHolds("k", bytes("x"));
    }

    @Test
    void fillStoresAValue() {
        store.fill("k", VALUE, LONG);

        assertHolds("k", VALUE);
    }

    @Test
    void fillReplacesWhatWasThere() {
        store.put("k", VALUE, LONG);
        store.fill("k", OTHER, LONG);

        assertHolds("k", OTHER);
    }

    @Test
    void removeSaysThatAKeyWasPresent() {
        store.put("k", VALUE, LONG);

        assertTrue(store.remove("k"));
        assertNull(store.get("k"));
        assertFalse(store.contains("k"));
    }

    @Test
    void removeSaysThatAKeyWasAbsent() {
        assertFalse(store.remove("k"));

        store.put("k", VALUE, LONG);
        store.remove("k");
        assertFalse(store.remove("k"));
    }

    @Test
    void aRemovedKeyCanBePutAgain() {
        store.put("k", VALUE, LONG);
        store.remove("k");
        store.put("k", OTHER, LONG);

        assertHolds("k", OTHER);
    }

    @Test
    void everyStringOfUnicodeScalarsIsAKeyAndNoTwoAreTheSame() {
        for (int i = 0; i < ODD_KEYS.size(); i++) {
            store.put(ODD_KEYS.get(i), bytes("value " + i), LONG);
        }

        for (int i = 0; i < ODD_KEYS.size(); i++) {
            assertHolds(ODD_KEYS.get(i), bytes("value " + i));
        }
    }

    @Test
    void oddKeysCanBeReadTogether() {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        for (String key : ODD_KEYS) {
            entries.put(key, bytes("value of " + key));
        }
        store.putAll(entries, LONG);

        Map<String, byte[]> found = store.getAll(ODD_KEYS);

        assertEquals(ODD_KEYS, List.copyOf(found.keySet()));
        found.forEach((key, value) -> assertEquals("value of " + key, text(value)));
    }

    @Test
    void oddKeysCanBeRemovedOneByOne() {
        for (String key : ODD_KEYS) {
            store.put(key, VALUE, LONG);
        }

        for (int i = 0; i < ODD_KEYS.size(); i++) {
            String key = ODD_KEYS.get(i);
            assertTrue(store.remove(key), key);
            assertEquals(ODD_KEYS.size() - i - 1, store.getAll(ODD_KEYS).size(), () -> "after the removal of " + key);
        }
    }

    @Test
    void theEmptyValueIsAValue() {
        byte[] empty = {};
        store.put("k", empty, LONG);

        assertHolds("k", empty);
        assertTrue(store.contains("k"));
        assertNotNull(store.ttl("k"));
        assertFalse(store.putIfAbsent("k", VALUE, LONG));
        assertArrayEquals(empty, store.getAll(List.of("k")).get("k"));
        assertTrue(store.replace("k", empty, VALUE, LONG));
        store.put("k", empty, LONG);
        assertTrue(store.remove("k", empty));
    }

    @Test
    void aValueMayHoldAnyByte() {
        byte[] all = new byte[256];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) i;
        }
        store.put("k", all, LONG);

        assertHolds("k", all);
        assertArrayEquals(all, store.getAll(List.of("k")).get("k"));
        assertTrue(store.replace("k", all, OTHER, LONG));
    }

    @Test
    void aValueThatLooksLikeAReplyIsAValue() {
        for (String value :
                List.of("OK", "nil", "null", "$-1\r\n", "*0\r\n", "-ERR no\r\n", "\"\"", "{}", "[]", "\r\n")) {
            store.put("k", bytes(value), LONG);

            assertEquals(value, text(store.get("k")));
        }
    }

    @Test
    void aValueOfAMegabyteComesBackWhole() {
        byte[] value = new byte[1 << 20];
        new Random(1).nextBytes(value);
        store.put("k", value, LONG);

        assertHolds("k", value);
    }

    @Test
    void theLargestValueComesBackWhole() {
        byte[] value = Random16Mebibytes.first(maxValueBytes());
        store.put("k", value, LONG);

        assertHolds("k", value);
        store.remove("k");
        assertNull(store.get("k"));
    }

    @Test
    void anArrayThatWasPassedInIsNotKept() {
        byte[] value = VALUE.clone();
        store.put("put", value, LONG);
        store.fill("fill", value, LONG);
        store.putIfAbsent("putIfAbsent", value, LONG);
        store.putAll(Map.of("putAll", value), LONG);
        store.put("replace", OTHER, LONG);
        store.replace("replace", OTHER, value, LONG);
        value[0] = '!';

        for (String key : List.of("put", "fill", "putIfAbsent", "putAll", "replace")) {
            assertHolds(key, VALUE);
        }
    }

    @Test
    void anArrayThatWasPassedInIsNotChanged() {
        byte[] value = VALUE.clone();
        store.put("k", value, LONG);
        store.replace("k", value, value, LONG);
        store.remove("k", value);
        store.putAll(Map.of("k", value), LONG);

        assertArrayEquals(VALUE, value);
    }

    @Test
    void aSharedArrayHoldsWhatGetReturnsAndStaysAsItIs() {
        assertNull(store.getShared("k"));
        store.put("k", VALUE, LONG);
        byte[] shared = store.getShared("k");
        assertArrayEquals(VALUE, shared);

        store.put("k", OTHER, LONG);
        assertArrayEquals(VALUE, shared);
        assertArrayEquals(OTHER, store.getShared("k"));
        store.remove("k");
        assertNull(store.getShared("k"));
    }

    @Test
    void anArrayThatWasReturnedBelongsToTheCaller() {
        store.put("k", VALUE, LONG);

        byte[] first = store.get("k");
        assertNotNull(first);
        first[0] = '!';
        byte[] second = store.getAll(List.of("k")).get("k");
        assertNotNull(second);
        assertNotSame(first, second);
        second[1] = '!';

        assertHolds("k", VALUE);
    }

    @Test
    void storesWithDifferentPrefixesDoNotSeeEachOther() throws Exception {
        var neighbour = open(prefix() + "x");
        store.put("k", VALUE, LONG);
        neighbour.put("k", OTHER, LONG);

        assertHolds("k", VALUE);
        neighbour.remove("k");
        assertHolds("k", VALUE);
    }

    /** Made once for all stores of a JVM. */
    private static final class Random16Mebibytes {
        private static final byte[] ALL = new byte[16 << 20];

        static {
            new Random(2).nextBytes(ALL);
        }

        static byte[] first(int count) {
            return count == ALL.length ? ALL : Arrays.copyOf(ALL, count);
        }
    }
}
