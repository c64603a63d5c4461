package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheEvent.EntryUnreadable;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What a store answers under one key may be another key's entry: replies that were shifted, a proxy's mistake, a copied key. */
class MisplacedEntryTest extends EngineFixture {
    private final BlockingQueue<String> unreadable = new LinkedBlockingQueue<>();
    private final CacheEngine<String, String> cache = open(
            "c", STALE, services(EntryUnreadable.class, event -> unreadable.add(event.key() + ": " + event.why())));

    /** The store answers questions for {@code to} with what is stored for {@code from}. */
    private void shift(String from, String to) {
        byte[] entry = store.get("c:" + from);
        store.put("c:" + to, entry == null ? new byte[0] : entry, HOUR);
    }

    @Test
    void anEntryThatIsReadUnderAnotherKeyIsAMissInEveryOperation() {
        cache.put("a", "private data of a");
        shift("a", "b");

        assertNull(cache.get("b"));
        assertEquals(Map.of("a", "private data of a"), cache.getAll(List.of("a", "b")));
        assertEquals(Lookup.State.ABSENT, cache.lookup("b").state());
        assertFalse(cache.contains("b"));
        assertFalse(cache.replace("b", "private data of a", "c"));
        assertFalse(cache.markStale("b"));
        assertEquals("loaded", cache.async().get("b", key -> "loaded").join());
        // Callers are answered before the store is.
        until("what was loaded is stored", () -> "loaded".equals(cache.get("b")));

        shift("a", "b");
        assertTrue(cache.putIfAbsent("b", "first"));
        assertEquals("first", cache.get("b"));
    }

    @Test
    void aStaleEntryOfAnotherKeyNeverStandsIn() {
        cache.put("a", "private data of a");
        shift("a", "b");
        time.advance(STALE.ttl());
        assertEquals("loaded", cache.get("b", key -> "loaded"));
        shift("a", "b");
        time.advance(STALE.ttl());
        assertEquals(
                "none",
                cache.get("b", CacheLoader.adaptive((key, context) -> context.lastValue() == null ? "none" : "some")));
    }

    @Test
    void aRememberedAbsenceOfAnotherKeyIsNotBelieved() {
        CachePolicy remembering = STALE.withRememberAbsence(MINUTE);
        assertNull(cache.get("a", key -> null, remembering));
        shift("a", "b");
        assertEquals("there", cache.get("b", key -> "there", remembering));
    }

    @Test
    void misplacedEntriesAreCountedForThemselves() throws InterruptedException {
        cache.put("a", "private data of a");
        shift("a", "b");
        store.put("c:damaged", new byte[] {1}, HOUR);
        assertNull(cache.get("b"));
        assertNull(cache.get("damaged"));
        assertEquals(1, cache.stats().misplaced());
        assertEquals(2, cache.stats().unreadable());
        assertEquals(2, cache.stats().misses());
        String told = unreadable.poll(10, TimeUnit.SECONDS);
        assertTrue(told != null && told.startsWith("c:b: ") && told.contains("another key"), () -> "told: " + told);
        cache.resetStats();
        assertEquals(0, cache.stats().misplaced());
    }

    @Test
    void healthNamesMisplacedEntriesOfARealServer() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client =
                        CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "app")))) {
            Cache<String, String> users =
                    client.cache("users", String.class, String.class).build();
            users.put("1", "private data of 1");
            assertNull(client.health().notes());
            redis.command("COPY", "app:users:1", "app:users:2");
            assertNull(users.get("2"));
            assertEquals("private data of 1", users.get("1"));
            users.close();
            String notes = client.health().notes();
            assertTrue(notes != null && notes.contains("1 entry"), () -> "notes: " + notes);
            assertTrue(client.healthJson().contains("\"notes\":\"1 entry"), client::healthJson);
        }
    }

    @Test
    void instancesWithTheSamePrefixAgreeWhateverStoreTheyUse() {
        try (RedisServer redis = RedisServer.start();
                CacheClient one =
                        CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "app")));
                CacheClient other =
                        CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "app")))) {
            one.cache("users", String.class, String.class).build().put("ü\uD83D\uDE00", "v");
            assertEquals(
                    "v",
                    other.cache("users", String.class, String.class).build().get("ü\uD83D\uDE00"));
        }
    }
}
