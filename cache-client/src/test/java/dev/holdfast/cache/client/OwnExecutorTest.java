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
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

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
