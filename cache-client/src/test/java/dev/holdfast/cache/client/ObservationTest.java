package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheEvent.FailedBack;
import dev.holdfast.cache.CacheEvent.FailedOver;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What an observer of a client can ask it, and what it can't do to it. */
class ObservationTest {
    private static final Settings NONE = Settings.of(Map.of());

    @Test
    void observersEndBeforeTheClientTheLastFirst() {
        List<String> ended = new ArrayList<>();
        CacheClient client = CacheClient.from(NONE);
        Observation observation = new Observation();
        observation.begin(client, NONE, List.of((c, s) -> () -> ended.add("one"), (c, s) -> () -> {
            ended.add("two");
            throw new IllegalStateException("an observer's own trouble");
        }));
        observation.close();
        observation.close();
        assertEquals(List.of("two", "one"), ended);
        client.close();
    }

    @Test
    void anObserverThatFailsHarmsNobodyAndOneThatIsConfiguredWronglyEndsTheStart() {
        try (CacheClient client = CacheClient.from(NONE)) {
            Observation observation = new Observation();
            observation.begin(client, NONE, List.of((c, s) -> {
                throw new IllegalStateException("no");
            }));
            assertThrows(
                    CacheConfigException.class,
                    () -> observation.begin(client, NONE, List.of((c, s) -> {
                        throw new CacheConfigException("X is wrong");
                    })));
            assertTrue(client.isReady());
        }
    }

    @Test
    void figuresOfEveryOpenCacheAreListedByName() {
        try (CacheClient client = CacheClient.from(NONE)) {
            Cache<String, String> users =
                    client.cache("users", String.class, String.class).build();
            client.cache("leads", String.class, String.class).build();
            users.get("k", key -> "v");
            users.get("k");
            assertEquals(List.of("leads", "users"), List.copyOf(client.stats().keySet()));
            assertEquals(1, client.stats().get("users").hits());
            assertEquals(1, client.stats().get("users").loads());
            users.close();
            assertEquals(Set.of("leads"), client.stats().keySet());
        }
    }

    @Test
    void aListenerThatComesLaterIsToldUntilItGoes() throws InterruptedException {
        BlockingQueue<String> told = new LinkedBlockingQueue<>();
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())))) {
            Runnable unusedFirst = client.on(FailedOver.class, event -> {
                throw new IllegalStateException("the first of them fails");
            });
            Runnable end = client.on(
                    FailedOver.class, event -> told.add(event.from() + ">" + event.to() + " " + event.reason()));
            client.forceFailover("single");
            assertEquals("single>memory FORCED", told.poll(20, TimeUnit.SECONDS));
            end.run();
            BlockingQueue<String> after = new LinkedBlockingQueue<>();
            Runnable unusedBack = client.on(FailedBack.class, event -> after.add(event.to()));
            Runnable unusedOver = client.on(FailedOver.class, event -> after.add("again"));
            client.forceFailback();
            assertEquals("single", after.poll(20, TimeUnit.SECONDS));
            client.forceFailover("single");
            assertEquals("again", after.poll(20, TimeUnit.SECONDS));
            assertTrue(told.isEmpty(), () -> "told after its end: " + told);
        }
    }

    @Test
    void aTierIsProbedWhetherItServesOrNot() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())))) {
            Duration timeout = Duration.ofSeconds(5);
            TierProbe first = client.probe("single", timeout);
            assertTrue(first.answered() && first.writable());
            assertNotNull(first.latency());
            assertEquals(first, client.probe("single", timeout), "within a second there is no second test");
            assertTrue(client.probe("memory", timeout).answered());
            assertThrows(IllegalArgumentException.class, () -> client.probe("cluster", timeout));
            client.forceFailover("single");
            redis.kill();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            TierProbe now = client.probe("single", timeout);
            while (now.answered() && System.nanoTime() - end < 0) {
                now = client.probe("single", timeout);
            }
            assertFalse(now.answered());
            assertEquals("connection refused", now.error());
        }
    }
}
