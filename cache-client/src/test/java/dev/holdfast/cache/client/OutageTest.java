package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheHealth.Status;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Loads and invalidations while a real server is out. */
class OutageTest {
    private static final FailoverConfig SOON = FailoverConfig.DEFAULT.withGracePeriod(Duration.ofMillis(100));
    private static final CachePolicy POLICY =
            CachePolicy.of(Duration.ofMinutes(5)).withStaleIfError(Duration.ofHours(1));

    private final RedisServer redis = RedisServer.start();
    private final StoreProviders stores = StoreProviders.find();

    @AfterEach
    void close() {
        redis.close();
    }

    private CacheStore server() {
        return stores.make("single", Settings.of(Map.of("REDIS_URL", redis.url())));
    }

    @Test
    void aReadWithALoaderDoesNotWaitForTheOnlyServerWhenThatIsKnownToBeOut() {
        try (CacheClient client = CacheClient.builder()
                .tier("primary", server())
                .withoutMemory()
                .failover(SOON)
                .build()) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).policy(POLICY).build();
            cache.put("k", "stored");
            redis.kill();
            EngineFixture.until("it is known", () -> {
                cache.get("first", key -> "loaded");
                return !client.isReady();
            });
            long start = System.nanoTime();
            assertEquals("loaded", cache.get("a", key -> "loaded"));
            assertEquals("loaded", cache.refresh("b", key -> "loaded"));
            assertEquals(Map.of("c", "loaded"), cache.getAll(List.of("c"), keys -> Map.of("c", "loaded")));
            assertEquals("loaded", cache.async().get("d", key -> "loaded").join());
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            assertTrue(millis < 1_000, () -> millis + " ms for four reads");
            redis.restart(RedisServer.Data.KEEP);
            EngineFixture.until(
                    "it is back", () -> "stored".equals(cache.get("k", key -> "loaded")) || client.isReady());
        }
    }

    @Test
    void whatAnotherClientLoadedIntoTheSecondServerInItsOutageIsNotReadInOursOnceWeRemovedIt() throws Exception {
        try (RedisServer second = RedisServer.start();
                CacheClient ours = over(second);
                CacheClient others = over(second)) {
            Cache<String, String> cache =
                    ours.cache("c", String.class, String.class).policy(POLICY).build();
            others.forceFailover("first");
            Cache<String, String> theirs =
                    others.cache("c", String.class, String.class).policy(POLICY).build();
            theirs.get("k", key -> "v1");
            assertTrue(theirs.contains("k"));
            // Clocks may differ by a second.
            Thread.sleep(1_100);
            cache.remove("k");
            ours.forceFailover("first");

            assertEquals("v2", cache.get("k", key -> "v2"));
            assertEquals("v2", theirs.get("k", key -> "v3"), "what is loaded in an outage is shared");
        }
    }

    private CacheClient over(RedisServer second) {
        return CacheClient.builder()
                .tier("first", server())
                .tier("second", stores.make("single", Settings.of(Map.of("REDIS_URL", second.url()))))
                .memory(() -> stores.make("memory", Settings.of(Map.of())))
                .failover(SOON)
                .build();
    }

    @Test
    void whatWasMarkedStaleWhileItsServerWasOutIsNotFreshWhenThatIsBack() throws Exception {
        try (CacheClient client = withMemory()) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).policy(POLICY).build();
            cache.put("absent below", "old");
            cache.put("stale below", "old");
            outage(client, () -> {
                assertFalse(cache.markStale("absent below"));
                EngineFixture.until("memory keeps it", () -> {
                    cache.get("stale below", key -> "new");
                    return cache.contains("stale below");
                });
                assertTrue(cache.markStale("stale below"));
                assertFalse(cache.markStale("stale below"), "it is stale already");
            });
            assertEquals(null, cache.get("absent below"));
            assertEquals(null, cache.get("stale below"));
        }
    }

    @Test
    void aRefreshWhileTheServerWasOutIsNotUndoneWhenThatIsBack() throws Exception {
        try (CacheClient client = withMemory()) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).policy(POLICY).build();
            cache.put("k", "old");
            outage(client, () -> assertEquals("new", cache.refresh("k", key -> "new")));
            assertNotEquals("old", cache.get("k"));
        }
    }

    private CacheClient withMemory() {
        return CacheClient.builder()
                .tier("primary", server())
                .memory(() -> stores.make("memory", Settings.of(Map.of())))
                .failover(SOON)
                .build();
    }

    private void outage(CacheClient client, Runnable during) {
        redis.command("SAVE");
        redis.kill();
        EngineFixture.until("the server is out", () -> {
            client.counter("n").build().get();
            return client.health().status() == Status.CRITICAL;
        });
        during.run();
        redis.restart(RedisServer.Data.KEEP);
        EngineFixture.until("the server is back", () -> client.health().status() == Status.HEALTHY);
    }
}
