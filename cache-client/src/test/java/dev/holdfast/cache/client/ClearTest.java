package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A cache with a bound is cleared by one word to the others, however much there is, and keeps what is put after. */
@Execution(ExecutionMode.CONCURRENT)
class ClearTest {
    private final RedisServer redis = RedisServer.start();

    @AfterEach
    void stop() {
        redis.close();
    }

    private CacheClient client(String... more) {
        Map<String, String> settings = new HashMap<>(Map.of("REDIS_URL", redis.url(), "CACHE_AGREE_WITHIN", "5"));
        for (int i = 0; i < more.length; i += 2) {
            settings.put(more[i], more[i + 1]);
        }
        return CacheClient.from(Settings.of(settings));
    }

    private static Cache<String, String> cache(CacheClient client) {
        return client.cache("c", String.class, String.class).build();
    }

    private static void until(String what, BooleanSupplier holds) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!holds.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, what);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
    }

    private void enrolled(int clients) {
        until("each client is on the roll", () -> (long) redis.command("ZCARD", "#roll:{roll}:heard") == clients + 2);
    }

    private long calls(String command) {
        return String.valueOf(redis.command("INFO", "commandstats"))
                .lines()
                .filter(line -> line.startsWith("cmdstat_" + command + ":calls="))
                .mapToLong(line -> Long.parseLong(line.replaceAll(".*:calls=(\\d+),.*", "$1")))
                .sum();
    }

    @Test
    void nothingOfBeforeIsReadAndAllOfAfter() {
        try (CacheClient client = client()) {
            Cache<String, String> cache = cache(client);
            enrolled(1);
            for (int round = 0; round < 50; round++) {
                String key = "k" + round;
                cache.put("k", "before");
                cache.put(key, "before");
                cache.clear();
                assertNull(cache.get("k"));
                assertFalse(cache.contains(key));
                assertEquals(Map.of(), cache.getAll(List.of("k", key)));
                assertTrue(cache.putIfAbsent(key, "after"), "what is cleared is no obstacle");
                cache.put("k", "after");
                assertEquals("after", cache.get("k"));
                assertEquals("after", cache.get(key));
            }
        }
    }

    /** A floor that ran ahead of the clock, one step for each, would leave what is put later dated in the future. */
    @Test
    void manyThatClearAtOnceKeepWhatIsPutAfter() throws InterruptedException {
        try (CacheClient client = client()) {
            Cache<String, String> cache = cache(client);
            enrolled(1);
            Thread[] threads = new Thread[64];
            for (int i = 0; i < threads.length; i++) {
                threads[i] = new Thread(() -> {
                    for (int round = 0; round < 100; round++) {
                        cache.clear();
                    }
                });
                threads[i].start();
            }
            for (Thread thread : threads) {
                thread.join();
            }
            cache.put("k", "after");
            assertEquals("after", cache.get("k"));
            cache.clear();
            assertNull(cache.get("k"));
        }
    }

    @Test
    void othersSeeItWithinTheBound() {
        try (CacheClient one = client();
                CacheClient other = client()) {
            Cache<String, String> ones = cache(one);
            Cache<String, String> others = cache(other);
            ones.put("k", "before");
            enrolled(2);
            assertEquals("before", others.get("k"));
            long start = System.nanoTime();
            ones.clear();
            until("the other sees it", () -> others.get("k") == null);
            long took = System.nanoTime() - start;
            assertTrue(took < TimeUnit.SECONDS.toNanos(5), () -> took + " ns");
        }
    }

    @Test
    void whatWasLoadedFromBeforeIsNotBelievedAfter() throws InterruptedException {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch cleared = new CountDownLatch(1);
        try (CacheClient one = client();
                CacheClient other = client()) {
            LoadingCache<String, String> others = other.cache("c", String.class, String.class)
                    .build(key -> {
                        loading.countDown();
                        cleared.await();
                        return "before";
                    });
            Cache<String, String> ones = cache(one);
            enrolled(2);
            Thread loader = new Thread(() -> others.get("k"));
            loader.start();
            loading.await();
            ones.clear();
            cleared.countDown();
            loader.join();
            assertNull(ones.get("k"), "its load began before");
        }
    }

    @Test
    void itIsOneQuestionAndTheServerIsFreedLater() {
        try (CacheClient client = client()) {
            Cache<String, String> cache = cache(client);
            Cache<String, String> another =
                    client.cache("d", String.class, String.class).build();
            enrolled(1);
            for (int i = 0; i < 2_000; i++) {
                cache.put("k" + i, "before");
            }
            another.put("k", "stays");
            cache.clear();
            cache.put("k0", "after");
            until("what is of no use is gone", () -> (long) redis.command("EXISTS", "c:k1999", "c:k1") == 0);
            until("all of it", () -> (long) redis.command("DBSIZE") < 20);
            assertEquals("after", cache.get("k0"));
            assertEquals("stays", another.get("k"));
        }
    }

    @Test
    void whatIsKeptNearGoesToo() {
        try (CacheClient one = client();
                CacheClient other = client()) {
            Cache<String, String> ones = near(one);
            Cache<String, String> others = near(other);
            ones.put("k", "before");
            enrolled(2);
            until(
                    "it is kept near",
                    () -> "before".equals(ones.get("k"))
                            && "before".equals(others.get("k"))
                            && ones.stats().near().hits() > 0
                            && others.stats().near().hits() > 0);
            ones.clear();
            assertNull(ones.get("k"));
            until("the other sees it", () -> others.get("k") == null);
            ones.put("k", "after");
            until("and what is put after", () -> "after".equals(others.get("k")));
        }
    }

    private static Cache<String, String> near(CacheClient client) {
        return client.cache("c", String.class, String.class)
                .near(NearCache.ofBytes(1 << 20))
                .build();
    }

    @Test
    void itNeedsNoServer() {
        try (CacheClient one = client("CACHE_TIERS", "single,memory")) {
            Cache<String, String> ones = cache(one);
            ones.put("k", "before");
            enrolled(1);
            redis.kill();
            until("memory serves", () -> {
                ones.put("m", "v");
                return "v".equals(ones.get("m"));
            });
            ones.clear();
            assertNull(ones.get("m"));
            assertNull(ones.get("k"));
            ones.put("m", "after");
            assertEquals("after", ones.get("m"));
        }
    }

    @Test
    void moreThanCanBeRememberedIsBelowAFloorAfterAnOutage() {
        FailoverConfig forgetful = FailoverConfig.DEFAULT.withMaxDirtyKeys(50);
        CachePolicy agreeing = CachePolicy.defaults().withAgreeWithin(Duration.ofSeconds(5));
        try (CacheClient one = CacheClient.builder()
                        .tier(SingleConfig.of(redis.url()))
                        .failover(forgetful)
                        .policy(agreeing)
                        .build();
                CacheClient other = client()) {
            Cache<String, String> ones = cache(one);
            Cache<String, String> others = cache(other);
            for (int i = 0; i < 100; i++) {
                ones.put("k" + i, "before");
            }
            enrolled(2);
            redis.kill();
            until("memory serves", () -> {
                ones.put("m", "v");
                return "v".equals(ones.get("m"));
            });
            for (int i = 0; i < 100; i++) {
                ones.remove("k" + i);
            }
            redis.restart(RedisServer.Data.KEEP);
            until("the server serves both again", () -> serves(one) && serves(other));
            for (int i = 0; i < 100; i++) {
                assertNull(ones.get("k" + i), "its own removal");
            }
            until("the other sees them", () -> {
                for (int i = 0; i < 100; i++) {
                    if (others.get("k" + i) != null) {
                        return false;
                    }
                }
                return true;
            });
            until("others are told", () -> redis.command("HGET", "#roll:{roll}:floors", "c:") != null);
        }
    }

    private static boolean serves(CacheClient client) {
        return client.health().tiers().get(0).serving();
    }

    @Test
    void whoMayNotTellOthersRemovesIt() {
        redis.command("ACL", "SETUSER", "plain", "on", ">secret", "~*", "+@all", "-eval", "-evalsha");
        String url = "redis://plain:secret@127.0.0.1:" + redis.port();
        try (CacheClient client = client("REDIS_URL", url)) {
            Cache<String, String> cache = cache(client);
            cache.put("k", "before");
            until("it is known", () -> client.healthJson().contains("#roll:*"));
            cache.clear();
            assertEquals(0L, redis.command("EXISTS", "c:k"));
            assertNull(cache.get("k"));
        }
    }

    @Test
    void withoutABoundOthersSeeItAtOnce() {
        try (CacheClient one = client("CACHE_AGREE_WITHIN", "0");
                CacheClient other = client("CACHE_AGREE_WITHIN", "0")) {
            Cache<String, String> ones = cache(one);
            Cache<String, String> others = cache(other);
            ones.put("k", "before");
            assertEquals("before", others.get("k"));
            ones.clear();
            assertNull(others.get("k"));
            assertTrue(calls("scan") > 0);
        }
    }

    @Test
    void aBoundOfOneCacheIsEnough() {
        try (CacheClient client = client("CACHE_AGREE_WITHIN", "0")) {
            Cache<String, String> cache = client.cache("c", String.class, String.class)
                    .agreeWithin(Duration.ofSeconds(10))
                    .build();
            cache.put("k", "before");
            enrolled(1);
            long before = calls("scan");
            cache.clear();
            assertNull(cache.get("k"));
            until("the server is freed", () -> (long) redis.command("EXISTS", "c:k") == 0);
            assertTrue(calls("scan") > before);
        }
    }
}
