package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Times to live. */
abstract class CacheStoreContractExpiry extends CacheStoreContractArguments {
    /** Where a server's clock only shows milliseconds, an entry may end one early. */
    private static final long CLOCK_NANOS = 2_000_000;

    /** Fails unless what is left of {@code ttl} is at most that, and not less than a test's run below it. */
    final void assertLives(String key, Duration ttl) {
        Duration left = store.ttl(key);
        assertNotNull(left, () -> "\"" + key + "\" is absent");
        assertTrue(left.compareTo(ttl) <= 0, () -> left + " are left of " + ttl);
        assertTrue(left.compareTo(ttl.minusMinutes(2)) > 0, () -> "only " + left + " are left of " + ttl);
    }

    final void assertLivesForever(String key) {
        assertEquals(CacheStore.FOREVER, store.ttl(key));
    }

    @Test
    void anEntryExpires() {
        store.put("k", VALUE, SHORT);

        eventually("the expiry of k", () -> store.get("k") == null);
    }

    @Test
    void anEntryDoesNotExpireEarly() {
        Duration ttl = Duration.ofMillis(100);
        long start = System.nanoTime();
        store.put("k", VALUE, ttl);

        eventually("the expiry of k", () -> store.get("k") == null);

        long lived = System.nanoTime() - start;
        assertTrue(lived >= ttl.toNanos() - CLOCK_NANOS, () -> "expired after " + lived + " ns");
    }

    @Test
    void anExpiredEntryIsAbsentForGet() {
        putAndLetExpire("{x}k");
        assertNull(store.get("{x}k"));
    }

    @Test
    void anExpiredEntryIsAbsentForGetAll() {
        putAndLetExpire("{x}k");
        assertEquals(Map.of(), store.getAll(List.of("{x}k")));
    }

    @Test
    void anExpiredEntryIsAbsentForContains() {
        putAndLetExpire("{x}k");
        assertFalse(store.contains("{x}k"));
    }

    @Test
    void anExpiredEntryIsAbsentForTtl() {
        putAndLetExpire("{x}k");
        assertNull(store.ttl("{x}k"));
    }

    @Test
    void anExpiredEntryIsAbsentForExpire() {
        putAndLetExpire("{x}k");
        assertFalse(store.expire("{x}k", LONG));
        assertNull(store.get("{x}k"));
    }

    @Test
    void anExpiredEntryIsAbsentForPutIfAbsent() {
        putAndLetExpire("{x}k");
        assertTrue(store.putIfAbsent("{x}k", OTHER, LONG));
        assertHolds("{x}k", OTHER);
        assertLives("{x}k", LONG);
    }

    @Test
    void anExpiredEntryIsAbsentForReplace() {
        putAndLetExpire("{x}k");
        assertFalse(store.replace("{x}k", VALUE, OTHER, LONG));
        assertNull(store.get("{x}k"));
    }

    @Test
    void anExpiredEntryIsAbsentForRemove() {
        putAndLetExpire("{x}k");
        assertFalse(store.remove("{x}k"));
    }

    @Test
    void anExpiredEntryIsAbsentForRemoveExpected() {
        putAndLetExpire("{x}k");
        assertFalse(store.remove("{x}k", VALUE));
    }

    @Test
    void anExpiredCounterBeginsAtZero() {
        store.increment("{x}k", 41, SHORT);
        awaitAsLongAs(SHORT, "{x}k");

        assertEquals(1, store.increment("{x}k", 1, LONG));
        assertLives("{x}k", LONG);
    }

    @Test
    void anExpiredEntryIsNotCountedByRemoveByPrefix() {
        putAndLetExpire("{x}k");
        assertEquals(0, store.removeByPrefix("{x}"));
    }

    @Test
    void whatWasStoredTogetherExpires() {
        store.putAll(Map.of("{x}a", VALUE, "{x}b", VALUE), SHORT);
        store.fillAll(Map.of("{x}c", VALUE), SHORT);
        store.fill("{x}d", VALUE, SHORT);
        awaitAsLongAs(SHORT, "{x}");

        assertEquals(Map.of(), store.getAll(List.of("{x}a", "{x}b", "{x}c", "{x}d")));
    }

    @Test
    void aFractionOfAMillisecondIsRoundedUp() {
        store.put("tiny", VALUE, Duration.ofNanos(1));
        eventually("the expiry after a millisecond", () -> store.get("tiny") == null);

        store.put("k", VALUE, LONG.plusNanos(1));
        assertLives("k", LONG.plusMillis(1));
    }

    @Test
    void ttlIsInWholeMillisecondsAndAtLeastOneWhileTheEntryLives() {
        store.put("k", VALUE, SHORT);

        eventually("the expiry of k", () -> {
            Duration left = store.ttl("k");
            if (left == null) {
                return true;
            }
            assertTrue(left.compareTo(Duration.ofMillis(1)) >= 0, () -> left + " is less than 1 ms");
            assertTrue(left.compareTo(SHORT) <= 0, () -> left + " is more than " + SHORT);
            assertEquals(0, left.toNanos() % 1_000_000, () -> left + " is not in whole milliseconds");
            return false;
        });
    }

    @Test
    void anAbsentKeyHasNoTtl() {
        assertNull(store.ttl("k"));
    }

    @Test
    void foreverHasNoEnd() {
        store.put("put", VALUE, CacheStore.FOREVER);
        store.putIfAbsent("putIfAbsent", VALUE, CacheStore.FOREVER);
        store.putAll(Map.of("putAll", VALUE), CacheStore.FOREVER);
        store.increment("increment", 1, CacheStore.FOREVER);
        store.put("replace", VALUE, LONG);
        store.replace("replace", VALUE, OTHER, CacheStore.FOREVER);

        for (String key : List.of("put", "putIfAbsent", "putAll", "increment", "replace")) {
            assertLivesForever(key);
        }
    }

    @Test
    void theLongestTimeToLiveIsTaken() {
        store.put("put", VALUE, CacheStore.MAX_TTL);
        store.putIfAbsent("putIfAbsent", VALUE, CacheStore.MAX_TTL);
        store.putAll(Map.of("putAll", VALUE), CacheStore.MAX_TTL);
        store.increment("increment", 1, CacheStore.MAX_TTL);
        store.put("replace", VALUE, LONG);
        store.replace("replace", VALUE, OTHER, CacheStore.MAX_TTL);
        store.put("expire", VALUE, LONG);
        store.expire("expire", CacheStore.MAX_TTL);

        for (String key : List.of("put", "putIfAbsent", "putAll", "increment", "replace", "expire")) {
            assertTrue(store.contains(key), key);
            assertLives(key, CacheStore.MAX_TTL);
        }
    }

    @Test
    void putReplacesTheTimeToLive() {
        store.put("k", VALUE, CacheStore.FOREVER);
        store.put("k", VALUE, LONG);
        assertLives("k", LONG);

        store.put("k", VALUE, LONG.multipliedBy(2));
        assertLives("k", LONG.multipliedBy(2));

        store.put("k", VALUE, CacheStore.FOREVER);
        assertLivesForever("k");

        store.putAll(Map.of("k", VALUE), LONG);
        assertLives("k", LONG);
    }

    @Test
    void anEntryThatWasReplacedInTimeOutlivesItsFirstTimeToLive() {
        store.put("{x}put", VALUE, SHORT);
        store.put("{x}put", OTHER, LONG);

        awaitAsLongAs(SHORT, "{x}");

        assertHolds("{x}put", OTHER);
    }

    @Test
    void expireLengthens() {
        store.put("k", VALUE, LONG);

        assertTrue(store.expire("k", LONG.multipliedBy(2)));
        assertLives("k", LONG.multipliedBy(2));
        assertHolds("k", VALUE);
    }

    @Test
    void expireShortens() {
        store.put("k", VALUE, CacheStore.FOREVER);

        assertTrue(store.expire("k", LONG));
        assertLives("k", LONG);
        assertTrue(store.expire("k", SHORT));
        eventually("the expiry of k", () -> store.get("k") == null);
    }

    @Test
    void expireForeverTakesTheExpiryAway() {
        store.put("k", VALUE, LONG);

        assertTrue(store.expire("k", CacheStore.FOREVER));
        assertLivesForever("k");
        assertTrue(store.expire("k", CacheStore.FOREVER), "an entry without expiry is present too");
    }

    @Test
    void expireOfAnAbsentKeyCreatesNothing() {
        assertFalse(store.expire("k", LONG));
        assertFalse(store.expire("k", CacheStore.FOREVER));
        assertNull(store.get("k"));
    }

    @Test
    void readingDoesNotLengthenALife() {
        store.put("k", VALUE, SHORT);

        eventually("the expiry of a key that is read all the time", () -> {
            store.contains("k");
            store.ttl("k");
            store.getAll(List.of("k"));
            return store.get("k") == null;
        });
    }
}
