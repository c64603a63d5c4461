package dev.holdfast.cache.client;

import static dev.holdfast.cache.client.EngineFixture.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheEvent.StaleServed;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.FakeClock;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Calls that don't read what the cache holds, loads that store nothing, and reads that are content with what is stale. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CallPolicyTest {
    private static final CachePolicy POLICY =
            CachePolicy.of(Duration.ofMinutes(5)).withStaleIfError(Duration.ofHours(1));

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final AtomicInteger names = new AtomicInteger();
    private RedisServer redis;
    private CacheClient server;
    private CacheClient memory;

    @BeforeAll
    void start() {
        redis = RedisServer.start();
        server = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())));
        memory = CacheClient.builder().build();
    }

    @AfterAll
    void stop() {
        threads.shutdownNow();
        memory.close();
        server.close();
        redis.close();
    }

    private Cache<String, String> open(boolean onServer, boolean near) {
        CacheBuilder<String, String> builder = (onServer ? server : memory)
                .cache("c" + names.incrementAndGet(), String.class, String.class)
                .policy(POLICY);
        return (near ? builder.near(NearCache.ofBytes(4 << 20)) : builder).build();
    }

    @ParameterizedTest
    @CsvSource({"true, false", "true, true", "false, false", "false, true"})
    void aCallThatDoesNotReadLoadsThoughThereIsAFreshValue(boolean onServer, boolean near) {
        Cache<String, String> cache = open(onServer, near);
        CachePolicy anew = cache.policy().withReading(false);
        cache.put("k", "old");
        cache.put("l", "old");
        assertEquals("old", cache.get("k", key -> "new"));
        assertEquals("new", cache.get("k", key -> "new", anew));
        assertEquals("new", cache.get("k"), "it is stored");
        assertEquals(
                Map.of("k", "newer", "l", "newer"),
                cache.getAll(List.of("k", "l"), keys -> Map.of("k", "newer", "l", "newer"), anew));
        assertEquals("newer", cache.get("l"));
        assertEquals("newest", cache.async().get("l", key -> "newest", anew).join());
        assertEquals("newest", cache.get("l"));
        assertEquals(
                Map.of("k", "last"),
                cache.async()
                        .getAll(List.of("k"), keys -> Map.of("k", "last"), anew)
                        .join());
        assertEquals(Map.of("k", "last", "l", "newest"), cache.getAll(List.of("k", "l")));
        CacheLoader<String, String> failing = key -> {
            throw new IllegalStateException("the source is out");
        };
        assertThrows(IllegalStateException.class, () -> cache.get("k", failing, anew));
        assertEquals("last", cache.get("k"), "a load that fails takes nothing away");
        assertNull(cache.get("k", key -> null, anew));
        assertNull(cache.get("k"), "the source has no value any more");
    }

    @ParameterizedTest
    @CsvSource({"true, false", "true, true", "false, false", "false, true"})
    void aLoadThatDoesNotStoreLeavesTheCacheAsItIs(boolean onServer, boolean near) {
        Cache<String, String> cache = open(onServer, near);
        CachePolicy aside = cache.policy().withStoring(false).withTags("t").withRememberAbsence(Duration.ofMinutes(1));
        assertEquals("v", cache.get("k", key -> "v", aside));
        assertEquals(Lookup.State.ABSENT, cache.lookup("k").state());
        assertNull(cache.get("k", key -> null, aside));
        assertEquals(Lookup.State.ABSENT, cache.lookup("k").state());
        assertEquals(
                Map.of("k", "v", "l", "v"), cache.getAll(List.of("k", "l"), keys -> Map.of("k", "v", "l", "v"), aside));
        assertEquals(Map.of(), cache.getAll(List.of("k", "l")));
        assertEquals("v", cache.async().get("k", key -> "v", aside).join());
        assertNull(cache.get("k"));
        cache.put("k", "held");
        assertEquals("held", cache.get("k", key -> "other", aside));
        assertEquals("other", cache.get("k", key -> "other", aside.withReading(false)));
        assertEquals("other", cache.refresh("k", key -> "other", aside));
        assertEquals("held", cache.get("k"), "neither read nor stored");
        cache.markStale("k");
        assertNull(cache.get("k", key -> null, aside));
        assertEquals(Lookup.State.STALE, cache.lookup("k").state(), "what is stale stays for others");
    }

    @Test
    void whoJoinsALoadGetsWhatThatLoadsCallerStores() throws Exception {
        Cache<String, String> cache = open(true, false);
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> first = threads.submit(() -> cache.get("k", key -> {
            begun.countDown();
            release.await();
            return "v";
        }));
        begun.await();
        Future<String> second =
                threads.submit(() -> cache.get("k", key -> "w", cache.policy().withStoring(false)));
        until("it has joined", () -> cache.stats().joins() == 1);
        release.countDown();
        assertEquals("v", first.get());
        assertEquals("v", second.get());
        assertEquals("v", cache.get("k"));
    }

    /** A refresh is a change: that its value was seen by others who store nothing does not make it one. */
    @Test
    void aRefreshDoesNotJoinALoadThatStoresNothing() throws Exception {
        Cache<String, String> cache = open(true, false);
        CachePolicy aside = cache.policy().withReading(false).withStoring(false);
        cache.put("k", "old");
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> first = threads.submit(() -> cache.get(
                "k",
                key -> {
                    begun.countDown();
                    release.await();
                    return "aside";
                },
                aside));
        begun.await();
        assertEquals("new", cache.refresh("k", key -> "new"));
        assertEquals("new", cache.get("k"));
        release.countDown();
        assertEquals("aside", first.get());
        assertEquals("new", cache.get("k"));
    }

    /** Its value would be for nobody, and the next call would load it again. */
    @ParameterizedTest
    @CsvSource({"false", "true"})
    void whoStoresNothingRefreshesNothingAhead(boolean near) {
        FakeClock clock = new FakeClock();
        try (CacheClient client = CacheClient.builder().clock(clock).build()) {
            CacheBuilder<String, String> builder =
                    client.cache("c", String.class, String.class).policy(POLICY.withRefreshAhead(0.5));
            Cache<String, String> cache = (near ? builder.near(NearCache.ofBytes(4 << 20)) : builder).build();
            CachePolicy aside = cache.policy().withStoring(false);
            cache.putAll(Map.of("k", "v", "l", "v"));
            clock.advance(Duration.ofMinutes(4));
            assertEquals("v", cache.get("k", key -> "new", aside));
            assertEquals("v", cache.async().get("k", key -> "new", aside).join());
            assertEquals(
                    Map.of("k", "v", "l", "v"),
                    cache.getAll(List.of("k", "l"), keys -> Map.of("k", "new", "l", "new"), aside));
            until("nothing runs", () -> cache.stats().loadsRunning() == 0);
            assertEquals(0, cache.stats().loads());
            assertEquals("v", cache.get("k", key -> "new"));
            until("others do", () -> "new".equals(cache.get("k")));
        }
    }

    @Test
    void nothingIsPutUnderAPolicyThatStoresNothing() {
        Cache<String, String> cache = open(false, false);
        CachePolicy aside = cache.policy().withStoring(false);
        assertThrows(IllegalArgumentException.class, () -> cache.put("k", "v", aside));
        assertThrows(IllegalArgumentException.class, () -> cache.putAll(Map.of("k", "v"), aside));
        assertThrows(IllegalArgumentException.class, () -> cache.putIfAbsent("k", "v", aside));
        assertThrows(IllegalArgumentException.class, () -> cache.replace("k", "v", "w", aside));
        assertThrows(IllegalArgumentException.class, () -> cache.async().put("k", "v", aside));
        assertThrows(IllegalArgumentException.class, () -> cache.async().putAll(Map.of("k", "v"), aside));
        assertThrows(IllegalArgumentException.class, () -> cache.async().putIfAbsent("k", "v", aside));
        assertThrows(IllegalArgumentException.class, () -> cache.async().replace("k", "v", "w", aside));
    }

    @ParameterizedTest
    @CsvSource({"true, false", "true, true", "false, false", "false, true"})
    void aReadMayBeContentWithWhatIsStale(boolean onServer, boolean near) throws Exception {
        AtomicInteger served = new AtomicInteger();
        CacheClient client = onServer ? server : memory;
        Runnable end = client.on(StaleServed.class, event -> served.incrementAndGet());
        CacheBuilder<String, String> builder = client.cache("c" + names.incrementAndGet(), String.class, String.class)
                .policy(POLICY)
                .staleOnGet();
        try (Cache<String, String> cache = (near ? builder.near(NearCache.ofBytes(4 << 20)) : builder).build()) {
            cache.put("k", "v");
            cache.put("fresh", "w");
            cache.markStale("k");
            assertEquals("v", cache.get("k"));
            assertEquals(Optional.of("v"), cache.find("k"));
            assertEquals("v", cache.getOrDefault("k", "other"));
            assertEquals(Map.of("k", "v", "fresh", "w"), cache.getAll(List.of("k", "fresh", "nothing")));
            assertEquals("v", cache.async().get("k").join());
            CacheStats stats = cache.stats();
            assertEquals(5, stats.staleHits());
            assertEquals(1, stats.hits());
            assertEquals(6, stats.misses(), "what is stale, and nothing");
            until("the listener heard", () -> served.get() == 5);
            assertFalse(cache.contains("k"));
            assertEquals("new", cache.get("k", key -> "new"), "whoever has a loader loads");
            assertEquals("new", cache.get("k"));
        } finally {
            end.run();
        }
    }

    @Test
    void whatIsStaleIsReadNoLongerThanItMayStandIn() {
        FakeClock clock = new FakeClock();
        try (CacheClient client = CacheClient.builder().clock(clock).build();
                LoadingCache<String, String> cache = client.cache("c", String.class, String.class)
                        .policy(POLICY)
                        .staleOnGet()
                        .build(key -> "loaded")) {
            cache.put("k", "v");
            clock.advance(Duration.ofMinutes(64));
            assertEquals(Optional.of("v"), cache.find("k"));
            clock.advance(Duration.ofMinutes(2));
            assertEquals(Optional.empty(), cache.find("k"));
            assertEquals("loaded", cache.get("k"));
        }
    }

    /** What another client may have changed unseen must not be returned, and a stale value may be just that. */
    @Test
    void aBoundOnWhatIsUnseenAndStaleReadsContradictEachOther() {
        CacheBuilder<String, String> builder = memory.cache("agreeing", String.class, String.class)
                .agreeWithin(Duration.ofSeconds(10))
                .staleOnGet();
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, builder::build);
        assertTrue(e.getMessage().contains("agreeWithin"), e.getMessage());
    }

    @Test
    void aWholeCacheReadsAndStores() {
        for (CachePolicy policy : List.of(POLICY.withReading(false), POLICY.withStoring(false))) {
            CacheBuilder<String, String> builder =
                    memory.cache("whole", String.class, String.class).policy(policy);
            assertThrows(IllegalArgumentException.class, builder::build);
            assertThrows(IllegalArgumentException.class, () -> builder.build(key -> "v"));
        }
    }

    @Test
    void aRawCacheHasNothingStale() {
        CacheBuilder<String, String> builder = memory.cache("raw", String.class, String.class)
                .codec(Codec.raw(Codec.string()))
                .staleOnGet();
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, builder::build);
        assertTrue(e.getMessage().contains("staleOnGet"), e.getMessage());
    }
}
