package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.spi.CacheStore;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** Counters, one thread, among them the increments that may be repeated. */
@SuppressWarnings("NullAway") // passes null on purpose
abstract class CacheStoreContractCounters extends CacheStoreContractConditions {

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
