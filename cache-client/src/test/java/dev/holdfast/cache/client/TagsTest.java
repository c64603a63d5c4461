package dev.holdfast.cache.client;

import static dev.holdfast.cache.client.EngineFixture.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Entries that are removed together, over a server that two clients share and over this process's memory. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TagsTest {
    private static final Duration HOUR = Duration.ofHours(1);
    private static final CachePolicy POLICY =
            CachePolicy.of(Duration.ofMinutes(5)).withStaleIfError(HOUR).withRememberAbsence(Duration.ofMinutes(1));
    private static final CachePolicy RED = POLICY.withTags("red");
    private static final CachePolicy BLUE = POLICY.withTags("blue", "größer als 7");

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final AtomicInteger names = new AtomicInteger();
    private RedisServer redis;
    private CacheClient ours;
    private CacheClient theirs;
    private CacheClient memory;

    @BeforeAll
    void start() {
        redis = RedisServer.start();
        ours = client();
        theirs = client();
        memory = CacheClient.builder().build();
    }

    private CacheClient client() {
        return CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "shop")));
    }

    @AfterAll
    void stop() {
        threads.shutdownNow();
        memory.close();
        ours.close();
        theirs.close();
        redis.close();
    }

    private enum Place {
        SERVER,
        SERVER_AND_NEAR,
        MEMORY,
        MEMORY_AND_NEAR
    }

    private Cache<String, String> open(Place place) {
        return open(place, "c" + names.incrementAndGet());
    }

    private Cache<String, String> open(Place place, String name) {
        CacheClient client = place == Place.SERVER || place == Place.SERVER_AND_NEAR ? ours : memory;
        return open(client, name, place == Place.SERVER_AND_NEAR || place == Place.MEMORY_AND_NEAR);
    }

    private static Cache<String, String> open(CacheClient client, String name, boolean near) {
        CacheBuilder<String, String> builder =
                client.cache(name, String.class, String.class).policy(POLICY);
        return (near ? builder.near(NearCache.ofBytes(4 << 20)) : builder).build();
    }

    private static CacheLoader<String, String> none() {
        return key -> {
            throw new AssertionError("was loaded");
        };
    }

    /** Ways to put an entry into a cache under the tags of a policy. */
    private enum Way {
        PUT {
            @Override
            void put(Cache<String, String> cache, String key, CachePolicy policy) {
                cache.put(key, "v", policy);
            }
        },
        PUT_ALL {
            @Override
            void put(Cache<String, String> cache, String key, CachePolicy policy) {
                cache.putAll(Map.of(key, "v"), policy);
            }
        },
        PUT_IF_ABSENT {
            @Override
            void put(Cache<String, String> cache, String key, CachePolicy policy) {
                assertTrue(cache.putIfAbsent(key, "v", policy));
            }
        },
        REPLACE {
            @Override
            void put(Cache<String, String> cache, String key, CachePolicy policy) {
                cache.put(key, "before");
                assertTrue(cache.replace(key, "before", "v", policy));
            }
        },
        LOAD {
            @Override
            void put(Cache<String, String> cache, String key, CachePolicy policy) {
                assertEquals("v", cache.get(key, same -> "v", policy));
            }
        },
        REFRESH {
            @Override
            void put(Cache<String, String> cache, String key, CachePolicy policy) {
                assertEquals("v", cache.refresh(key, same -> "v", policy));
            }
        },
        BULK_LOAD {
            @Override
            void put(Cache<String, String> cache, String key, CachePolicy policy) {
                Map<String, String> values = new HashMap<>(Map.of(key, "v", key + "'", "w"));
                assertEquals(values, cache.getAll(List.of(key, key + "'"), keys -> values, policy));
            }
        },
        CHOSEN {
            @Override
            void put(Cache<String, String> cache, String key, CachePolicy policy) {
                CacheLoader<String, String> choosing = CacheLoader.adaptive((same, context) -> {
                    context.tags(policy.tags().toArray(String[]::new));
                    context.etag("e");
                    return "v";
                });
                assertEquals("v", cache.get(key, choosing));
            }
        },
        NOT_MODIFIED {
            @Override
            void put(Cache<String, String> cache, String key, CachePolicy policy) {
                CHOSEN.put(cache, key, policy);
                cache.markStale(key);
                assertEquals("v", cache.get(key, CacheLoader.adaptive((same, context) -> context.notModified())));
            }
        },
        EXPIRE {
            @Override
            void put(Cache<String, String> cache, String key, CachePolicy policy) {
                cache.put(key, "v", policy);
                assertTrue(cache.expire(key, HOUR));
            }
        };

        abstract void put(Cache<String, String> cache, String key, CachePolicy policy);
    }

    private Stream<String> filled(Cache<String, String> cache) {
        List<String> red = new ArrayList<>();
        for (Way way : Way.values()) {
            way.put(cache, way + ".red", RED);
            way.put(cache, way + ".blue", BLUE);
            red.add(way + ".red");
        }
        cache.put("plain", "v");
        return red.stream();
    }

    private static void assertThere(Cache<String, String> cache, String key) {
        assertEquals("v", cache.get(key), key);
        assertEquals("v", cache.get(key, none()), key);
        assertTrue(cache.contains(key), key);
        assertEquals(Map.of(key, "v"), cache.getAll(List.of(key, "nothing")));
        assertEquals(Lookup.State.FRESH, cache.lookup(key).state(), key);
        assertTrue(cache.ttl(key).isPresent(), key);
    }

    private static void assertGone(Cache<String, String> cache, String key) {
        assertNull(cache.get(key), key);
        assertFalse(cache.contains(key), key);
        assertEquals(Map.of(), cache.getAll(List.of(key, "nothing")));
        assertEquals(Lookup.State.ABSENT, cache.lookup(key).state(), key);
        assertTrue(cache.ttl(key).isEmpty(), key);
        assertFalse(cache.expire(key, HOUR), key);
        assertFalse(cache.replace(key, "v", "w"), key);
        assertFalse(cache.remove(key, "v"), key);
        CacheLoader<String, String> failing = same -> {
            throw new IllegalStateException("the source is out");
        };
        assertThrows(IllegalStateException.class, () -> cache.get(key, failing), "nothing stands in for " + key);
        assertTrue(cache.putIfAbsent(key, "new"), key);
        assertEquals("new", cache.get(key), key);
    }

    @ParameterizedTest
    @EnumSource(Place.class)
    void whatHasATagIsRemovedAndNothingElse(Place place) {
        Cache<String, String> cache = open(place);
        List<String> red = filled(cache).toList();
        for (String key : red) {
            assertThere(cache, key);
            assertThere(cache, key.replace("red", "blue"));
        }
        cache.removeByTag("red");
        for (String key : red) {
            assertGone(cache, key);
            assertThere(cache, key.replace("red", "blue"));
        }
        assertThere(cache, "plain");
        cache.removeByTag("größer als 7");
        red.forEach(key -> assertGone(cache, key.replace("red", "blue")));
        assertThere(cache, "plain");
        cache.removeByTag("nobody has it");
        assertThere(cache, "plain");
        cache.put("again", "v", RED);
        assertThere(cache, "again");
    }

    @ParameterizedTest
    @EnumSource(Place.class)
    void whatIsStaleOrRememberedToBeAbsentIsRemovedToo(Place place) {
        Cache<String, String> cache = open(place);
        cache.put("stale", "v", RED);
        cache.markStale("stale");
        assertEquals(Lookup.State.STALE, cache.lookup("stale").state());
        assertNull(cache.get("absent", key -> null, RED));
        assertEquals(Lookup.State.KNOWN_ABSENT, cache.lookup("absent").state());
        cache.removeByTag("red");
        assertEquals(Lookup.State.ABSENT, cache.lookup("stale").state());
        assertEquals(Lookup.State.ABSENT, cache.lookup("absent").state());
        assertEquals("w", cache.get("absent", key -> "w"));
    }

    @ParameterizedTest
    @EnumSource(Place.class)
    void aPolicyOfTheCacheMarksAllOfIt(Place place) {
        CacheClient client = place.name().startsWith("SERVER") ? ours : memory;
        String name = "tagged" + names.incrementAndGet();
        try (LoadingCache<String, String> cache =
                client.cache(name, String.class, String.class).tags("all").build(key -> "v")) {
            assertEquals("v", cache.get("k"));
            cache.removeByTag("all");
            assertTrue(cache.find("k").isEmpty());
        }
    }

    @Test
    void aRemovalIsOneWriteAndEntriesWithoutTagsCostNothing() {
        Cache<String, String> cache = open(Place.SERVER);
        Map<String, String> many = new HashMap<>();
        IntStream.range(0, 1_000).forEach(i -> many.put("k" + i, "v"));
        cache.putAll(many, RED);
        assertSent(List.of("SET"), () -> cache.removeByTag("red"));
        assertNull(cache.get("k0"));
        cache.put("plain", "v");
        assertSent(List.of("GET"), () -> assertEquals("v", cache.get("plain")));
        cache.put("tagged", "v", BLUE);
        // the entry, and both of its tags together
        assertSent(List.of("GET", "MGET"), () -> assertEquals("v", cache.get("tagged")));
        // all entries together, and all of their tags
        assertSent(
                List.of("MGET", "MGET"),
                () -> assertEquals(
                        2, cache.getAll(List.of("plain", "tagged", "k1")).size()));
        assertSent(List.of("MGET", "SET"), () -> cache.put("tagged", "v", BLUE));
    }

    private void assertSent(List<String> expected, Runnable call) {
        assertEquals(expected, SentCommands.of(ours, call));
    }

    @ParameterizedTest
    @EnumSource(Place.class)
    void aLoadThatBeganBeforeTheRemovalIsNotForThoseWhoComeLater(Place place) throws Exception {
        for (boolean chosen : new boolean[] {false, true}) {
            Cache<String, String> cache = open(place);
            Held held = new Held(chosen);
            Future<String> first = held.begin(cache);
            cache.removeByTag("red");
            assertEquals("new", cache.get("k", key -> "new", RED), "not what was read before");
            held.release.countDown();
            assertEquals("old", first.get());
            until("the load is over", () -> cache.stats().loadsRunning() == 0);
            assertEquals("new", cache.get("k"));
        }
    }

    @Test
    void aLoadThatBeganBeforeAnotherClientsRemovalIsNotStored() throws Exception {
        for (boolean chosen : new boolean[] {false, true}) {
            String name = "c" + names.incrementAndGet();
            Cache<String, String> cache = open(Place.SERVER, name);
            Cache<String, String> other = open(theirs, name, false);
            cache.put("another", "v", RED);
            Held held = new Held(chosen);
            Future<String> first = held.begin(cache);
            other.removeByTag("red");
            held.release.countDown();
            assertEquals("old", first.get());
            assertNull(cache.get("k"), "chosen by the loader: " + chosen);
            assertNull(other.get("k"));
            assertEquals("new", cache.get("k", key -> "new", RED));
            assertEquals("new", other.get("k"), "what is loaded after it is stored");
        }
    }

    /** A load that has read its source and waits before it answers. */
    private final class Held {
        private final boolean chosen;
        private final CountDownLatch begun = new CountDownLatch(1);
        private final CountDownLatch release = new CountDownLatch(1);

        Held(boolean chosen) {
            this.chosen = chosen;
        }

        Future<String> begin(Cache<String, String> cache) throws InterruptedException {
            return begin(cache, "k");
        }

        Future<String> begin(Cache<String, String> cache, String ofKey) throws InterruptedException {
            CacheLoader<String, String> loader = CacheLoader.adaptive((key, context) -> {
                begun.countDown();
                release.await();
                if (chosen) {
                    context.tags("red");
                }
                return "old";
            });
            Callable<String> call = () -> cache.get(ofKey, loader, chosen ? POLICY : RED);
            Future<String> answer = threads.submit(call);
            begun.await();
            return answer;
        }
    }

    @Test
    void whatAnotherClientRemovesIsSeen() {
        String name = "c" + names.incrementAndGet();
        Cache<String, String> cache = open(Place.SERVER, name);
        Cache<String, String> other = open(theirs, name, false);
        cache.put("k", "v", RED);
        assertEquals("v", other.get("k"));
        other.removeByTag("red");
        assertNull(cache.get("k"));
        assertNull(other.get("k"));
    }

    /** Generations are near like entries: a hit asks no server, and a removal elsewhere is pushed. */
    @Test
    void entriesWithTagsAreKeptNear() {
        String name = "c" + names.incrementAndGet();
        Cache<String, String> near = open(Place.SERVER_AND_NEAR, name);
        Cache<String, String> other = open(theirs, name, false);
        for (int i = 0; i < 10; i++) {
            near.put("k" + i, "v", RED);
        }
        near.put("blue", "v", BLUE);
        until("all are near", () -> {
            long before = near.stats().near().hits();
            for (int i = 0; i < 10; i++) {
                assertEquals("v", near.get("k" + i));
            }
            assertEquals("v", near.get("blue"));
            return near.stats().near().hits() == before + 11;
        });
        assertSame(near.get("k1"), near.get("k1"));
        assertSent(List.of(), () -> assertSame(near.get("k2"), near.get("k2")));
        other.removeByTag("red");
        until("the removal is seen", () -> near.get("k3") == null);
        for (int i = 0; i < 10; i++) {
            assertNull(near.get("k" + i));
        }
        until("what has another tag is near", () -> {
            long hits = near.stats().near().hits();
            assertEquals("v", near.get("blue"));
            return near.stats().near().hits() > hits;
        });
        near.put("k1", "v", RED);
        until("it is near again", () -> {
            long now = near.stats().near().hits();
            assertEquals("v", near.get("k1"));
            return near.stats().near().hits() > now;
        });
        near.removeByTag("red");
        assertNull(near.get("k1"));
    }

    @Test
    void aGenerationThatWasEvictedTakesItsEntriesWithIt() {
        String name = "c" + names.incrementAndGet();
        Cache<String, String> cache = open(Place.SERVER, name);
        cache.put("k", "v", RED);
        assertEquals(1L, redis.command("UNLINK", "shop:" + name + ":#tag:red"));
        assertNull(cache.get("k"));
        cache.put("k", "v", RED);
        assertEquals("v", cache.get("k"));
        redis.command("SET", "shop:" + name + ":#tag:red", "garbage");
        assertNull(cache.get("k"));
        cache.put("k", "v", RED);
        assertEquals("v", cache.get("k"));
    }

    @Test
    void aTagLastsAsLongAsItsEntries() {
        String name = "c" + names.incrementAndGet();
        Cache<String, String> cache = open(Place.SERVER, name);
        cache.put("short", "v", RED.withTtl(Duration.ofSeconds(1)));
        assertTrue(tagLives(name) >= HOUR.toMillis());
        cache.put("long", "v", RED.withTtl(Duration.ofDays(30)));
        assertTrue(tagLives(name) >= Duration.ofDays(30).toMillis());
        assertEquals("v", cache.get("long"));
        assertTrue(cache.expire("long", Duration.ofDays(100)));
        assertTrue(tagLives(name) >= Duration.ofDays(99).toMillis());
        assertEquals("v", cache.get("long"));
        cache.removeByTag("red");
        assertTrue(tagLives(name) > 0);
        assertNull(cache.get("long"));
        CacheLoader<String, String> choosing = CacheLoader.adaptive((key, context) -> {
            context.ttl(Duration.ofDays(200));
            return "v";
        });
        assertEquals("v", cache.get("longer", choosing, RED));
        assertTrue(tagLives(name) >= Duration.ofDays(199).toMillis());
        assertEquals("v", cache.get("longer"));
    }

    private long tagLives(String name) {
        return (Long) redis.command("PTTL", "shop:" + name + ":#tag:red");
    }

    @Test
    void clearingRemovesTagsToo() {
        String name = "c" + names.incrementAndGet();
        Cache<String, String> cache = open(Place.SERVER, name);
        cache.put("k", "v", RED);
        cache.clear();
        assertEquals(List.of(), redis.command("KEYS", "shop:" + name + ":*"));
        assertNull(cache.get("k"));
    }

    /** The first server dies with tagged entries on its disk, the tag is removed meanwhile, and it comes back. */
    @Test
    void whatWasRemovedDuringAnOutageDoesNotComeBack() {
        try (RedisServer first = RedisServer.builder()
                        .persistence(RedisServer.Persistence.AOF)
                        .start();
                CacheClient client = CacheClient.builder()
                        .tier("first", SingleConfig.of(first.url()))
                        .failover(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofSeconds(1)))
                        .build();
                Cache<String, String> cache = open(client, "c", false);
                Cache<String, String> near = open(client, "near", true)) {
            for (Cache<String, String> each : List.of(cache, near)) {
                for (int i = 0; i < 100; i++) {
                    each.put("k" + i, "v", RED);
                }
                assertEquals("v", each.get("k0"));
            }
            first.kill();
            until("memory serves", () -> {
                cache.put("probe", "v");
                return serves(client, 1);
            });
            cache.put("during", "v", RED);
            assertEquals("v", cache.get("during"), "tags work on whatever serves");
            cache.removeByTag("red");
            near.removeByTag("red");
            assertNull(cache.get("during"));
            first.restart(RedisServer.Data.KEEP);
            until("the first serves again", () -> serves(client, 0));
            int back = 0;
            for (int i = 0; i < 100; i++) {
                back += cache.get("k" + i) == null ? 0 : 1;
                back += near.get("k" + i) == null ? 0 : 1;
            }
            assertEquals(0, back);
        }
    }

    private static boolean serves(CacheClient client, int tier) {
        return client.health().tiers().get(tier).serving();
    }

    /** Where tags can't be read an entry that has some is no miss, and no hit. */
    @Test
    void anEntryWhoseTagsCanNotBeReadIsNeitherAHitNorAMiss() {
        String name = "c" + names.incrementAndGet();
        redis.command(
                "ACL",
                "SETUSER",
                "mine",
                "on",
                ">s",
                "+@all",
                "%RW~shop:" + name + ":k",
                "%RW~shop:" + name + ":#tag:red");
        String url = redis.url().replace("redis://", "redis://mine:s@");
        try (CacheClient client = CacheClient.builder()
                .settings(Settings.of(Map.of("REDIS_URL", url, "REDIS_KEY_PREFIX", "shop", "CACHE_TIERS", "single")))
                .build()) {
            Cache<String, String> cache = open(client, name, false);
            cache.put("k", "v", RED);
            assertEquals("v", cache.get("k"));
            redis.command("ACL", "SETUSER", "mine", "resetkeys", "%RW~shop:" + name + ":k");
            assertThrows(CacheException.class, () -> cache.get("k"));
            assertEquals("loaded", cache.get("k", key -> "loaded"));
            assertEquals(Map.of("k", "loaded"), cache.getAll(List.of("k"), keys -> Map.of("k", "loaded")));
        }
    }

    @Test
    void whatIsNoTagIsRefused() {
        Cache<String, String> cache = open(Place.MEMORY);
        for (String tag : new String[] {"", "x".repeat(513), "\ud800"}) {
            assertThrows(IllegalArgumentException.class, () -> POLICY.withTags(tag));
            assertThrows(IllegalArgumentException.class, () -> cache.removeByTag(tag));
            assertThrows(IllegalArgumentException.class, () -> cache.async().removeByTag(tag));
        }
        String[] many = IntStream.range(0, 65).mapToObj(i -> "t" + i).toArray(String[]::new);
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> POLICY.withTags(many));
        assertEquals("an entry has at most 64 tags: 65", e.getMessage());
        CacheLoader<String, String> tooMany = CacheLoader.adaptive((key, context) -> {
            context.tags(many);
            return "v";
        });
        assertThrows(IllegalArgumentException.class, () -> cache.get("k", tooMany));
        assertThrows(IllegalArgumentException.class, () -> cache.put("#tag:red", "v"));
        Cache<String, String> raw = memory.cache("raw" + names.incrementAndGet(), String.class, String.class)
                .codec(Codec.raw(Codec.string()))
                .build();
        assertThrows(UnsupportedOperationException.class, () -> raw.removeByTag("red"));
        assertThrows(
                IllegalArgumentException.class,
                () -> raw.put("k", "v", raw.policy().withTags("red")));
        assertNotNull(cache);
    }

    @Test
    void aRemovalThatNoServerAnswersFails() {
        try (RedisServer server = RedisServer.start();
                CacheClient client = CacheClient.builder()
                        .settings(Settings.of(Map.of("REDIS_URL", server.url(), "CACHE_TIERS", "single")))
                        .build();
                Cache<String, String> cache = open(client, "c", false)) {
            cache.put("k", "v", RED);
            server.kill();
            assertThrows(CacheUnavailableException.class, () -> cache.removeByTag("red"));
            assertThrows(CacheUnavailableException.class, () -> cache.put("k", "v", RED));
            assertEquals("loaded", cache.get("k", key -> "loaded", RED));
        }
    }

    /** Where a tag stands is asked of the store by whoever asks the store for the entry. */
    @Test
    void whatAsksTheStoreAsksItForTagsToo() {
        Cache<String, String> near = open(Place.SERVER_AND_NEAR);
        near.put("k", "v", RED);
        until("it is near, and so is its tag", () -> {
            long hits = near.stats().near().hits();
            assertEquals("v", near.get("k"));
            return near.stats().near().hits() > hits;
        });
        assertSent(
                List.of("GET", "MGET"),
                () -> assertEquals(Lookup.State.FRESH, near.lookup("k").state()));
        assertSent(List.of("GET", "MGET"), () -> assertTrue(near.contains("k")));
        assertSent(List.of("GET", "MGET"), () -> assertTrue(near.ttl("k").isPresent()));
        assertSent(List.of("SET", "GET", "MGET"), () -> assertFalse(near.putIfAbsent("k", "w")));
    }

    /** An entry that lives for ever asks for no longer life of its tag each time. */
    @Test
    void aTagOfEntriesThatLiveForEverIsWrittenOnce() throws Exception {
        String name = "c" + names.incrementAndGet();
        CachePolicy endless = CachePolicy.of(CacheStore.FOREVER).withTags("red");
        Cache<String, String> cache = open(Place.SERVER, name);
        cache.put("first", "v", endless);
        // its tag was read, and it was stored
        assertSent(List.of("MGET", "SET"), () -> cache.put("second", "v", endless));
        List<Future<?>> puts = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            String key = "k" + i;
            puts.add(threads.submit(() -> {
                for (int each = 0; each < 50; each++) {
                    cache.put(key + each, "v", endless);
                }
            }));
        }
        for (Future<?> put : puts) {
            put.get();
        }
        for (int i = 0; i < 16 * 50; i++) {
            assertEquals("v", cache.get("k" + i % 16 + i / 16));
        }
    }

    @Test
    void aPolicyOfTheCacheMarksAbsencesThatArePutToo() {
        try (Cache<String, String> cache = ours.cache("tagged" + names.incrementAndGet(), String.class, String.class)
                .tags("all")
                .build()) {
            cache.putAbsent("k", Duration.ofMinutes(1));
            assertEquals(Lookup.State.KNOWN_ABSENT, cache.lookup("k").state());
            cache.removeByTag("all");
            assertEquals(Lookup.State.ABSENT, cache.lookup("k").state());
        }
    }

    @Test
    void aTagLastsAsLongAsAnAbsenceThatIsRememberedLongest() {
        String name = "c" + names.incrementAndGet();
        Cache<String, String> cache = open(Place.SERVER, name);
        CachePolicy remembering = RED.withRememberAbsence(Duration.ofDays(30));
        assertEquals(Map.of(), cache.getAll(List.of("a", "b"), keys -> Map.of(), remembering));
        assertEquals(Lookup.State.KNOWN_ABSENT, cache.lookup("a").state());
        assertTrue(tagLives(name) >= Duration.ofDays(30).toMillis());
    }

    /** Without scripts nothing can be compared, and an entry may ask for more time than its tag has. */
    @Test
    void whoMayNotRunScriptsUsesTagsToo() {
        String name = "c" + names.incrementAndGet();
        redis.command("ACL", "SETUSER", "plain", "on", ">s", "+@all", "-eval", "-evalsha", "~*");
        String url = redis.url().replace("redis://", "redis://plain:s@");
        try (CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", url, "REDIS_KEY_PREFIX", "shop")))) {
            Cache<String, String> cache = open(client, name, false);
            cache.put("k", "v", RED);
            cache.put("long", "v", RED.withTtl(Duration.ofDays(30)));
            assertEquals("v", cache.get("long"));
            assertTrue(tagLives(name) >= Duration.ofDays(30).toMillis());
            assertEquals("w", cache.get("loaded", key -> "w", RED.withTtl(Duration.ofDays(60))));
            assertEquals("w", cache.get("loaded"));
            cache.removeByTag("red");
            for (String key : List.of("k", "long", "loaded")) {
                assertNull(cache.get(key));
            }
        }
    }

    /** What this client removed on one tier it knows while another serves that never heard of it. */
    @Test
    void aLoadThatBeganBeforeARemovalInAnOutageIsNotStoredAfterIt() throws Exception {
        try (RedisServer first = RedisServer.builder()
                        .persistence(RedisServer.Persistence.AOF)
                        .start();
                CacheClient client = CacheClient.builder()
                        .tier("first", SingleConfig.of(first.url()))
                        .failover(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofSeconds(1)))
                        .build();
                Cache<String, String> cache = open(client, "c", false)) {
            cache.put("other", "v", RED);
            List<Held> loads = List.of(new Held(false), new Held(true));
            List<Future<String>> answers = new ArrayList<>();
            for (Held held : loads) {
                answers.add(held.begin(cache, "k" + held.chosen));
            }
            first.kill();
            until("memory serves", () -> {
                cache.put("probe", "v");
                return serves(client, 1);
            });
            cache.removeByTag("red");
            first.restart(RedisServer.Data.KEEP);
            until("the first serves again", () -> serves(client, 0));
            loads.forEach(held -> held.release.countDown());
            for (Future<String> answer : answers) {
                assertEquals("old", answer.get());
            }
            assertNull(cache.get("kfalse"));
            assertNull(cache.get("ktrue"));
            assertNull(cache.get("other"));
        }
    }

    /** Loads that keep the tags of the last value must not gather more of them than an entry can have. */
    @Test
    void anEntryThatIsNotModifiedGathersNoTagsWithoutBound() {
        String name = "c" + names.incrementAndGet();
        Cache<String, String> cache = open(Place.SERVER, name);
        CacheLoader<String, String> loader = CacheLoader.adaptive((key, context) -> {
            context.etag("e");
            return context.lastETag().isPresent() ? context.notModified() : "v";
        });
        for (int i = 0; i < 200; i++) {
            assertEquals("v", cache.refresh("k", loader, POLICY.withTags("t" + i)));
        }
        long size = (Long) redis.command("STRLEN", "shop:" + name + ":k");
        assertTrue(size < 1_200, () -> size + " bytes");
        cache.removeByTag("t0");
        assertEquals("w", cache.get("k", key -> "w"));
    }
}
