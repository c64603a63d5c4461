package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Counter;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.FlakyStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Caches and counters that stand on servers or on nothing. */
class ServersOnlyTest {
    private static final Duration LONG = Duration.ofSeconds(30);

    @Test
    void whatIsKeptOnServersNeverFallsToThisProcessesMemory() throws Exception {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())))) {
            Cache<String, String> handled = client.cache("handled", String.class, String.class)
                    .serversOnly()
                    .build();
            Cache<String, String> usual =
                    client.cache("usual", String.class, String.class).build();
            Counter tries = client.counter("tries")
                    .ttl(Duration.ofMinutes(1))
                    .serversOnly()
                    .build();
            Counter visits = client.counter("visits").build();
            // Another client's: what this one changed a moment before a server dies, it removes there when it is back.
            try (CacheClient other = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())))) {
                assertTrue(other.cache("handled", String.class, String.class)
                        .serversOnly()
                        .build()
                        .putIfAbsent("event", "me"));
                Counter others = other.counter("tries")
                        .ttl(Duration.ofMinutes(1))
                        .serversOnly()
                        .build();
                assertEquals(1, others.increment());
                assertEquals(2, others.async().increment().get());
                assertTrue(others.ttl().orElseThrow().compareTo(Duration.ofMinutes(1)) <= 0);
            }
            assertEquals("me", handled.get("event"));
            assertEquals(2, tries.get());
            redis.kill();
            EngineFixture.until("memory answers", () -> {
                usual.put("k", "v");
                return client.health().tiers().get(1).serving();
            });
            assertEquals(1, visits.increment(), "in memory");
            long start = System.nanoTime();
            assertFalse(assertThrows(CacheUnavailableException.class, () -> handled.putIfAbsent("event", "another"))
                    .outcomeUnknown());
            assertThrows(CacheUnavailableException.class, () -> handled.get("event"));
            assertThrows(CacheUnavailableException.class, () -> handled.getAll(List.of("event")));
            assertThrows(CacheUnavailableException.class, () -> handled.remove("event"));
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, tries::increment);
            assertTrue(e.getMessage().contains("memory is not asked"), e.getMessage());
            assertThrows(CacheUnavailableException.class, tries::get);
            assertThrows(
                    ExecutionException.class, () -> tries.async().increment().get());
            assertEquals("loaded", handled.get("other", key -> "loaded"), "a read with a loader loads");
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            assertTrue(millis < 2_000, () -> millis + " ms for eight calls that can't be answered");

            redis.restart(RedisServer.Data.KEEP);
            assertTrue(client.awaitServing("single", LONG));
            assertEquals("me", handled.get("event"));
            assertFalse(handled.putIfAbsent("event", "another"));
            assertEquals(3, tries.increment());
            tries.reset();
            assertEquals(0, tries.get());
            assertEquals(Optional.empty(), tries.ttl());
        }
    }

    @Test
    void whereThereIsNoServerItIsSaidWhyAndLoadsGoOn() {
        try (CacheClient client =
                CacheClient.from(Settings.of(Map.of("REDIS_ENABLED", "false", "REDIS_URL", "redis://127.0.0.1:1")))) {
            LoadingCache<String, String> cache =
                    client.cache("c", String.class, String.class).serversOnly().build(key -> "loaded");
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> cache.put("k", "v"));
            assertTrue(e.getMessage().contains("REDIS_ENABLED is false"), e.getMessage());
            assertEquals("loaded", cache.get("k"));
            Counter counter = client.counter("n").serversOnly().build();
            assertThrows(CacheUnavailableException.class, counter::increment);
        }
        try (CacheClient client = CacheClient.builder().build()) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).serversOnly().build();
            assertThrows(CacheUnavailableException.class, () -> cache.find("k"));
            assertNull(client.cache("d", String.class, String.class).build().get("k"));
            assertThrows(IllegalStateException.class, () -> client.cache("c", String.class, String.class)
                    .build());
        }
    }

    @Test
    void noConditionIsTakenForMetWhileAnEarlierChangeOfItsKeyMayStillArrive() throws Exception {
        Duration quarantine = Duration.ofSeconds(3);
        try (RedisServer redis = RedisServer.start();
                FlakyStore flaky = new FlakyStore(SingleConfig.of(redis.url()).open("flaky", KeyPrefix.NONE));
                CacheClient client = CacheClient.builder()
                        .tier("single", flaky)
                        .failover(FailoverConfig.DEFAULT.withUnknownQuarantine(quarantine))
                        .build()) {
            List<Cache<String, String>> caches = List.of(
                    client.cache("handled", String.class, String.class)
                            .serversOnly()
                            .build(),
                    client.cache("raw", String.class, String.class)
                            .codec(Codec.raw(Codec.string()))
                            .serversOnly()
                            .build());
            for (Cache<String, String> cache : caches) {
                for (FlakyStore.Effect effect : List.of(FlakyStore.Effect.APPLIED, FlakyStore.Effect.LOST)) {
                    String key = "event-" + effect;
                    long end = System.nanoTime() + quarantine.toNanos();
                    flaky.fail(1, Reason.TIMEOUT, effect);
                    assertTrue(assertThrows(CacheUnavailableException.class, () -> cache.putIfAbsent(key, "first"))
                            .outcomeUnknown());
                    long before = flaky.calls().size();
                    for (int i = 0; i < 3 && System.nanoTime() - end < 0; i++) {
                        CacheUnavailableException e =
                                assertThrows(CacheUnavailableException.class, () -> cache.putIfAbsent(key, "again"));
                        assertFalse(e.outcomeUnknown(), "nothing was sent");
                        assertTrue(e.getMessage().contains("unknownQuarantine (PT3S)"), e.getMessage());
                        assertFalse(cache.replace(key, "first", "other"));
                    }
                    assertTrue(flaky.calls().size() - before < 100, "nobody tries a hundred times");
                    assertNull(cache.get(key), "what may still be overwritten is not read");
                    assertEquals("loaded", cache.get(key, each -> "loaded"));
                    cache.put(key, "put");
                    cache.remove(key);
                    EngineFixture.until("a condition can be judged again", () -> {
                        try {
                            return cache.putIfAbsent(key, "at last");
                        } catch (CacheUnavailableException e) {
                            return false;
                        }
                    });
                    assertFalse(cache.putIfAbsent(key, "twice"));
                    assertEquals("at last", cache.get(key));
                }
            }
        }
    }
}
