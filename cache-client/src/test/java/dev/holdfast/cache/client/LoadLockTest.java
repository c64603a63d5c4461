package dev.holdfast.cache.client;

import static dev.holdfast.cache.client.EngineFixture.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Loads of one key by several clients over one server. */
class LoadLockTest {
    private static final Duration LEASE = Duration.ofSeconds(1);
    private static final CachePolicy LOCKED = CachePolicy.defaults().withLoadLock(LEASE);

    private final RedisServer redis = RedisServer.start();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<CacheClient> clients = new ArrayList<>();
    private final AtomicInteger loads = new AtomicInteger();

    @AfterEach
    void close() {
        threads.shutdownNow();
        clients.forEach(CacheClient::close);
        redis.close();
    }

    private Cache<String, String> open(CachePolicy policy) {
        CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())));
        clients.add(client);
        return client.cache("c", String.class, String.class).policy(policy).build();
    }

    private CacheLoader<String, String> slow(String value) {
        return key -> {
            loads.incrementAndGet();
            Thread.sleep(300);
            return value;
        };
    }

    @Test
    void tenClientsThatMissAKeyLoadItOnce() throws Exception {
        List<Cache<String, String>> caches = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            caches.add(open(LOCKED));
        }
        caches.forEach(cache -> assertNull(cache.get("other")));
        List<Future<String>> answers = new ArrayList<>();
        for (Cache<String, String> cache : caches) {
            answers.add(threads.submit(() -> cache.get("k", slow("v"))));
            answers.add(threads.submit(() -> cache.get("k", slow("v"))));
        }
        for (Future<String> answer : answers) {
            assertEquals("v", answer.get());
        }
        assertEquals(1, loads.get());
        until("the lease is given back", () -> "0".equals(String.valueOf(redis.command("EXISTS", "c:#load:k"))));
    }

    /** The lease is renewed for as long as its load runs, so that it can be short. */
    @Test
    void aLoadLongerThanTheLeaseRunsOnce() throws Exception {
        Cache<String, String> mine = open(LOCKED.withLoadLock(Duration.ofMillis(400)));
        Cache<String, String> theirs = open(LOCKED.withLoadLock(Duration.ofMillis(400)));
        CountDownLatch begun = new CountDownLatch(1);
        Future<String> first = threads.submit(() -> mine.get("k", key -> {
            loads.incrementAndGet();
            begun.countDown();
            Thread.sleep(2_000);
            return "v";
        }));
        begun.await();
        assertEquals("v", theirs.get("k", slow("other")));
        assertEquals("v", first.get());
        assertEquals(1, loads.get());
    }

    /** Nobody renews the lease of one who was killed. */
    @Test
    void whoWaitsForADeadHolderLoadsWhenItsLeaseIsOver() {
        Cache<String, String> mine = open(LOCKED);
        redis.command("SET", "c:#load:k", "somebody who is dead", "PX", "700");
        long start = System.nanoTime();
        assertEquals("v", mine.get("k", slow("v")));
        assertTrue(System.nanoTime() - start >= Duration.ofMillis(600).toNanos(), "it has waited");
        assertEquals(1, loads.get());
    }

    @Test
    void whoWaitsGoesOnWhenTheOthersLoadFailed() throws Exception {
        Cache<String, String> mine = open(LOCKED);
        Cache<String, String> theirs = open(LOCKED);
        CountDownLatch begun = new CountDownLatch(1);
        Future<String> failing = threads.submit(() -> theirs.get("k", key -> {
            begun.countDown();
            Thread.sleep(300);
            throw new IllegalStateException("the source is out");
        }));
        begun.await();
        assertEquals("v", mine.get("k", slow("v")));
        assertThrows(Exception.class, failing::get);
    }

    /** An absence that is remembered is an answer; one that is not makes each client look for itself. */
    @Test
    void anAbsenceIsAnAnswerIfItIsRemembered() throws Exception {
        CachePolicy remembering = LOCKED.withRememberAbsence(Duration.ofMinutes(1));
        List<Future<String>> answers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Cache<String, String> cache = open(remembering);
            assertNull(cache.get("other"));
            answers.add(threads.submit(() -> cache.get("k", key -> {
                loads.incrementAndGet();
                Thread.sleep(300);
                return null;
            })));
        }
        for (Future<String> answer : answers) {
            assertNull(answer.get());
        }
        assertEquals(1, loads.get());
    }

    @Test
    void aRefreshWaitsForNobody() {
        Cache<String, String> mine = open(LOCKED);
        redis.command("SET", "c:#load:k", "somebody", "PX", "60000");
        assertEquals("v", mine.refresh("k", key -> "v"));
        assertEquals("v", mine.get("k"));
    }

    @Test
    void oneClientRefreshesAhead() {
        CachePolicy ahead = LOCKED.withTtl(Duration.ofMinutes(1)).withRefreshAhead(0.000_001);
        Cache<String, String> mine = open(ahead);
        Cache<String, String> theirs = open(ahead);
        CountDownLatch release = new CountDownLatch(1);
        CacheLoader<String, String> loader = key -> {
            loads.incrementAndGet();
            release.await();
            return "new";
        };
        mine.put("k", "old");
        until("it is due for one", () -> {
            assertEquals("old", mine.get("k", loader));
            return loads.get() > 0;
        });
        until("it is due for the other", () -> {
            assertEquals("old", theirs.get("k", loader));
            return theirs.stats().loadsRunning() > 0;
        });
        release.countDown();
        until("nobody loads", () -> mine.stats().loadsRunning() + theirs.stats().loadsRunning() == 0);
        assertEquals("new", theirs.get("k"));
        assertEquals(1, loads.get());
    }

    @Test
    void whereTheServerDoesNotAnswerEverybodyLoads() {
        Cache<String, String> mine = open(LOCKED);
        assertNull(mine.get("k"));
        redis.kill();
        assertEquals("v", mine.get("k", slow("v")));
        assertEquals("v", mine.get("l", slow("v")));
    }

    @Test
    void aLeaseOutOfItsBoundsIsRefused() {
        for (Duration lease : List.of(Duration.ofMillis(99), Duration.ofSeconds(61), Duration.ofSeconds(-1))) {
            assertThrows(IllegalArgumentException.class, () -> LOCKED.withLoadLock(lease));
        }
        assertThrows(IllegalArgumentException.class, () -> open(LOCKED).put("#load:k", "v"));
    }
}
