package dev.holdfast.cache.client;

import static dev.holdfast.cache.client.EngineFixture.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.NearStats;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Near caches of several clients over real servers. */
class NearServerTest {
    private static final NearCache NEAR = NearCache.ofBytes(8 << 20);

    private final RedisServer redis = RedisServer.start();
    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();

    @AfterEach
    void close() {
        redis.close();
    }

    private CacheClient client() {
        return CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "shop")));
    }

    private static Cache<String, Long> near(CacheClient client) {
        return client.cache("c", String.class, Long.class).near(NEAR).build();
    }

    /** Waits until what is read is kept. */
    private static <K, V> void awaitNear(Cache<K, V> cache, K key) {
        until("it is read near", () -> {
            long before = cache.stats().near().hits();
            V unused = cache.get(key);
            return cache.stats().near().hits() > before;
        });
    }

    private void start(List<Thread> threads, String name, Runnable body) {
        Thread thread = new Thread(
                () -> {
                    try {
                        body.run();
                    } catch (Throwable e) {
                        failures.add(e);
                    }
                },
                name);
        threads.add(thread);
        thread.start();
    }

    private void join(List<Thread> threads) throws InterruptedException {
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(List.of(), List.copyOf(failures));
    }

    @Test
    void anotherClientsChangeIsSeen() {
        try (CacheClient mine = client();
                CacheClient theirs = client()) {
            Cache<String, Long> near = near(mine);
            Cache<String, Long> far =
                    theirs.cache("c", String.class, Long.class).build();
            far.put("k", 1L);
            awaitNear(near, "k");
            assertSame(near.get("k"), near.get("k"));
            far.put("k", 2L);
            until("the change is seen", () -> near.get("k") == 2L);
            far.remove("k");
            until("the removal is seen", () -> near.get("k") == null);
            far.put("k", 3L);
            far.put("other", 3L);
            awaitNear(near, "other");
            far.clear();
            until("the clearing is seen", () -> near.get("other") == null);
            NearStats stats = near.stats().near();
            assertTrue(stats.invalidations() >= 4, stats::toString);
            assertTrue(stats.trustedSince() != null);
        }
    }

    /** One client writes versions, another's readers never see one that is older than one they saw. */
    @Test
    void versionsNeverGoBackInAReader() throws Exception {
        try (CacheClient mine = client();
                CacheClient theirs = client()) {
            Cache<String, Long> near = near(mine);
            Cache<String, Long> far =
                    theirs.cache("c", String.class, Long.class).build();
            int keys = 4;
            for (int i = 0; i < keys; i++) {
                far.put("k" + i, 0L);
            }
            awaitNear(near, "k0");
            AtomicLongArray acknowledged = new AtomicLongArray(keys);
            AtomicLongArray acknowledgedAt = new AtomicLongArray(keys);
            AtomicLong longestStale = new AtomicLong();
            AtomicLong reads = new AtomicLong();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
            List<Thread> threads = new ArrayList<>();
            start(threads, "writer", () -> {
                for (long version = 1; System.nanoTime() - end < 0; version++) {
                    int key = (int) (version % keys);
                    far.put("k" + key, version);
                    acknowledgedAt.set(key, System.nanoTime());
                    acknowledged.set(key, version);
                    LockSupport.parkNanos(500_000);
                }
            });
            for (int i = 0; i < 8; i++) {
                start(threads, "reader " + i, () -> {
                    long[] seen = new long[keys];
                    while (System.nanoTime() - end < 0) {
                        int key = ThreadLocalRandom.current().nextInt(keys);
                        long known = acknowledged.get(key);
                        long knownAt = acknowledgedAt.get(key);
                        long began = System.nanoTime();
                        Long found = near.get("k" + key);
                        if (found == null || found < seen[key]) {
                            throw new AssertionError("k" + key + ": read " + found + " after " + seen[key]);
                        }
                        if (found < known) {
                            longestStale.accumulateAndGet(began - knownAt, Math::max);
                        }
                        seen[key] = found;
                        reads.incrementAndGet();
                    }
                });
            }
            join(threads);
            NearStats stats = near.stats().near();
            System.out.printf(
                    "%d reads, %d of them near; stale for %.2f ms at most%n",
                    reads.get(), stats.hits(), longestStale.get() / 1e6);
            assertTrue(stats.hits() > reads.get() / 2, stats::toString);
            assertTrue(
                    longestStale.get() < TimeUnit.MILLISECONDS.toNanos(500),
                    () -> "stale for " + longestStale.get() / 1_000_000 + " ms");
        }
    }

    @Test
    void onceARemovalReturnedNobodyReadsWhatWasRemoved() throws Exception {
        int owners = 64;
        int operations = 1_000_000 / owners;
        try (CacheClient client = client()) {
            Cache<String, Long> near = near(client);
            near.put("k0", 0L);
            awaitNear(near, "k0");
            AtomicLongArray floor = new AtomicLongArray(owners);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < owners; i++) {
                int own = i;
                start(threads, "owner " + i, () -> {
                    ThreadLocalRandom random = ThreadLocalRandom.current();
                    long version = 0;
                    for (int n = 0; n < operations; n++) {
                        if (n % 50 == 0) {
                            near.put("k" + own, ++version);
                            floor.set(own, version);
                        } else if (n % 50 == 25) {
                            near.remove("k" + own);
                            floor.set(own, version + 1);
                        } else {
                            int key = random.nextInt(owners);
                            long least = floor.get(key);
                            Long found = near.get("k" + key);
                            if (found != null && found < least) {
                                throw new AssertionError("k" + key + ": read " + found + ", at least " + least);
                            }
                        }
                    }
                });
            }
            join(threads);
            NearStats stats = near.stats().near();
            System.out.printf(
                    "%d operations, %d near hits, %d misses%n", owners * operations, stats.hits(), stats.misses());
            assertTrue(stats.hits() > 100_000, stats::toString);
        }
    }

    @Test
    void aFailoverAndAFailbackEmptyItAndBringNothingBack() {
        try (RedisServer second = RedisServer.start();
                CacheClient client = CacheClient.builder()
                        .tier("first", SingleConfig.of(redis.url()))
                        .tier("second", SingleConfig.of(second.url()))
                        .failover(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofSeconds(1)))
                        .build()) {
            Cache<String, Long> near = near(client);
            for (int i = 0; i < 200; i++) {
                near.put("k" + i, 1L);
            }
            awaitNear(near, "k0");
            for (int i = 0; i < 200; i++) {
                assertEquals(1L, near.get("k" + i));
                assertEquals(1L, near.get("k" + i));
            }
            redis.kill();
            until("the second serves", () -> {
                near.put("probe", 1L);
                return serves(client, 1);
            });
            long hits = near.stats().near().hits();
            for (int i = 0; i < 200; i++) {
                assertNull(near.get("k" + i), "it is empty, and so is the second");
            }
            assertEquals(hits, near.stats().near().hits());
            for (int i = 0; i < 100; i++) {
                near.remove("k" + i);
            }
            near.put("below", 1L);
            awaitNear(near, "below");
            redis.restart(RedisServer.Data.KEEP);
            until("the first serves again", () -> serves(client, 0));
            assertNull(near.get("below"), "it was kept of the second");
            int back = 0;
            for (int i = 0; i < 100; i++) {
                back += near.get("k" + i) == null ? 0 : 1;
            }
            assertEquals(0, back);
            near.put("k150", 2L);
            awaitNear(near, "k150");
            assertEquals(2L, near.get("k150"));
            assertTrue(near.stats().near().flushes(FlushReason.TIER) >= 2);
        }
    }

    private static boolean serves(CacheClient client, int tier) {
        return client.health().tiers().get(tier).serving();
    }

    @Test
    void healthSaysWhatAUserMayNotDo() {
        redis.command("ACL", "SETUSER", "poor", "on", ">s", "~*", "+@read", "+@write", "+@connection", "-client");
        String url = redis.url().replace("redis://", "redis://poor:s@");
        try (CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", url)))) {
            Cache<String, Long> near = near(client);
            near.put("k", 1L);
            until("health says so", () -> {
                assertEquals(1L, near.get("k"));
                String notes = client.health().notes();
                return notes != null && notes.contains("near: untracked");
            });
            assertEquals(0, near.stats().near().hits());
            assertNull(near.stats().near().trustedSince());
        }
    }
}
