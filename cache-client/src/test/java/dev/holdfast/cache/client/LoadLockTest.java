package dev.holdfast.cache.client;

import static dev.holdfast.cache.client.EngineFixture.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.FakeClock;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
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
        Cache<String, String> mine = open(LOCKED.withLoadLock(Duration.ofSeconds(1)));
        Cache<String, String> theirs = open(LOCKED.withLoadLock(Duration.ofSeconds(1)));
        CountDownLatch begun = new CountDownLatch(1);
        Future<String> first = threads.submit(() -> mine.get("k", key -> {
            loads.incrementAndGet();
            begun.countDown();
            Thread.sleep(2_500);
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

    @Test
    void twoWhoLoadEachOthersKeysDoNotWaitForEachOther() throws Exception {
        List<Cache<String, String>> caches = List.of(open(LOCKED), open(LOCKED));
        crossed(caches, (cache, key) -> cache.get(key, same -> "v"));
    }

    @Test
    void norWhereTheyAskWithoutWaiting() throws Exception {
        List<Cache<String, String>> caches = List.of(open(LOCKED), open(LOCKED));
        crossed(caches, (cache, key) -> cache.async().get(key, same -> "v").join());
        crossed(
                caches,
                (cache, key) -> cache.get(
                        "through " + key,
                        same -> cache.async().get("x" + key, other -> "v").join()));
    }

    @Test
    void norWhereOthersOfTheirClientsWaitAlready() throws Exception {
        List<Cache<String, String>> caches = List.of(open(LOCKED), open(LOCKED));
        List<Future<String>> waiting = new ArrayList<>();
        crossed(caches, (cache, key) -> cache.get(key, same -> "v"), () -> {
            waiting.add(threads.submit(() -> caches.get(0).get("b", key -> "v")));
            waiting.add(threads.submit(() -> caches.get(1).get("a", key -> "v")));
            until(
                    "they wait",
                    () -> caches.get(0).stats().loadsRunning() == 2
                            && caches.get(1).stats().loadsRunning() == 2);
        });
        for (Future<String> each : waiting) {
            assertEquals("v", each.get(10, TimeUnit.SECONDS));
        }
    }

    @Test
    void norWhereTheyAskThroughAnotherCache() throws Exception {
        List<Cache<String, String>> caches = List.of(open(LOCKED), open(LOCKED));
        Map<Cache<String, String>, Cache<String, String>> others = new ConcurrentHashMap<>();
        for (int i = 0; i < 2; i++) {
            others.put(
                    caches.get(i),
                    clients.get(i)
                            .cache("d", String.class, String.class)
                            .policy(LOCKED)
                            .build());
        }
        crossed(caches, (cache, key) -> others.get(cache).get("d" + key, same -> cache.get(key, unused -> "v")));
    }

    private void crossed(List<Cache<String, String>> caches, BiFunction<Cache<String, String>, String, String> inner)
            throws Exception {
        crossed(caches, inner, () -> {});
    }

    /** A loader of each client has its lease, and asks for the key of the other. */
    private void crossed(
            List<Cache<String, String>> caches,
            BiFunction<Cache<String, String>, String, String> inner,
            Runnable between)
            throws Exception {
        CountDownLatch both = new CountDownLatch(2);
        CountDownLatch asked = new CountDownLatch(1);
        List<Future<String>> answers = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Cache<String, String> cache = caches.get(i);
            String own = i == 0 ? "a" : "b";
            String other = i == 0 ? "b" : "a";
            cache.remove(own);
            answers.add(threads.submit(() -> cache.get(own, key -> {
                both.countDown();
                asked.await();
                return inner.apply(cache, other);
            })));
        }
        both.await();
        between.run();
        asked.countDown();
        for (Future<String> answer : answers) {
            assertEquals("v", answer.get(10, TimeUnit.SECONDS));
        }
    }

    /** An entry that is not believed any more is no answer of another client's. */
    @Test
    void whatIsTooOldIsNoAnswer() {
        FakeClock time = new FakeClock();
        redis.command("ACL", "SETUSER", "mine", "on", ">s", "+@all", "-eval", "-evalsha", "~*");
        CacheClient client = CacheClient.builder()
                .settings(Settings.of(Map.of("REDIS_URL", redis.url().replace("redis://", "redis://mine:s@"))))
                .clock(time)
                .build();
        clients.add(client);
        Cache<String, String> cache = client.cache("c", String.class, String.class)
                .policy(LOCKED.withAgreeWithin(Duration.ofSeconds(5)))
                .build();
        cache.put("k", "old");
        assertEquals("old", cache.get("k", key -> "new"));
        time.advance(Duration.ofSeconds(20));
        assertNull(cache.lookup("k").value(), "the bound is a limit of age");
        assertFalse(cache.contains("k"));
        assertEquals("new", cache.get("k", key -> "new"));
    }

    /** Without scripts a lease can't be compared before it is given back. */
    @Test
    void whoMayNotRunScriptsGivesTheLeaseBackToo() {
        redis.command("ACL", "SETUSER", "mine", "on", ">s", "+@all", "-eval", "-evalsha", "~*");
        CacheClient client =
                CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url().replace("redis://", "redis://mine:s@"))));
        clients.add(client);
        Cache<String, String> cache = client.cache("c", String.class, String.class)
                .policy(LOCKED.withLoadLock(Duration.ofMinutes(1)).withLoadTimeout(Duration.ofMinutes(2)))
                .build();
        assertEquals("v", cache.get("k", key -> "v"));
        until("the lease is given back", () -> "0".equals(String.valueOf(redis.command("EXISTS", "c:#load:k"))));
    }

    @Test
    void aLoadWhoseTimeIsOverGivesTheLeaseBack() throws Exception {
        FakeClock time = new FakeClock();
        CacheClient client = CacheClient.builder()
                .settings(Settings.of(Map.of("REDIS_URL", redis.url())))
                .clock(time)
                .build();
        clients.add(client);
        Cache<String, String> mine = client.cache("c", String.class, String.class)
                .policy(LOCKED.withLoadLock(Duration.ofMinutes(1)).withLoadTimeout(Duration.ofMinutes(2)))
                .build();
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        AtomicInteger interrupts = new AtomicInteger();
        Future<String> deaf = threads.submit(() -> mine.get("k", key -> {
            begun.countDown();
            while (release.getCount() > 0) {
                try {
                    release.await();
                } catch (InterruptedException e) {
                    interrupts.incrementAndGet();
                }
            }
            return "late";
        }));
        begun.await();
        time.advance(Duration.ofMinutes(3));
        Cache<String, String> theirs = open(LOCKED);
        assertEquals("v", theirs.get("k", key -> "v"));
        assertFalse(deaf.isDone(), "the other is still in its loader");
        release.countDown();
        assertEquals("late", deaf.get());
        assertTrue(interrupts.get() > 0);
        until("no lease is left", () -> "0".equals(String.valueOf(redis.command("EXISTS", "c:#load:k"))));
    }

    @Test
    void whoIsInterruptedWhileItWaitsLeavesAndTheOthersAreAnswered() throws Exception {
        Cache<String, String> mine = open(LOCKED);
        redis.command("SET", "c:#load:k", "somebody", "PX", "1500");
        Future<?> interrupted = threads.submit(() -> mine.get("k", key -> "mine"));
        until("it waits", () -> mine.stats().loadsRunning() == 1);
        Future<String> joined = threads.submit(() -> mine.get("k", key -> "joined"));
        until("another waits with it", () -> mine.stats().joins() == 1);
        interrupted.cancel(true);
        assertEquals("joined", joined.get(10, TimeUnit.SECONDS));
        until("nothing is under way", () -> mine.stats().loadsRunning() == 0);
        until("the lease is given back", () -> "0".equals(String.valueOf(redis.command("EXISTS", "c:#load:k"))));
    }

    @Test
    void aWaitEndsWithTheCallersDeadline() {
        CachePolicy brief = LOCKED.withLoadLock(Duration.ofMillis(100)).withLoadTimeout(Duration.ofMillis(300));
        Cache<String, String> mine = open(brief);
        redis.command("SET", "c:#load:k", "somebody", "PX", "60000");
        assertThrows(CacheLoadException.class, () -> mine.get("k", slow("v")));
        assertEquals(0, loads.get());
        assertThrows(
                CompletionException.class,
                () -> mine.async().get("k", slow("v")).join());
        until("nothing is under way", () -> mine.stats().loadsRunning() == 0);
        assertEquals("somebody", redis.command("GET", "c:#load:k"));
    }

    /** With a last value nobody waits for another client's load longer than for an own one. */
    @Test
    void aStaleValueStandsInWhileAnotherClientLoads() {
        CachePolicy stale = LOCKED.withLoadLock(Duration.ofMillis(100))
                .withLoadTimeout(Duration.ofMillis(500))
                .withStaleIfError(Duration.ofHours(1));
        Cache<String, String> mine = open(stale.withLoadSoftTimeout(Duration.ofMillis(20)));
        mine.put("k", "last");
        mine.markStale("k");
        redis.command("SET", "c:#load:k", "somebody", "PX", "60000");
        assertEquals("last", mine.get("k", slow("v")));
        until("nothing is under way", () -> mine.stats().loadsRunning() == 0);
        assertEquals("last", mine.get("k", slow("v"), stale));
        assertEquals(0, loads.get());
        redis.command("DEL", "c:#load:k");
        until("the key rests no more", () -> "v".equals(mine.get("k", slow("v"))));
    }

    @Test
    void aLeaseLongerThanWhatAWaiterHasIsRefused() {
        CachePolicy endless = LOCKED.withLoadTimeout(LEASE);
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, endless::requireConsistent);
        assertTrue(String.valueOf(e.getMessage()).contains("loadLock must be shorter than loadTimeout PT1S"));
    }

    @Test
    void asynchronousLoadersHoldLeasesToo() throws Exception {
        CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())));
        clients.add(client);
        CompletableFuture<String> answer = new CompletableFuture<>();
        var mine = client.cache("c", String.class, String.class).policy(LOCKED).buildAsync(key -> answer);
        CompletableFuture<String> asked = mine.async().get("k");
        until("it has the lease", () -> "1".equals(String.valueOf(redis.command("EXISTS", "c:#load:k"))));
        Cache<String, String> theirs = open(LOCKED);
        Future<String> waiting = threads.submit(() -> theirs.get("k", slow("other")));
        Thread.sleep(LEASE.toMillis() + 500);
        assertEquals(0, loads.get(), "the lease was renewed");
        answer.complete("v");
        assertEquals("v", asked.get());
        assertEquals("v", waiting.get());
        assertEquals(0, loads.get());
        until("the lease is given back", () -> "0".equals(String.valueOf(redis.command("EXISTS", "c:#load:k"))));
    }

    @Test
    void nothingIsRenewedAfterAClose() throws Exception {
        Cache<String, String> mine = open(LOCKED.withLoadLock(Duration.ofMillis(400)));
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> held = threads.submit(() -> mine.get("k", key -> {
            begun.countDown();
            release.await();
            return "v";
        }));
        begun.await();
        clients.get(0).close();
        until("it ends by itself", () -> "0".equals(String.valueOf(redis.command("EXISTS", "c:#load:k"))));
        release.countDown();
        assertEquals("v", held.get());
    }

    /** Where nothing comes of loads that others could use, they don't stand in a queue that is longer than their time. */
    @Test
    void whatIsNotStoredIsNotWaitedForAgainAndAgain() throws Exception {
        CachePolicy brief = LOCKED.withLoadTimeout(Duration.ofSeconds(4));
        List<Cache<String, String>> caches = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            caches.add(open(brief));
        }
        caches.forEach(cache -> assertNull(cache.get("other")));
        List<Future<String>> answers = new ArrayList<>();
        for (Cache<String, String> cache : caches) {
            answers.add(threads.submit(() -> cache.get("k", key -> {
                loads.incrementAndGet();
                Thread.sleep(400);
                return null;
            })));
        }
        for (Future<String> answer : answers) {
            assertNull(answer.get(), "and no failure");
        }
        assertEquals(16, loads.get());
    }
}
