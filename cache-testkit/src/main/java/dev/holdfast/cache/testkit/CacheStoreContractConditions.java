package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.spi.CacheStore;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Conditional operations and counters, one thread. */
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

    @Test
    void aCounterBeginsAtZero() {
        assertEquals(5, store.increment("k", 5, LONG));
        assertEquals(-3, store.increment("negative", -3, LONG));
        assertEquals(0, store.increment("zero", 0, LONG));

        assertHolds("k", bytes("5"));
        assertHolds("negative", bytes("-3"));
        assertHolds("zero", bytes("0"));
    }

    @Test
    void incrementsAddUp() {
        assertEquals(10, store.increment("k", 10, LONG));
        assertEquals(7, store.increment("k", -3, LONG));
        assertEquals(7, store.increment("k", 0, LONG));
        assertEquals(-1, store.increment("k", -8, LONG));

        assertHolds("k", bytes("-1"));
    }

    @Test
    void incrementsAreExactOverAllOf64Bits() {
        assertEquals(Long.MAX_VALUE - 2, store.increment("max", Long.MAX_VALUE - 2, LONG));
        assertEquals(Long.MAX_VALUE - 1, store.increment("max", 1, LONG));
        assertEquals(Long.MAX_VALUE, store.increment("max", 1, LONG));
        assertHolds("max", bytes("9223372036854775807"));

        assertEquals(Long.MIN_VALUE + 1, store.increment("min", Long.MIN_VALUE + 1, LONG));
        assertEquals(Long.MIN_VALUE, store.increment("min", -1, LONG));
        assertHolds("min", bytes("-9223372036854775808"));

        assertEquals(Long.MIN_VALUE, store.increment("at once", Long.MIN_VALUE, LONG));
        assertEquals((1L << 53) + 1, store.increment("odd", (1L << 53) + 1, LONG));
    }

    @Test
    void aNumberThatWasPutIsACounter() {
        store.put("k", bytes("41"), LONG);

        assertEquals(42, store.increment("k", 1, LONG));
    }

    @Test
    void anOverflowIsRefusedAndChangesNothing() {
        store.put("max", bytes("9223372036854775807"), LONG);
        store.put("min", bytes("-9223372036854775808"), LONG);

        assertThrows(CacheRejectedException.class, () -> store.increment("max", 1, LONG.multipliedBy(3)));
        assertThrows(CacheRejectedException.class, () -> store.increment("max", Long.MAX_VALUE, LONG));
        assertThrows(CacheRejectedException.class, () -> store.increment("min", -1, LONG));
        assertThrows(CacheRejectedException.class, () -> store.increment("min", Long.MIN_VALUE, LONG));

        assertHolds("max", bytes("9223372036854775807"));
        assertHolds("min", bytes("-9223372036854775808"));
        assertLives("max", LONG);
    }

    @Test
    void whatIsNoNumberIsRefusedAndChangesNothing() {
        for (String value : List.of("", "value", "1.5", "1e3", " 1", "1 ", "0x1", "9223372036854775808", "--1", "-")) {
            store.put("k", bytes(value), LONG);

            assertThrows(
                    CacheRejectedException.class,
                    () -> store.increment("k", 1, LONG.multipliedBy(3)),
                    "\"" + value + '"');

            assertHolds("k", bytes(value));
            assertLives("k", LONG);
        }
    }

    @Test
    void aNewCounterHasTheTimeToLive() {
        store.increment("k", 1, LONG);

        assertLives("k", LONG);
    }

    @Test
    void aCounterThatExistsKeepsItsTimeToLive() {
        store.increment("k", 1, LONG);
        store.increment("k", 1, LONG.multipliedBy(3));
        assertLives("k", LONG);

        store.put("forever", bytes("1"), CacheStore.FOREVER);
        store.increment("forever", 1, LONG);
        assertLivesForever("forever");
    }

    long once(String key, long delta, String onceId) {
        assumeTrue(hasIncrementOnce(), "the store is declared to have no incrementOnce");
        return store.incrementOnce(key, delta, LONG, onceId).orElseThrow();
    }

    @Test
    void incrementOnceIsDoneOnceOrNotAtAllAsDeclared() {
        OptionalLong first = store.incrementOnce("k", 5, LONG, "id-1");
        OptionalLong again = store.incrementOnce("k", 5, LONG, "id-1");

        assertEquals(hasIncrementOnce() ? OptionalLong.of(5) : OptionalLong.empty(), first);
        assertEquals(first, again);
        assertEquals(hasIncrementOnce() ? "5" : null, text(store.get("k")));
    }

    @Test
    void incrementOnceWithAnotherIdIsAnotherIncrement() {
        assertEquals(5, once("k", 5, "id-1"));
        assertEquals(8, once("k", 3, "id-2"));
        store.increment("k", 1, LONG);
        once("k", 5, "id-1");
        once("k", 3, "id-2");

        assertHolds("k", bytes("9"));
    }

    @Test
    void incrementOnceWithTheSameIdForAnotherKeyIsAnotherIncrement() {
        assertEquals(5, once("a", 5, "id"));
        assertEquals(5, once("b", 5, "id"));
    }

    @Test
    void incrementOnceIsExactOverAllOf64Bits() {
        assertEquals(Long.MAX_VALUE - 1, once("k", Long.MAX_VALUE - 1, "id-1"));
        assertEquals(Long.MAX_VALUE, once("k", 1, "id-2"));
        assertEquals(Long.MAX_VALUE, once("k", 1, "id-2"));
    }

    @Test
    void incrementOnceGivesANewCounterTheTimeToLiveAndKeepsThatOfAnother() {
        once("new", 1, "id");
        assertLives("new", LONG);

        store.put("old", bytes("1"), CacheStore.FOREVER);
        once("old", 1, "id");
        assertLivesForever("old");
    }

    @Test
    void aRefusedIncrementOnceCanBeRepeated() {
        store.put("k", bytes("9223372036854775807"), LONG);
        try {
            once("k", 1, "id");
            throw new AssertionError("an overflow was not refused");
        } catch (CacheRejectedException e) {
            assertHolds("k", bytes("9223372036854775807"));
        }
        store.put("k", bytes("1"), LONG);

        assertEquals(2, once("k", 1, "id"));
    }

    @Test
    void incrementOnceTakesOddKeys() {
        for (String key : ODD_KEYS) {
            assertEquals(7, once(key, 7, "id"), key);
            assertEquals(7, once(key, 7, "id"), key);
            assertHolds(key, bytes("7"));
        }
    }

    @Test
    void aMalformedOnceIdIsRefused() {
        once("k", 1, "a-Z-09");
        once("k", 1, "x".repeat(64));
        for (String id : List.of("", "a b", "a_b", "a:b", "}", "\u00e9", "x".repeat(65))) {
            assertThrows(IllegalArgumentException.class, () -> store.incrementOnce("k", 1, LONG, id), id);
        }
        assertThrows(NullPointerException.class, () -> store.incrementOnce("k", 1, LONG, null));
        assertThrows(NullPointerException.class, () -> store.incrementOnce("k", 1, null, "id"));
        assertThrows(NullPointerException.class, () -> store.incrementOnce(null, 1, LONG, "id"));
        assertHolds("k", bytes("2"));
    }
}
