package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a removal leaves on a server: who takes it for nothing, what it costs, and where none is left. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TombstonesTest {
    private static final CachePolicy POLICY =
            CachePolicy.of(Duration.ofMinutes(5)).withStaleIfError(Duration.ofHours(1));

    private final StoreProviders stores = StoreProviders.find();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final AtomicInteger names = new AtomicInteger();
    private RedisServer redis;
    private CacheClient client;

    @BeforeAll
    void start() {
        redis = RedisServer.start();
        client = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())));
    }

    @AfterAll
    void stop() {
        threads.shutdownNow();
        client.close();
        redis.close();
    }

    private Cache<String, String> open() {
        return open(client, "t" + names.incrementAndGet());
    }

    private static Cache<String, String> open(CacheClient of, String name) {
        return of.cache(name, String.class, String.class).policy(POLICY).build();
    }

    private CacheStore single(RedisServer server) {
        return stores.make("single", Settings.of(Map.of("REDIS_URL", server.url())));
    }

    private CacheStore memory() {
        return stores.make("memory", Settings.of(Map.of()));
    }

    @Test
    void aTombstoneIsNothingToEveryOperation() {
        Cache<String, String> cache = open();
        cache.put("k", "v");
        assertTrue(cache.remove("k"));
        assertEquals(1L, redis.command("EXISTS", cache.name() + ":k"), "something is left");

        assertFalse(cache.remove("k"));
        assertNull(cache.get("k"));
        assertFalse(cache.contains("k"));
        assertEquals(Optional.empty(), cache.ttl("k"));
        assertFalse(cache.expire("k", Duration.ofMinutes(1)));
        assertFalse(cache.replace("k", "v", "w"));
        assertFalse(cache.remove("k", "v"));
        assertNull(cache.getAndRemove("k"));
        assertFalse(cache.markStale("k"));
        assertEquals(Lookup.State.ABSENT, cache.lookup("k").state());
        assertEquals(Map.of(), cache.getAll(List.of("k")));
        assertTrue(cache.putIfAbsent("k", "new"));
        assertEquals("new", cache.get("k"));
        CacheStats stats = cache.stats();
        assertEquals(3, stats.misses());
        assertEquals(1, stats.hits());
        assertEquals(0, stats.unreadable() + stats.misplaced() + stats.failedReads() + stats.failedRemovals());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void everyRemovalLeavesOneOfItsOwnForAsLongAsALoadMayTake() {
        Cache<String, String> cache = open();
        Map<String, Object> left = new LinkedHashMap<>();
        Map<String, Runnable> removals = new LinkedHashMap<>();
        removals.put("remove", () -> cache.remove("k"));
        removals.put("remove, of a tombstone", () -> cache.remove("k"));
        removals.put("removeAll", () -> cache.removeAll(List.of("k", "j")));
        removals.put("getAndRemove", () -> cache.getAndRemove("k"));
        removals.put("markStale", () -> cache.markStale("k"));
        removals.put("remove, expected", () -> {
            cache.put("k", "v");
            assertTrue(cache.remove("k", "v"));
        });
        removals.put("getAndRemove, of a value", () -> {
            cache.put("k", "v");
            assertEquals("v", cache.getAndRemove("k"));
        });
        removals.put("markStale, of an absence", () -> {
            cache.putAbsent("k", Duration.ofMinutes(1));
            assertFalse(cache.markStale("k"));
        });
        removals.forEach((name, removal) -> {
            removal.run();
            byte[] found = (byte[]) redis.command(bytes("GET"), bytes(cache.name() + ":k"));
            assertEquals(36, found.length, name);
            assertNull(Envelope.problem(found), name);
            long millis = (long) redis.command("PTTL", cache.name() + ":k");
            assertTrue(millis > 29_000 && millis < 60_000, () -> name + " leaves it for " + millis + " ms");
            Object before = left.put(name, HexFormat.of().formatHex(found));
            assertNull(before);
        });
        assertEquals(removals.size(), left.values().stream().distinct().count(), "each is another");
    }

    @Test
    void aMissAndItsLoadAreTwoCommandsAndARemovalIsOne() {
        Cache<String, String> cache = open();
        cache.remove("warm"); // the server knows the scripts from now on
        cache.get("warm", key -> "v");
        assertSent(List.of("GET", "SET"), () -> assertEquals("v", cache.get("k", key -> "v")));
        assertSent(List.of("GET"), () -> assertEquals("v", cache.get("k", key -> "w")));
        assertSent(List.of("EVALSHA"), () -> assertTrue(cache.remove("k")));
        assertSent(List.of("GET", "EVALSHA"), () -> assertEquals("w", cache.get("k", key -> "w")));
        assertSent(
                List.of("MGET", "PIPELINE SET"),
                () -> cache.getAll(List.of("a", "b", "c"), keys -> Map.of("a", "1", "b", "2", "c", "3")));
        assertSent(List.of("GET", "EVALSHA"), () -> cache.refresh("k", key -> "x"));
    }

    private void assertSent(List<String> expected, Runnable call) {
        assertEquals(expected, SentCommands.of(client, call));
    }

    /** As the server itself counts, in which the canaries of probes are a few more. */
    @Test
    void theServerIsAskedForNoMoreThanBefore() {
        Cache<String, String> cache = open();
        int many = 500;
        cache.remove("warm");
        redis.command("CONFIG", "RESETSTAT");
        for (int i = 0; i < many; i++) {
            cache.get("k" + i, key -> "v");
        }
        assertCalled("get", many);
        assertCalled("set", many);
        assertCalled("evalsha", 0);
        redis.command("CONFIG", "RESETSTAT");
        for (int i = 0; i < many; i++) {
            cache.remove("k" + i);
        }
        assertCalled("evalsha", many);
        assertCalled("unlink", 0);
        long bytes = (long) redis.command("MEMORY", "USAGE", cache.name() + ":k0");
        assertTrue(bytes <= 160, () -> "a tombstone takes " + bytes + " bytes of the server's memory");
    }

    private void assertCalled(String command, int times) {
        String stats = String.valueOf(redis.command("INFO", "commandstats"));
        Matcher calls = Pattern.compile("cmdstat_" + command + ":calls=(\\d+)").matcher(stats);
        int called = calls.find() ? Integer.parseInt(calls.group(1)) : 0;
        assertTrue(called >= times && called <= times + 20, () -> command + " was called " + called + " times");
    }

    @Test
    void aBulkLoadAfterRemovalsIsOneRoundTripToReadAndOneToStore() {
        Cache<String, String> cache = open();
        List<String> keys = List.of("a", "b", "c", "d");
        cache.removeAll(keys.subList(0, 3));
        Map<String, String> loaded = Map.of("a", "1", "b", "2", "c", "3", "d", "4");
        cache.get("warm", key -> "v");
        cache.remove("warm");
        cache.get("warm", key -> "v");
        assertSent(
                List.of("MGET", "PIPELINE EVALSHA"), () -> assertEquals(loaded, cache.getAll(keys, wanted -> loaded)));
        assertEquals(loaded, cache.getAll(keys));
        assertEquals(0, cache.stats().notStored());
    }

    @Test
    void aServerThatForgotItsScriptsIsToldThemAgain() {
        Cache<String, String> cache = open();
        List<String> keys = List.of("a", "b");
        cache.removeAll(keys);
        redis.command("SCRIPT", "FLUSH");
        assertEquals(Map.of("a", "1", "b", "2"), cache.getAll(keys, wanted -> Map.of("a", "1", "b", "2")));
        assertEquals(Map.of("a", "1", "b", "2"), cache.getAll(keys));
        redis.command("SCRIPT", "FLUSH");
        assertTrue(cache.remove("a"));
        redis.command("SCRIPT", "FLUSH");
        assertEquals("1", cache.get("a", key -> "1"));
        assertEquals("1", cache.get("a"));
    }

    @Test
    void aRawCacheLeavesNothingToThoseWhoReadItsKeys() {
        String key = "raw" + names.incrementAndGet();
        Cache<String, String> raw = client.cache("raw", String.class, String.class)
                .codec(Codec.raw(Codec.string()))
                .ttl(Duration.ofMinutes(5))
                .build();
        raw.put(key, "v");
        assertTrue(raw.remove(key));
        assertEquals(0L, redis.command("EXISTS", key));
        raw.removeAll(List.of(key));
        assertEquals(0L, redis.command("EXISTS", key));
        raw.close();
    }

    /** A release before this one reads it as an absence that has ended, whatever its clock says, and writes over it. */
    @Test
    void anOlderReleaseTakesATombstoneForNothing() {
        byte[] tombstone = Tombstones.tombstone();
        assertNull(EnvelopeOfVersionOne.problem(tombstone));
        assertTrue(EnvelopeOfVersionOne.isAbsence(tombstone));
        assertEquals(0, EnvelopeOfVersionOne.freshUntil(tombstone));

        Cache<String, String> cache = open();
        cache.put("k", "v");
        cache.remove("k");
        redis.command("UNLINK", cache.name() + ":k"); // as it removes
        assertFalse(cache.remove("k"));
        assertEquals("v", cache.get("k", key -> "v"));
    }

    @Test
    void aUserWhoMayNotRunScriptsRemovesAndLoadsAsBefore() {
        try (RedisServer narrow = RedisServer.builder()
                        .user("app", "pw", "~* &* +@all -@scripting")
                        .start();
                CacheClient other = CacheClient.from(Settings.of(Map.of("REDIS_URL", narrow.url())))) {
            Cache<String, String> cache = open(other, "c");
            cache.put("k", "v");
            assertTrue(cache.remove("k"));
            assertNull(cache.get("k"));
            assertEquals(0L, narrow.command("EXISTS", "c:k"));
            narrow.command("SET", "c:k", "not an entry");
            narrow.command("SET", "c:j", "not an entry");
            assertEquals("v", cache.get("k", key -> "v"));
            assertEquals("v", cache.get("k"));
            assertEquals(Map.of("j", "v"), cache.getAll(List.of("j"), keys -> Map.of("j", "v")));
            assertEquals("v", cache.get("j"));
            assertEquals("w", cache.refresh("k", key -> "w"));
            assertEquals("w", cache.get("k"));
            assertEquals(0, cache.stats().failedWrites() + cache.stats().failedRemovals());
        }
    }

    @Test
    void onAServerWithoutRoomAKeyIsRemovedAllTheSame() {
        try (RedisServer full = RedisServer.start();
                CacheStore store = single(full)) {
            EngineServices services = EngineFixture.services(List.of(), new FakeTime(), System::nanoTime);
            try (services;
                    CacheEngine<String, String> cache =
                            EngineFixture.engine("c", store, Function.identity(), Codec.string(), POLICY, services)) {
                cache.putAll(Map.of("a", "v", "b", "v", "c", "v", "d", "v"));
                full.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
                full.command("CONFIG", "SET", "maxmemory", "1");
                assertTrue(cache.remove("a"));
                cache.removeAll(List.of("b", "absent"));
                assertEquals("v", cache.getAndRemove("c"));
                assertTrue(cache.remove("d", "v"));
                assertEquals(0L, full.command("EXISTS", "c:a", "c:b", "c:c", "c:d", "c:absent"));
                assertEquals(0, cache.stats().failedRemovals());
            }
        }
    }

    /** What was seen on one tier says nothing of what is on another: nothing there is stored over. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aLoadThatIsStoredOnAnotherTierThanWasLookedAtIsStoredOverNothing(boolean stale) throws Exception {
        try (RedisServer second = RedisServer.start();
                CacheClient ours = over(second);
                CacheClient theirs = over(second)) {
            Cache<String, String> loading = open(ours, "c");
            Cache<String, String> changing = open(theirs, "c");
            if (stale) {
                changing.put("k", "old");
                changing.markStale("k");
            }
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch release = new CountDownLatch(1);
            Future<String> caller = threads.submit(() -> loading.get("k", same -> {
                begun.countDown();
                EngineFixture.await(release);
                return "from before";
            }));
            EngineFixture.await(begun);
            ours.forceFailover("first");
            theirs.forceFailover("first");
            changing.put("k", "put");
            release.countDown();
            assertEquals("from before", EngineFixture.result(caller));
            EngineFixture.until(
                    "the load is over",
                    () -> loading.stats().stored() + loading.stats().notStored() == 1);
            assertEquals("put", loading.get("k"));
            assertEquals("put", changing.get("k"));
        } finally {
            redis.command("UNLINK", "c:k");
        }
    }

    /** One client sees the server all the while, the other does not; its removal meanwhile is caught up with later. */
    @Test
    void whatATierHasMissedIsRemovedThereSoThatLoadsFromBeforeAreNotStored() throws Exception {
        try (RedisServer second = RedisServer.start();
                CacheClient ours = over(second);
                CacheClient theirs = over(second)) {
            Cache<String, String> loading = open(ours, "c");
            Cache<String, String> changing = open(theirs, "c");
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch release = new CountDownLatch(1);
            Future<String> caller = threads.submit(() -> loading.get("k", same -> {
                begun.countDown();
                EngineFixture.await(release);
                return "from before";
            }));
            EngineFixture.await(begun);
            theirs.forceFailover("first");
            changing.remove("k");
            Cache<String, String> raw = theirs.cache("raw", String.class, String.class)
                    .codec(Codec.raw(Codec.string()))
                    .ttl(Duration.ofMinutes(5))
                    .build();
            raw.remove("raw key");
            back(theirs, "first");
            assertEquals(1L, redis.command("EXISTS", "c:k"));
            assertEquals(0L, redis.command("EXISTS", "raw key"));
            release.countDown();
            assertEquals("from before", EngineFixture.result(caller));
            EngineFixture.until(
                    "the load is over",
                    () -> loading.stats().stored() + loading.stats().notStored() == 1);
            assertNull(loading.get("k"));
            assertNull(changing.get("k"));
        } finally {
            redis.command("UNLINK", "c:k");
        }
    }

    private CacheClient over(RedisServer second) {
        return CacheClient.builder()
                .tier("first", single(redis))
                .tier("second", single(second))
                .memory(this::memory)
                .failover(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofMillis(100)))
                .build();
    }

    private static void back(CacheClient client, String first) {
        client.forceFailback();
        EngineFixture.until("the first server serves, and is clean", () -> {
            var tier = client.health().tiers().get(0);
            return tier.name().equals(first) && tier.serving() && tier.dirtyKeys() == 0;
        });
    }

    @Test
    void memoryAloneLeavesNothingAndStoresAsBefore() {
        try (CacheStore store = memory();
                EngineServices services = EngineFixture.services(List.of(), new FakeTime(), System::nanoTime);
                CacheEngine<String, String> cache =
                        EngineFixture.engine("c", store, Function.identity(), Codec.string(), POLICY, services)) {
            cache.put("k", "v");
            assertTrue(cache.remove("k"));
            assertFalse(store.contains("c:k"));
            assertNull(cache.tombstoneLife());
            assertEquals("v", cache.get("k", key -> "v"));
            assertNotEquals(null, store.get("c:k"));
        }
    }
}
