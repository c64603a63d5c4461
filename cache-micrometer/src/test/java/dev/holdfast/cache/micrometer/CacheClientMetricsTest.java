package dev.holdfast.cache.micrometer;

import static dev.holdfast.cache.micrometer.Meters.await;
import static dev.holdfast.cache.micrometer.Meters.keys;
import static dev.holdfast.cache.micrometer.Meters.names;
import static dev.holdfast.cache.micrometer.Meters.value;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.ClientListener;
import dev.holdfast.cache.client.NearCache;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ToDoubleFunction;
import javax.management.ObjectName;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The meters of clients without servers. */
class CacheClientMetricsTest {
    private static final int CALLS = 200_000;

    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final CacheClient client = client("holdfast");

    private static CacheClient client(String name) {
        return CacheClient.builder().name(name).settings(Settings.of(Map.of())).build();
    }

    private static Cache<String, String> open(CacheClient of, String name) {
        return of.cache(name, String.class, String.class).build();
    }

    @AfterEach
    void close() {
        client.close();
        registry.close();
    }

    @Test
    void cachesHaveTheConventionalMetersWithJustTheTagsThatAllCachesHave() {
        CacheClientMetrics.of(client).withTags(Tags.of("region", "north")).bindTo(registry);
        Cache<String, String> cache = open(client, "users");
        assertNull(cache.get("k"));
        cache.put("k", "v");
        cache.get("k");
        cache.get("k");
        assertEquals(2, value(registry, "cache.gets", "cache", "users", "name", "users", "result", "hit"));
        assertEquals(1, value(registry, "cache.gets", "cache.manager", "holdfast", "result", "miss"));
        assertEquals(1, value(registry, "cache.puts", "cache", "users"));
        assertEquals(1, value(registry, "cache.size", "cache", "users"));
        assertEquals(0, value(registry, "cache.evictions", "cache", "users"));
        for (String name : List.of("cache.puts", "cache.size", "cache.evictions")) {
            assertEquals(Set.of(Set.of("cache", "name", "cache.manager")), keys(registry, name));
        }
        assertEquals(Set.of(Set.of("cache", "name", "cache.manager", "result")), keys(registry, "cache.gets"));
        assertEquals(Set.of(Set.of("cache", "client", "region", "result")), keys(registry, "holdfast.cache.loads"));
        assertEquals(Set.of(Set.of("client", "region", "status")), keys(registry, "holdfast.client.status"));
    }

    @Test
    void whatKeptMetersFromBeingRegisteredIsThrownThoughTheOthersCanNotBeRemovedEither() {
        AtomicInteger gauges = new AtomicInteger();
        MeterRegistry failing = new SimpleMeterRegistry() {
            @Override
            protected <T> Gauge newGauge(Meter.Id id, @Nullable T of, ToDoubleFunction<T> value) {
                if (gauges.incrementAndGet() == 3) {
                    throw new IllegalStateException("a gauge too many");
                }
                return super.newGauge(id, of, value);
            }

            @Override
            public @Nullable Meter remove(Meter meter) {
                throw new IllegalStateException("nothing is removed");
            }
        };
        CacheClientMetrics metrics = CacheClientMetrics.of(client);
        Throwable thrown = assertThrows(IllegalStateException.class, () -> metrics.bindTo(failing));
        assertEquals("a gauge too many", thrown.getMessage());
        assertEquals("nothing is removed", thrown.getSuppressed()[0].getMessage());
    }

    @Test
    void aCacheWithANearCacheHasMetersOfIt() {
        CacheClientMetrics.of(client).bindTo(registry);
        Cache<String, String> near = client.cache("near", String.class, String.class)
                .near(NearCache.ofBytes(1 << 20))
                .build();
        open(client, "far");
        near.put("k", "v");
        near.get("k");
        near.get("k");
        near.clear();
        assertEquals(1, value(registry, "holdfast.cache.near.gets", "cache", "near", "result", "hit"));
        assertEquals(1, value(registry, "holdfast.cache.near.gets", "cache", "near", "result", "miss"));
        assertEquals(2, value(registry, "cache.gets", "cache", "near", "result", "hit"));
        assertEquals(1, value(registry, "holdfast.cache.near.flushes", "cache", "near", "reason", "cleared"));
        assertEquals(1, value(registry, "holdfast.cache.near.trusted", "cache", "near"));
        assertEquals(2, value(registry, "holdfast.cache.near.invalidations", "cache", "near"));
        assertTrue(registry.find("holdfast.cache.near.gets")
                .tag("cache", "far")
                .meters()
                .isEmpty());
    }

    @Test
    void theManagersNameIsTheApplicationsIfItGivesOne() {
        CacheClientMetrics.of(client)
                .withTags(Tags.of("cache.manager", "cacheManager", "client", "mine"))
                .bindTo(registry);
        open(client, "users");
        assertEquals(0, value(registry, "cache.puts", "cache.manager", "cacheManager"));
        assertEquals(0, value(registry, "holdfast.cache.stale.hits", "client", "holdfast"));
        assertEquals(Set.of(Set.of("cache", "client")), keys(registry, "holdfast.cache.stale.hits"));
    }

    @Test
    void aCacheHasItsMetersFromItsOpeningToItsClosing() {
        open(client, "before");
        CacheClientMetrics.of(client).bindTo(registry);
        assertEquals(0, value(registry, "cache.puts", "cache", "before"));
        Cache<String, String> later = open(client, "later");
        later.put("k", "v");
        later.get("x", key -> "v");
        assertEquals(2, value(registry, "cache.puts", "cache", "later"));

        later.close();
        assertTrue(registry.find("cache.puts").tag("cache", "later").meters().isEmpty());
        assertTrue(registry.getMeters().stream()
                .noneMatch(meter -> "later".equals(meter.getId().getTag("cache"))));
        assertEquals(0, value(registry, "cache.puts", "cache", "before"));

        open(client, "later").get("k");
        assertEquals(0, value(registry, "cache.puts", "cache", "later"));
        assertEquals(1, value(registry, "cache.gets", "cache", "later", "result", "hit"));
    }

    @Test
    void aCacheThatTakesTheNameOfOneThatIsJustClosedKeepsItsMeters() {
        Cache<String, String> old = open(client, "users");
        CacheClientMetrics metrics = CacheClientMetrics.of(client);
        client.addListener(new ClientListener() {
            @Override
            public void cacheClosed(Cache<?, ?> cache) {
                if (cache == old) {
                    open(client, "users").put("k", "v");
                }
            }
        });
        metrics.bindTo(registry);
        old.close();
        assertEquals(1, value(registry, "cache.puts", "cache", "users"));
    }

    @Test
    void noCounterFallsWhenStatisticsAreReset() throws Exception {
        CacheClientMetrics.of(client).bindTo(registry);
        Cache<String, String> cache = open(client, "reset");
        cache.put("k", "v");
        cache.get("k");
        ObjectName pattern = new ObjectName("dev.holdfast.cache:type=CacheClient,*");
        await("the client's MBean", () -> !ManagementFactory.getPlatformMBeanServer()
                .queryNames(pattern, null)
                .isEmpty());
        for (ObjectName name : ManagementFactory.getPlatformMBeanServer().queryNames(pattern, null)) {
            ManagementFactory.getPlatformMBeanServer().invoke(name, "resetStatistics", null, null);
        }
        assertEquals(0, cache.stats().hits());
        cache.get("k");
        assertEquals(2, value(registry, "cache.gets", "cache", "reset", "result", "hit"));
        assertEquals(1, value(registry, "cache.puts", "cache", "reset"));
    }

    @Test
    void twoClientsOfOneNameHaveTheirMetersEach() {
        try (CacheClient second = client("holdfast");
                CacheClient other = client("other")) {
            for (CacheClient each : List.of(client, second, other)) {
                CacheClientMetrics.of(each).bindTo(registry);
                open(each, "users");
            }
            open(second, "users").put("k", "v");
            assertEquals(0, value(registry, "cache.puts", "cache.manager", "holdfast"));
            assertEquals(1, value(registry, "cache.puts", "cache.manager", "holdfast-2"));
            assertEquals(0, value(registry, "cache.puts", "cache.manager", "other"));
            assertEquals(1, value(registry, "holdfast.client.status", "client", "holdfast-2", "status", "healthy"));
            second.close();
            assertEquals(0, value(registry, "cache.puts", "cache.manager", "holdfast"));
            assertTrue(registry.find("cache.puts")
                    .tag("cache.manager", "holdfast-2")
                    .meters()
                    .isEmpty());
        }
    }

    @Test
    void allMetersGoWithTheClientAndWithTheBinder() {
        CacheClientMetrics metrics = CacheClientMetrics.of(client);
        MeterRegistry second = new SimpleMeterRegistry();
        metrics.bindTo(registry);
        metrics.bindTo(registry);
        metrics.bindTo(second);
        open(client, "users");
        assertEquals(names(registry), names(second));
        assertFalse(names(registry).isEmpty());
        metrics.close();
        metrics.close();
        assertEquals(Set.of(), names(registry));
        assertEquals(Set.of(), names(second));
        assertThrows(IllegalStateException.class, () -> metrics.bindTo(registry));

        CacheClientMetrics again = CacheClientMetrics.of(client);
        again.bindTo(registry);
        assertEquals(0, value(registry, "cache.puts", "cache", "users"));
        client.close();
        assertEquals(Set.of(), names(registry));
        assertThrows(IllegalStateException.class, () -> again.bindTo(new SimpleMeterRegistry()));
        assertEquals(Set.of(), names(registry));
    }

    @Test
    void loadsAreTimedByHowTheyEnded() {
        CacheClientMetrics.of(client).bindTo(registry);
        Cache<String, String> cache = open(client, "users");
        cache.get("k", key -> "v");
        cache.getAll(List.of("a", "b"), keys -> Map.of("a", "1"));
        assertThrows(
                IllegalStateException.class,
                () -> cache.get("bad", key -> {
                    throw new IllegalStateException("the origin's trouble");
                }));
        assertEquals(2, value(registry, "holdfast.cache.loads", "result", "success"));
        assertEquals(1, value(registry, "holdfast.cache.loads", "result", "failure"));
    }

    @Test
    void loadsThatRunAndWaitAndStaleAnswersAreCounted() throws Exception {
        CacheClientMetrics.of(client).bindTo(registry);
        CachePolicy policy = CachePolicy.of(Duration.ofMinutes(5))
                .withStaleIfError(Duration.ofHours(1))
                .withMaxLoads(1);
        Cache<String, String> cache =
                client.cache("slow", String.class, String.class).policy(policy).build();
        CountDownLatch free = new CountDownLatch(1);
        Thread[] loading = new Thread[3];
        for (int i = 0; i < loading.length; i++) {
            String key = i == 2 ? "0" : String.valueOf(i);
            loading[i] = new Thread(() -> cache.get(key, unused -> {
                free.await();
                return "v";
            }));
            loading[i].start();
        }
        await(
                "a load that runs and one that waits",
                () -> value(registry, "holdfast.cache.loads.active") == 1
                        && value(registry, "holdfast.cache.loads.waiting") == 1
                        && value(registry, "holdfast.cache.load.joins") == 1);
        free.countDown();
        for (Thread each : loading) {
            each.join();
        }
        assertEquals(0, value(registry, "holdfast.cache.loads.active"));

        cache.markStale("0");
        assertEquals("v", cache.get("0", key -> {
            throw new IllegalStateException("the origin's trouble");
        }));
        assertEquals(1, value(registry, "holdfast.cache.stale.hits"));
    }

    @Test
    void theMetersStayWhileTheClientIsOpenThoughNobodyElseHoldsThem() {
        CacheClientMetrics metrics = CacheClientMetrics.of(client);
        metrics.bindTo(registry);
        open(client, "users").put("k", "v");
        WeakReference<CacheClientMetrics> binder = new WeakReference<>(metrics);
        metrics = null;
        await("the binder to be collected", () -> {
            System.gc();
            return binder.get() == null;
        });
        assertEquals(1, value(registry, "cache.puts", "cache", "users"));
        assertEquals(1, value(registry, "cache.size", "cache", "users"));
        assertEquals(1, value(registry, "holdfast.client.status", "status", "healthy"));
        assertEquals(0, value(registry, "holdfast.cache.loads.active", "cache", "users"));
    }

    @Test
    void metersAllocateNothingForAHit() throws Exception {
        Cache<String, String> cache = open(client, "users");
        cache.put("k", "v");
        long without = bytesOfHits(cache);
        CacheClientMetrics.of(client).bindTo(registry);
        long with = bytesOfHits(cache);
        assertTrue(Math.abs(with - without) < CALLS, () -> without + " bytes without and " + with + " with meters");
        assertEquals(4 * CALLS, value(registry, "cache.gets", "cache", "users", "result", "hit"));
    }

    private static long bytesOfHits(Cache<String, String> cache) throws Exception {
        long before = 0;
        for (int i = 0; i < 2 * CALLS; i++) {
            if (i == CALLS) {
                before = allocated();
            }
            assertNotNull(cache.get("k"));
        }
        return allocated() - before;
    }

    /** The bytes that this thread has allocated. */
    private static long allocated() throws Exception {
        Object[] thread = {Thread.currentThread().getId()};
        return (long) ManagementFactory.getPlatformMBeanServer()
                .invoke(
                        new ObjectName(ManagementFactory.THREAD_MXBEAN_NAME),
                        "getThreadAllocatedBytes",
                        thread,
                        new String[] {"long"});
    }
}
