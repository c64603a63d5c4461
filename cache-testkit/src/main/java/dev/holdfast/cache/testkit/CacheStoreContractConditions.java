package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Operations on a condition, one thread: what is absent, what is expected, what was seen, what a tombstone keeps out. */
@SuppressWarnings("NullAway") // passes null on purpose
abstract class CacheStoreContractConditions extends CacheStoreContractExpiry {

    @Test
    void putIfAbsentStoresUnderAnAbsentKey() {
        assertTrue(store.putIfAbsent("k", VALUE, LONG));

        assertHolds("k", VALUE);
        assertLives("k", LONG);
    }

    @Test
    void putIfAbsentKeepsAPresentEntryAndItsTimeToLive() {
        store.put("k", VALUE, LONG);

        assertFalse(store.putIfAbsent("k", OTHER, LONG.multipliedBy(3)));
        assertHolds("k", VALUE);
        assertLives("k", LONG);
    }

    @Test
    void replaceTakesTheExpectedValuesPlace() {
        store.put("k", VALUE, LONG);

        assertTrue(store.replace("k", VALUE, OTHER, LONG.multipliedBy(2)));
        assertHolds("k", OTHER);
        assertLives("k", LONG.multipliedBy(2));
    }

    @Test
    void replaceKeepsAnotherValueAndItsTimeToLive() {
        store.put("k", VALUE, LONG);

        for (String expected : List.of("", "valu", "value ", "Value", "other")) {
            assertFalse(store.replace("k", bytes(expected), OTHER, LONG.multipliedBy(3)), expected);
        }
        assertHolds("k", VALUE);
        assertLives("k", LONG);
    }

    @Test
    void replaceOfAnAbsentKeyCreatesNothing() {
        assertFalse(store.replace("k", VALUE, OTHER, LONG));
        assertFalse(store.replace("k", new byte[0], OTHER, LONG));
        assertNull(store.get("k"));
    }

    @Test
    void replaceByAnEqualValueCounts() {
        store.put("k", VALUE, LONG);

        assertTrue(store.replace("k", VALUE, VALUE, LONG.multipliedBy(2)));
        assertLives("k", LONG.multipliedBy(2));
    }

    @Test
    void removeExpectedRemovesThatValue() {
        store.put("k", VALUE, LONG);

        assertTrue(store.remove("k", VALUE));
        assertNull(store.get("k"));
    }

    @Test
    void removeExpectedKeepsAnotherValueAndItsTimeToLive() {
        store.put("k", VALUE, LONG);

        for (String expected : List.of("", "valu", "value ", "Value", "other")) {
            assertFalse(store.remove("k", bytes(expected)), expected);
        }
        assertHolds("k", VALUE);
        assertLives("k", LONG);
    }

    @Test
    void removeExpectedOfAnAbsentKeyRemovesNothing() {
        assertFalse(store.remove("k", VALUE));
        assertFalse(store.remove("k", new byte[0]));
    }

    @Test
    void binaryValuesAreComparedByteForByte() {
        byte[] value = {0, -1, 13, 10, -128, 0};
        byte[] differs = {0, -1, 13, 10, -128, 1};
        store.put("k", value, LONG);

        assertFalse(store.replace("k", differs, OTHER, LONG));
        assertFalse(store.remove("k", differs));
        assertTrue(store.replace("k", value, differs, LONG));
        assertTrue(store.remove("k", differs));
    }

    @Test
    void aFillOfWhatWasAbsentIsStoredIfItStillIs() {
        assertTrue(store.fill("k", null, VALUE, LONG));
        assertHolds("k", VALUE);
        assertLives("k", LONG);

        assertFalse(store.fill("k", null, OTHER, LONG.multipliedBy(3)), "another was stored meanwhile");
        assertHolds("k", VALUE);
        assertLives("k", LONG);
    }

    @Test
    void aFillOfWhatWasThereIsStoredIfItStillIs() {
        byte[] seen = {0, -1, 13, 10, -128, 0};
        byte[] differs = {0, -1, 13, 10, -128, 1};
        store.put("k", seen, LONG);

        assertFalse(store.fill("k", differs, VALUE, LONG.multipliedBy(3)));
        assertHolds("k", seen);
        assertTrue(store.fill("k", seen, VALUE, LONG.multipliedBy(2)));
        assertHolds("k", VALUE);
        assertLives("k", LONG.multipliedBy(2));
        store.remove("k");
        assertFalse(store.fill("k", VALUE, OTHER, LONG), "what was seen is gone");
        assertNull(store.get("k"));
    }

    @Test
    void fillsOfSeveralAreEachStoredIfNothingHasChanged() {
        store.putAll(Map.of("seen", VALUE, "changed", VALUE, "came", VALUE), LONG);
        Map<String, byte[]> fills = Map.of(
                "seen", OTHER, "changed", OTHER, "came", OTHER, "absent", OTHER, "gone", OTHER, "alike", bytes("x"));
        Map<String, byte[]> seen =
                Map.of("seen", VALUE, "changed", bytes("before"), "gone", VALUE, "not asked for", VALUE);

        assertEquals(Set.of("changed", "came", "gone"), Set.copyOf(store.fillAll(fills, seen, LONG.multipliedBy(2))));

        assertHolds("seen", OTHER);
        assertLives("seen", LONG.multipliedBy(2));
        assertHolds("absent", OTHER);
        assertHolds("alike", bytes("x"));
        assertHolds("changed", VALUE);
        assertHolds("came", VALUE);
        assertNull(store.get("gone"));
        assertEquals(Set.of(), Set.copyOf(store.fillAll(Map.of(), Map.of(), LONG)));
    }

    @Test
    void aThousandFillsAreStoredWhetherAnythingWasThereOrNot() {
        Map<String, byte[]> fills = new LinkedHashMap<>();
        Map<String, byte[]> seen = new LinkedHashMap<>();
        for (int i = 0; i < 1_000; i++) {
            fills.put("fill:" + i, bytes("filled " + i));
            if (i % 2 == 0) {
                seen.put("fill:" + i, bytes("seen " + i));
            }
        }
        store.putAll(seen, LONG);

        assertEquals(Set.of(), Set.copyOf(store.fillAll(fills, seen, LONG)));
        Map<String, byte[]> found = store.getAll(fills.keySet());
        fills.forEach((key, value) -> assertEquals(text(value), text(found.get(key)), key));
    }

    @Test
    void aRemovalThatLeavesATombstoneSaysWhetherTheKeyWasPresent() {
        assertFalse(store.removeLeaving("k", tombstone(1), LONG), "absent");
        assertFalse(store.removeLeaving("k", tombstone(2), LONG), "a tombstone");
        store.put("k", VALUE, LONG);
        assertTrue(store.removeLeaving("k", tombstone(3), LONG));
        assertFalse(store.removeLeaving("k", tombstone(-1), LONG), "removed");
        // As long as a tombstone, and other before the nonce.
        for (int odd : List.of(0, 20)) {
            byte[] value = tombstone(3);
            value[odd]++;
            store.put("k", value, LONG);
            assertTrue(store.removeLeaving("k", tombstone(3), LONG));
        }
        store.put("long", new byte[100_000], LONG);
        assertTrue(store.removeLeaving("long", tombstone(4), LONG));
        assertLeft("k", tombstone(3));
        assertLeft("long", tombstone(4));
        byte[] text = bytes("text 12345678");
        store.removeLeaving("text", text, LONG);
        assertFalse(store.removeLeaving("text", bytes("text abcdefgh"), LONG), "a tombstone of text");
        store.put("text", bytes("taxt 12345678"), LONG);
        assertTrue(store.removeLeaving("text", text, LONG));
    }

    @Test
    void aTombstoneKeepsAFillOutThatBeganBefore() {
        store.put("seen", VALUE, LONG);
        store.removeLeaving("seen", tombstone(1), LONG);
        store.removeLeaving("absent", tombstone(2), LONG);
        store.removeLeaving("again", tombstone(3), LONG);
        store.removeLeaving("again", tombstone(4), LONG);

        assertFalse(store.fill("seen", VALUE, OTHER, LONG));
        assertEquals(!leavesTombstones(), store.fill("absent", null, OTHER, LONG));
        assertFalse(store.fill("again", tombstone(3), OTHER, LONG));
        assertLeft("seen", tombstone(1));
        assertLeft("again", tombstone(4));
        byte[] left = store.get("again");
        assertTrue(store.fill("again", left, OTHER, LONG), "which began after the removal");
        assertHolds("again", OTHER);
    }

    @Test
    void removalsOfSeveralLeaveTombstonesForAsLongAsIsSaid() {
        store.putAll(Map.of("a", VALUE, "b", VALUE, "survivor", VALUE), LONG);

        store.removeAllLeaving(List.of("a", "b", "a", "absent"), TOMBSTONE, LONG);
        store.removeAllLeaving(List.of(), TOMBSTONE, LONG);
        store.removeAllLeaving(List.of("{x}short"), TOMBSTONE, SHORT);

        for (String key : List.of("a", "b", "absent")) {
            assertLeft(key, TOMBSTONE);
        }
        assertHolds("survivor", VALUE);
        awaitAsLongAs(SHORT, "{x}short");
        assertNull(store.get("{x}short"));
    }

    /** What a removal has left under a key, where it leaves anything. */
    private void assertLeft(String key, byte[] tombstone) {
        if (leavesTombstones()) {
            assertHolds(key, tombstone);
            assertLives(key, LONG);
        } else {
            assertNull(store.get(key));
        }
    }
}
