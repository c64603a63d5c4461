package dev.holdfast.cache.client;

import static dev.holdfast.cache.client.EngineFixture.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.testkit.FakeClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Loaders in the background run where the user says. */
class OwnExecutorTest {
    private final Set<Thread> made = ConcurrentHashMap.newKeySet();
    private final ExecutorService pool = Executors.newFixedThreadPool(4, task -> {
        Thread thread = new Thread(task, "the application's");
        made.add(thread);
        return thread;
    });
    private final FakeClock clock = new FakeClock();

    @AfterEach
    void stop() {
        pool.shutdownNow();
    }

    private static Cache<String, String> open(CacheClient client) {
        return client.cache("c", String.class, String.class)
                .ttl(Duration.ofMinutes(10))
                .staleIfError(Duration.ofHours(1))
                .loadSoftTimeout(Duration.ofMillis(1))
                .refreshAhead(0.5)
                .build();
    }

    @Test
    void loadersThatTheirCallerDoesNotRunRunThere() throws Exception {
        try (CacheClient client =
                CacheClient.builder().clock(clock).executor(pool).build()) {
            Cache<String, String> cache = open(client);
            Set<Thread> loaders = ConcurrentHashMap.newKeySet();
            assertEquals("v", cache.get("own", key -> {
                loaders.add(Thread.currentThread());
                return "v";
            }));
            assertEquals(Set.of(Thread.currentThread()), Set.copyOf(loaders), "a caller that must wait loads itself");
            loaders.clear();

            assertEquals(
                    "v",
                    cache.async()
                            .get("async", key -> {
                                loaders.add(Thread.currentThread());
                                return "v";
                            })
                            .join());
            clock.advance(Duration.ofMinutes(6));
            assertEquals("v", cache.get("own", key -> {
                loaders.add(Thread.currentThread());
                return "refreshed";
            }));
            until("it was refreshed ahead", () -> "refreshed".equals(cache.get("own")));
            cache.markStale("own");
            CountDownLatch release = new CountDownLatch(1);
            assertEquals("refreshed", cache.get("own", key -> {
                loaders.add(Thread.currentThread());
                release.await();
                return "late";
            }));
            release.countDown();
            until("what was left behind is stored", () -> "late".equals(cache.get("own")));
            assertTrue(made.containsAll(loaders), () -> loaders + " are not of the pool " + made);
            assertFalse(loaders.isEmpty());
        }
        assertFalse(pool.isShutdown(), "the client does not close what is not its own");
        assertEquals("runs", pool.submit(() -> "runs").get());
    }

    /** A thread that a lease has interrupted goes back to its pool without that. */
    @Test
    void aLeaseThatRunsOutLeavesNoInterruptBehind() throws Exception {
        ExecutorService one = Executors.newSingleThreadExecutor();
        try (CacheClient client = CacheClient.builder().executor(one).build()) {
            Cache<String, String> cache = client.cache("c", String.class, String.class)
                    .loadTimeout(Duration.ofMillis(50))
                    .build();
            CompletableFuture<String> overdue = cache.async().get("k", key -> {
                new CountDownLatch(1).await();
                return "never";
            });
            assertThrows(CompletionException.class, overdue::join);
            assertFalse(one.submit(() -> Thread.currentThread().isInterrupted()).get());
        } finally {
            one.shutdownNow();
            assertTrue(one.awaitTermination(10, TimeUnit.SECONDS));
        }
    }

    @Test
    void aLoadThatTheExecutorRefusesFailsAndLeavesNothingUnderWay() {
        RejectedExecutionException full = new RejectedExecutionException("full");
        try (CacheClient client = CacheClient.builder()
                .clock(clock)
                .executor(task -> {
                    throw full;
                })
                .build()) {
            Cache<String, String> cache = open(client);
            CompletableFuture<String> refused = cache.async().get("k", key -> "v");
            CompletionException e = assertThrows(CompletionException.class, refused::join);
            assertSame(full, e.getCause());
            assertEquals("v", cache.get("k", key -> "v"), "its caller's thread can");
            clock.advance(Duration.ofMinutes(6));
            assertEquals("v", cache.get("k", key -> "refreshed"), "nobody waits for a refresh ahead");
            until(
                    "nothing runs",
                    () -> cache.stats().loadsRunning() == 0 && cache.stats().loadsWaiting() == 0);
            assertEquals("w", cache.refresh("k", key -> "w"));
            assertEquals("w", cache.get("k"));
        }
    }

    /** As tests like it: what is refreshed ahead is there when the read returns. */
    @Test
    void anExecutorMayRunItsTasksAtOnce() {
        try (CacheClient client =
                CacheClient.builder().clock(clock).executor(Runnable::run).build()) {
            Cache<String, String> cache = open(client);
            assertEquals("v", cache.get("k", key -> "v"));
            clock.advance(Duration.ofMinutes(6));
            assertEquals("v", cache.get("k", key -> "refreshed"));
            assertEquals("refreshed", cache.get("k"));
            assertEquals("w", cache.async().get("l", key -> "w").join());
        }
    }

    /** The thread that leaves a place has callers to tell; if it ran the next load, that would run the one after it, and so on. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void loadsThatWaitedForAPlaceAreNotRunByWhoeverLeavesIt(boolean always) throws Exception {
        ThreadPoolExecutor busy = new ThreadPoolExecutor(
                1, 1, 1, TimeUnit.MINUTES, new ArrayBlockingQueue<>(1), new ThreadPoolExecutor.CallerRunsPolicy());
        try (CacheClient client =
                CacheClient.builder().executor(always ? Runnable::run : busy).build()) {
            Cache<Integer, Integer> cache =
                    client.cache("c", Integer.class, Integer.class).maxLoads(1).build();
            CountDownLatch release = new CountDownLatch(1);
            List<CompletableFuture<Integer>> all = new ArrayList<>();
            for (int key = 0; key < 5_000; key++) {
                all.add(cache.async().get(key, same -> {
                    release.await();
                    return same;
                }));
            }
            until("they wait", () -> cache.stats().loadsWaiting() == 4_999);
            release.countDown();
            for (int key = 0; key < all.size(); key++) {
                assertEquals(key, all.get(key).get(60, TimeUnit.SECONDS));
            }
            until("all are stored", () -> cache.stats().stored() == all.size());
        } finally {
            busy.shutdownNow();
        }
    }

    /** Leases end on one thread for the whole client. */
    @Test
    void aLeaseThatEndsRunsNoLoader() throws Exception {
        try (CacheClient client = CacheClient.builder().executor(Runnable::run).build()) {
            Cache<String, String> cache = client.cache("c", String.class, String.class)
                    .maxLoads(1)
                    .loadTimeout(Duration.ofMillis(200))
                    .build();
            CountDownLatch release = new CountDownLatch(1);
            Set<String> ran = ConcurrentHashMap.newKeySet();
            CompletableFuture<String> deaf = cache.async().get("deaf", key -> {
                ran.add(Thread.currentThread().getName());
                awaitDeaf(release);
                return "late";
            });
            until("it runs", () -> !ran.isEmpty());
            CompletableFuture<String> next = cache.async()
                    .get(
                            "next",
                            key -> {
                                ran.add(Thread.currentThread().getName());
                                awaitDeaf(release);
                                return "v";
                            },
                            cache.policy().withLoadTimeout(Duration.ofSeconds(30)));
            until("the next one runs", () -> ran.size() == 2);
            CompletableFuture<String> last = cache.async().get("last", key -> "v");
            assertThrows(CompletionException.class, last::join, "leases still end");
            release.countDown();
            assertEquals("v", next.join());
            assertThrows(CompletionException.class, deaf::join, "its own caller's thread had run it");
        }
    }

    private static void awaitDeaf(CountDownLatch release) {
        boolean interrupted = false;
        while (release.getCount() > 0) {
            try {
                release.await();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** As one does that was shut down with tasks in its queue, or that discards what is too much. */
    @Test
    void whatTheExecutorDropsEndsWithItsLeaseAndGivesItsPlaceBack() {
        try (CacheClient client = CacheClient.builder().executor(task -> {}).build()) {
            Cache<Integer, Integer> cache = client.cache("c", Integer.class, Integer.class)
                    .maxLoads(1)
                    .loadTimeout(Duration.ofMillis(20))
                    .build();
            for (int key = 0; key < 5; key++) {
                CompletableFuture<Integer> dropped = cache.async().get(key, same -> same);
                assertThrows(CompletionException.class, dropped::join);
            }
            assertEquals(7, cache.get(7, same -> same));
        }
    }

    @Test
    void withoutOneEachLoadHasAThreadOfItsOwn() {
        try (CacheClient client = CacheClient.builder().build()) {
            Cache<String, Thread> cache = client.cache("c", String.class, Thread.class)
                    .codec(new ThreadsCodec())
                    .build();
            Thread one = cache.async().get("a", key -> Thread.currentThread()).join();
            Thread other = cache.async().get("b", key -> Thread.currentThread()).join();
            assertInstanceOf(Thread.class, one);
            assertNotEquals(one, other);
        }
    }

    /** Stores nothing of a thread. */
    private static final class ThreadsCodec implements dev.holdfast.cache.Codec<Thread> {
        @Override
        public byte[] encode(Thread value) {
            return new byte[0];
        }

        @Override
        public Thread decode(byte[] bytes) {
            return Thread.currentThread();
        }
    }
}
