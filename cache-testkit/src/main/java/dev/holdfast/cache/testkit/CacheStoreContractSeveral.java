package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.spi.CacheStore;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Several keys in one call, and all keys with a prefix. */
abstract class CacheStoreContractSeveral extends CacheStoreContractCounters {
    private static final int MANY = 1_000;

    private static List<String> manyKeys() {
        List<String> keys = new ArrayList<>(MANY);
        for (int i = 0; i < MANY; i++) {
            keys.add("many:" + i);
        }
        Collections.shuffle(keys, new Random(3));
        return keys;
    }

    private void putMany(List<String> keys) {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        for (String key : keys) {
            entries.put(key, bytes("value of " + key));
        }
        store.putAll(entries, LONG);
    }

    @Test
    void noKeysAreNoWork() {
        assertEquals(Map.of(), store.getAll(List.of()));
        store.putAll(Map.of(), LONG);
        store.fillAll(Map.of(), LONG);
        store.removeAll(List.of());
    }

    @Test
    void oneKeyIsLikeSeveral() {
        store.putAll(Map.of("k", VALUE), LONG);

        assertEquals("value", text(store.getAll(List.of("k")).get("k")));
        assertLives("k", LONG);
        store.removeAll(List.of("k"));
        assertEquals(Map.of(), store.getAll(List.of("k")));
    }

    @Test
    void aThousandKeysAreReadInTheirOrder() {
        List<String> keys = manyKeys();
        putMany(keys);

        Map<String, byte[]> found = store.getAll(keys);

        assertEquals(keys, List.copyOf(found.keySet()));
        found.forEach((key, value) -> assertEquals("value of " + key, text(value)));
    }

    @Test
    void absentKeysHaveNoEntryAmongAThousand() {
        List<String> keys = manyKeys();
        List<String> present = keys.subList(0, MANY / 2);
        putMany(present);
        List<String> shuffled = new ArrayList<>(keys);
        Collections.shuffle(shuffled, new Random(4));

        Map<String, byte[]> found = store.getAll(shuffled);

        shuffled.retainAll(new LinkedHashMap<>(found).keySet());
        assertEquals(present.size(), found.size());
        assertEquals(shuffled, List.copyOf(found.keySet()));
    }

    @Test
    void aThousandKeysAreRemovedAndNoOthers() {
        List<String> keys = manyKeys();
        putMany(keys);
        store.put("survivor", VALUE, LONG);

        store.removeAll(keys.subList(0, MANY - 1));

        assertEquals(List.of(keys.get(MANY - 1)), List.copyOf(store.getAll(keys).keySet()));
        assertHolds("survivor", VALUE);
    }

    @Test
    void asManyKeysAsACallMustTakeArePutReadAndRemoved() {
        int count = maxKeysOfACall();
        Map<String, byte[]> entries = new LinkedHashMap<>(count * 2);
        for (int i = 0; i < count; i++) {
            entries.put("large batch:" + i, bytes(Integer.toString(i)));
        }
        List<String> keys = List.copyOf(entries.keySet());

        store.putAll(entries, LONG);
        Map<String, byte[]> found = store.getAll(keys);

        assertEquals(keys, List.copyOf(found.keySet()));
        found.forEach((key, value) -> assertEquals(key, "large batch:" + text(value)));
        store.removeAll(keys);
        assertEquals(Map.of(), store.getAll(keys));
    }

    /** More often than a store has places, so that one that is not given back by an Error is missed. */
    @Test
    void errorsOfACallersCollectionCostOnlyTheirOwnCalls() {
        store.put("k", VALUE, LONG);
        for (int i = 0; i < 200; i++) {
            ScarceMemory keys = new ScarceMemory("another");
            assertThrows(OutOfMemoryError.class, () -> store.getAll(keys));
            assertThrows(OutOfMemoryError.class, () -> store.removeAll(keys));
            assertThrows(OutOfMemoryError.class, () -> store.putAll(keys.asMap(VALUE), LONG));
            assertThrows(OutOfMemoryError.class, () -> store.fillAll(keys.asMap(VALUE), LONG));
        }

        assertHolds("k", VALUE);
        store.put("k", OTHER, LONG);
        assertHolds("k", OTHER);
    }

    @Test
    void duplicatesAreHarmless() {
        store.put("a", VALUE, LONG);
        store.put("b", OTHER, LONG);

        Map<String, byte[]> found = store.getAll(List.of("b", "a", "b", "absent", "a", "absent"));
        assertEquals(List.of("b", "a"), List.copyOf(found.keySet()));

        store.removeAll(List.of("a", "a", "absent", "absent"));
        assertEquals(List.of("b"), List.copyOf(store.getAll(List.of("a", "b")).keySet()));
    }

    @Test
    void whatGetAllReturnsBelongsToTheCaller() {
        store.put("a", VALUE, LONG);

        Map<String, byte[]> found = store.getAll(List.of("a"));
        found.put("mine", OTHER);
        found.remove("a");

        assertHolds("a", VALUE);
        assertNull(store.get("mine"));
        store.getAll(List.of()).put("mine", OTHER);
    }

    @Test
    void collectionsThatWerePassedInAreNotKept() {
        Map<String, byte[]> entries = new LinkedHashMap<>(Map.of("a", VALUE));
        store.putAll(entries, LONG);
        entries.put("b", VALUE);
        entries.remove("a");

        assertHolds("a", VALUE);
        assertNull(store.get("b"));
    }

    @Test
    void putAllAndFillAllReplaceWhatWasThere() {
        store.putAll(Map.of("a", VALUE, "b", VALUE), LONG);
        store.putAll(Map.of("b", OTHER, "c", OTHER), LONG);
        store.fillAll(Map.of("c", bytes("filled"), "d", bytes("filled")), LONG);

        assertHolds("a", VALUE);
        assertHolds("b", OTHER);
        assertHolds("c", bytes("filled"));
        assertHolds("d", bytes("filled"));
    }

    @Test
    void removeByPrefixRemovesWhatBeginsWithItAndCounts() {
        store.putAll(Map.of("user:1", VALUE, "user:2", VALUE, "user:", VALUE), LONG);
        store.putAll(Map.of("user", VALUE, "users:1", VALUE, "a user:1", VALUE, "User:1", VALUE), LONG);

        assertEquals(3, store.removeByPrefix("user:"));

        assertEquals(Map.of(), store.getAll(List.of("user:1", "user:2", "user:")));
        assertEquals(
                4,
                store.getAll(List.of("user", "users:1", "a user:1", "User:1")).size());
        assertEquals(0, store.removeByPrefix("user:"));
    }

    @Test
    void removeByPrefixFindsAThousandKeys() {
        putMany(manyKeys());
        store.put("other", VALUE, LONG);

        assertEquals(MANY, store.removeByPrefix("many:"));

        assertEquals(Map.of(), store.getAll(manyKeys()));
        assertHolds("other", VALUE);
    }

    @Test
    void removeByPrefixTakesThePrefixLiterally() {
        for (String prefix :
                List.of("*", "?", "a*", "a?", "[ab]", "[^x]", "[", "]", "\\", "\\*", "a\\", "^", "{a}", "\n")) {
            store.put(prefix, VALUE, LONG);
            store.put(prefix + "1", VALUE, LONG);
            store.put("ab1", VALUE, LONG);
            store.put("b", VALUE, LONG);
            store.put("x\\y", VALUE, LONG);

            assertEquals(2, store.removeByPrefix(prefix), () -> "keys that begin with " + prefix);

            assertEquals(
                    3,
                    store.getAll(List.of("ab1", "b", "x\\y", prefix, prefix + "1"))
                            .size(),
                    prefix);
        }
    }

    @Test
    void removeByPrefixTakesUnicodeAndLongPrefixes() {
        for (String prefix : List.of("\u00e9", "\u9375", "\ud83d\udd11", "x".repeat(512))) {
            store.put(prefix + "1", VALUE, LONG);
            store.put(prefix + "\ud83d\udd12", VALUE, LONG);
            store.put("x", VALUE, LONG);

            assertEquals(2, store.removeByPrefix(prefix), prefix);
            assertHolds("x", VALUE);
        }
    }

    @Test
    void removeByPrefixRemovesEntriesOfEveryKind() {
        store.put("p:forever", VALUE, CacheStore.FOREVER);
        store.increment("p:counter", 1, LONG);
        store.put("p:large", new byte[100_000], LONG);
        store.put("p:empty", new byte[0], LONG);

        assertEquals(4, store.removeByPrefix("p:"));
    }

    @Test
    void sweepRemovesWhatIsUselessByItsFirstBytesOrNothing() {
        store.putAll(Map.of("s:1", bytes("old 1"), "s:2", bytes("old 2"), "s:short", bytes("ol")), LONG);
        store.putAll(Map.of("s:new", bytes("new 1"), "s:empty", new byte[0], "other", bytes("old 3")), LONG);
        store.increment("s:counter", 1, LONG);

        long removed = store.sweep("s:", 3, head -> {
            assertTrue(head.length <= 3, () -> head.length + " bytes");
            return "old".equals(text(head));
        });

        assertTrue(removed == 0 || removed == 2, () -> removed + " are removed");
        assertEquals(2 - removed, store.getAll(List.of("s:1", "s:2")).size());
        assertEquals(
                4, store.getAll(List.of("s:short", "s:new", "s:empty", "other")).size());
        assertEquals(2, store.increment("s:counter", 1, LONG));
    }

    @Test
    void sweepGoesOverManyPages() {
        putMany(manyKeys());
        long removed = store.sweep("many:", 1, head -> true);
        assertTrue(removed == 0 || removed == MANY, () -> removed + " are removed");
        assertEquals(MANY - removed, store.getAll(manyKeys()).size());
        assertEquals(0, store.sweep("many:", 1, head -> true) % MANY);
    }

    @Test
    void theEmptyPrefixRemovesAllOfAStoreWithAKeyPrefixAndNothingElse() throws Exception {
        CacheStore mine = open(prefix() + "m");
        CacheStore neighbour = open(prefix() + "mx");
        mine.putAll(Map.of("a", VALUE, "b", VALUE, "", VALUE), LONG);
        neighbour.put("a", VALUE, LONG);
        store.put("a", VALUE, LONG);

        assertEquals(3, mine.removeByPrefix(""));

        assertEquals(Map.of(), mine.getAll(List.of("a", "b", "")));
        assertEquals("value", text(neighbour.get("a")));
        assertHolds("a", VALUE);
    }

    @Test
    void theEmptyPrefixIsRefusedByAStoreWithoutKeyPrefix() throws Exception {
        CacheStore unprefixed = open("");
        store.put("k", VALUE, LONG);

        assertThrows(IllegalArgumentException.class, () -> unprefixed.removeByPrefix(""));
        assertHolds("k", VALUE);
    }

    @Test
    void removeByPrefixStaysWithinTheKeyPrefix() throws Exception {
        CacheStore neighbour = open(prefix() + "x");
        neighbour.put("k1", VALUE, LONG);
        store.put("k1", VALUE, LONG);

        assertEquals(1, store.removeByPrefix("k"));
        assertEquals("value", text(neighbour.get("k1")));
        assertFalse(store.contains("k1"));
    }
}
