package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheUnavailableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Several keys: one read, one load for what nobody else is loading. */
class BulkTest extends EngineFixture {
    private final CacheEngine<String, String> cache = open(CachePolicy.of(MINUTE));

    @Test
    void oneReadOneLoadOneStoreAndTheOrderOfTheRequest() {
        cache.put("b", "2");
        List<Set<String>> asked = new ArrayList<>();
        Map<String, String> values = cache.getAll(List.of("c", "b", "a", "c"), keys -> {
            asked.add(keys);
            return Map.of("a", "1", "c", "3", "unasked", "9");
        });
        assertEquals(List.of("c", "b", "a"), new ArrayList<>(values.keySet()));
        assertEquals(List.of("3", "2", "1"), new ArrayList<>(values.values()));
        assertEquals(
                List.of(List.of("c", "a")),
                asked.stream().map(ArrayList::new).map(List::copyOf).toList());
        assertEquals(1, store.count("getAll"));
        assertEquals(1, store.count("fillAll"));
        assertNull(cache.get("unasked"));
        assertEquals("1", cache.get("a"));
    }

    @Test
    void keysThatTheLoaderLeavesOutHaveNoValue() {
        CachePolicy remembering = cache.policy().withRememberAbsence(MINUTE);
        AtomicInteger calls = new AtomicInteger();
        for (int i = 0; i < 2; i++) {
            assertEquals(
                    Map.of("a", "1"),
                    cache.getAll(
                            List.of("a", "b"),
                            keys -> {
                                calls.incrementAndGet();
                                return Map.of("a", "1");
                            },
                            remembering));
        }
        assertEquals(1, calls.get(), "the absence of b is remembered");
    }

    @Test
    void singleCallersJoinABulkLoadAndTheOtherWayRound() throws Exception {
        CountDownLatch bothLoading = new CountDownLatch(2);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> single = start(() -> cache.get("a", key -> {
            bothLoading.countDown();
            await(release);
            return "single";
        }));
        until("the single load runs", () -> bothLoading.getCount() == 1);
        Future<Map<String, String>> bulk = start(() -> cache.getAll(List.of("a", "b"), keys -> {
            assertEquals(Set.of("b"), keys);
            bothLoading.countDown();
            await(release);
            return Map.of("b", "bulk");
        }));
        await(bothLoading);
        Future<String> joining = start(() -> cache.get("b", key -> "not called"));
        until("both have joined", () -> cache.stats().joins() == 2);
        release.countDown();
        assertEquals("single", result(single));
        assertEquals(Map.of("a", "single", "b", "bulk"), result(bulk));
        assertEquals("bulk", result(joining));
        assertEquals(2, cache.stats().loads());
    }

    @Test
    void overlappingBulkLoadsDoNotWaitForEachOther() throws Exception {
        CountDownLatch bothLoading = new CountDownLatch(2);
        Future<Map<String, String>> first = start(() -> cache.getAll(List.of("a", "b"), keys -> {
            bothLoading.countDown();
            await(bothLoading);
            return Map.of("a", "1", "b", "2");
        }));
        until("the first runs", () -> bothLoading.getCount() == 1);
        Future<Map<String, String>> second = start(() -> cache.getAll(List.of("b", "c"), keys -> {
            bothLoading.countDown();
            await(bothLoading);
            return Map.of("c", "3");
        }));
        assertEquals(Map.of("a", "1", "b", "2"), result(first));
        assertEquals(Map.of("b", "2", "c", "3"), result(second));
    }

    @Test
    void aFailedBulkLoadFailsWhatHasNoStaleValue() {
        CacheEngine<String, String> stale = open("s", STALE, services);
        stale.put("a", "old");
        time.advance(MINUTE.multipliedBy(5));
        Exception cause = new Exception("source is down");
        assertThrows(
                CacheLoadException.class,
                () -> stale.getAll(List.of("a", "b"), keys -> {
                    throw cause;
                }));
        assertEquals(Map.of("a", "old"), stale.getAll(List.of("a"), keys -> {
            throw new AssertionError("rests");
        }));
        assertThrows(NullPointerException.class, () -> cache.getAll(List.of("x"), keys -> null));
    }

    @Test
    void whenTheBulkCallerIsInterruptedSingleCallersTakeTheirKeysOver() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        AtomicReference<Thread> thread = new AtomicReference<>();
        Future<?> bulk = start(() -> {
            thread.set(Thread.currentThread());
            return assertThrows(
                    CacheInterruptedException.class,
                    () -> cache.getAll(List.of("a", "b"), keys -> {
                        loading.countDown();
                        new CountDownLatch(1).await();
                        return Map.of();
                    }));
        });
        await(loading);
        Future<String> single = start(() -> cache.get("b", key -> "single"));
        Future<Map<String, String>> other = start(() -> cache.getAll(List.of("a"), keys -> Map.of("a", "other")));
        until("both have joined", () -> cache.stats().joins() == 2);
        thread.get().interrupt();
        result(bulk);
        assertEquals("single", result(single));
        assertEquals(Map.of("a", "other"), result(other));
        // Callers are answered before the load is put away.
        until("no load is under way", () -> cache.loadsUnderWay() == 0);
    }

    @Test
    void aHungBulkLoadFreesItsKeysAfterTheLease() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        Future<?> hung = start(() -> assertThrows(
                CacheLoadException.class,
                () -> cache.getAll(List.of("a", "b"), keys -> {
                    loading.countDown();
                    new CountDownLatch(1).await();
                    return Map.of();
                })));
        await(loading);
        time.advance(cache.policy().loadTimeout());
        result(hung);
        assertEquals("v", cache.get("a", key -> "v"));
        assertEquals(2, cache.stats().leasesExpired());
        assertEquals(0, cache.loadsUnderWay());
    }

    @Test
    void whatAPartlyFailedReadFoundIsUsedAndTheRestIsLoaded() {
        cache.put("a", "1");
        byte[] entry = store.get("c:a");
        store.before = operation -> {
            if (operation.equals("getAll")) {
                throw new CacheUnavailableException(
                        "scripted",
                        null,
                        CacheUnavailableException.Reason.PARTIAL,
                        false,
                        List.of("c:b"),
                        Map.of("c:a", entry));
            }
        };
        assertEquals(Map.of("a", "1", "b", "2"), cache.getAll(List.of("a", "b"), keys -> {
            assertEquals(Set.of("b"), keys);
            return Map.of("b", "2");
        }));
        assertEquals(1, cache.stats().hits());
        assertEquals(0, cache.stats().misses(), "an unanswered read is no miss");
        assertTrue(cache.stats().failedReads() == 1);
    }

    @Test
    void bulkWorksAsynchronously() throws Exception {
        assertEquals(Map.of("a", "1"), result(cache.async().getAll(List.of("a"), keys -> Map.of("a", "1"))));
        until("it is stored, which its caller does not wait for", () -> cache.loadsUnderWay() == 0);
        assertEquals(Map.of("a", "1"), result(cache.async().getAll(List.of("a", "b"))));
        assertEquals(Map.of(), cache.getAll(List.of(), keys -> {
            throw new AssertionError("not called");
        }));
    }

    @Test
    void aBulkCallerThatLeavesDoesNotEndTheLoadOfKeysThatOthersWaitFor() throws Exception {
        CacheEngine<String, String> stale = open("s", STALE, services);
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        AtomicReference<Thread> thread = new AtomicReference<>();
        Future<?> bulk = leftBulkLoad(stale, thread, keys -> {
            loading.countDown();
            release.await();
            return Map.of("a", "3", "b", "4");
        });
        await(loading);
        Future<String> single = start(() -> stale.get("b", key -> "not called", CachePolicy.of(MINUTE)));
        until("one has joined", () -> stale.stats().joins() == 1);
        thread.get().interrupt();
        result(bulk);
        release.countDown();
        assertEquals("4", result(single));
        until("the load is over", () -> stale.loadsUnderWay() == 0);
        assertEquals("4", stale.get("b"));
        assertNull(stale.get("a"), "for that nobody waited");
    }

    @Test
    void aBulkLoadIsCancelledWhenAllWhoWaitedHaveLeft() throws Exception {
        CacheEngine<String, String> stale = open("s", STALE, services);
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        AtomicReference<Thread> thread = new AtomicReference<>();
        Future<?> bulk = leftBulkLoad(stale, thread, keys -> {
            loading.countDown();
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                interrupted.countDown();
            }
            return Map.of();
        });
        await(loading);
        thread.get().interrupt();
        result(bulk);
        await(interrupted);
        until("the load is over", () -> stale.loadsUnderWay() == 0);
    }

    @Test
    void whoCancelsAnAsynchronousBulkLoadLeavesIt() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        CompletableFuture<Map<String, String>> bulk = cache.async().getAll(List.of("a", "b"), keys -> {
            loading.countDown();
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                interrupted.countDown();
                throw e;
            }
            return Map.of();
        });
        await(loading);
        CompletableFuture<String> single = cache.async().get("b", key -> "not called");
        until("one has joined", () -> cache.stats().joins() == 1);
        bulk.cancel(false);
        assertEquals(1, interrupted.getCount(), "one still waits for a key of it");
        single.cancel(false);
        await(interrupted);
        until("nothing is left", () -> cache.loadsUnderWay() == 0);
        assertEquals(0, cache.stats().loadFailures());
    }

    @Test
    void aLoadIsCancelledWhenTheBulkLoadThatJoinedItIsLeftLast() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        CompletableFuture<String> single = cache.async().get("a", key -> {
            loading.countDown();
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                interrupted.countDown();
            }
            return "never";
        });
        await(loading);
        CompletableFuture<Map<String, String>> bulk = cache.async().getAll(List.of("a"), keys -> Map.of());
        until("it has joined", () -> cache.stats().joins() == 1);
        single.cancel(false);
        assertEquals(1, interrupted.getCount(), "one still waits");
        bulk.cancel(false);
        await(interrupted);
    }

    /** A bulk load of a and b in the background, whose caller waits until it is interrupted. */
    private Future<?> leftBulkLoad(
            CacheEngine<String, String> stale, AtomicReference<Thread> thread, BulkCacheLoader<String, String> loader) {
        stale.putAll(Map.of("a", "1", "b", "2"));
        time.advance(MINUTE.multipliedBy(5));
        return start(() -> {
            thread.set(Thread.currentThread());
            return assertThrows(
                    CacheInterruptedException.class,
                    () -> stale.getAll(List.of("a", "b"), loader, STALE.withLoadSoftTimeout(Duration.ofSeconds(20))));
        });
    }
}
