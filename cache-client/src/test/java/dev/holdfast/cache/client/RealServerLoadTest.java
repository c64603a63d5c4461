package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Loads over a Redis that is one. */
@Execution(ExecutionMode.CONCURRENT)
class RealServerLoadTest {
    private static final CachePolicy STALE =
            CachePolicy.of(Duration.ofMinutes(5)).withStaleIfError(Duration.ofHours(1));

    private final RedisServer redis = RedisServer.start();
    private final CacheClient client = client();
    private final Cache<String, String> cache =
            client.cache("c", String.class, String.class).policy(STALE).build();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    private CacheClient client() {
        return CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())));
    }

    @AfterEach
    void close() {
        threads.shutdownNow();
        client.close();
        redis.close();
    }

    @Test
    void aServerKilledInsideTheLoaderChangesNothingForTheCallers() throws Exception {
        AtomicInteger loads = new AtomicInteger();
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        List<Future<String>> callers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            callers.add(threads.submit(() -> cache.get("k", key -> {
                loads.incrementAndGet();
                loading.countDown();
                EngineFixture.await(release);
                return "loaded";
            })));
        }
        EngineFixture.await(loading);
        EngineFixture.until("all others have joined", () -> cache.stats().joins() == 19);
        redis.kill();
        release.countDown();
        for (Future<String> caller : callers) {
            assertEquals("loaded", caller.get(30, TimeUnit.SECONDS));
        }
        assertEquals(1, loads.get());
        assertEquals(0, cache.stats().loadFailures());
    }

    @Test
    void aRemovalDuringALoadLeavesNothingOnTheServer() throws Exception {
        changeDuringALoad(changed -> changed.remove("k"));
    }

    @Test
    void clearingDuringALoadLeavesNothingOnTheServer() throws Exception {
        changeDuringALoad(Cache::clear);
    }

    private void changeDuringALoad(Consumer<Cache<String, String>> change) throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> caller = threads.submit(() -> cache.get("k", key -> {
            loading.countDown();
            EngineFixture.await(release);
            return "from before";
        }));
        EngineFixture.await(loading);
        change.accept(cache);
        release.countDown();
        assertEquals("from before", caller.get(30, TimeUnit.SECONDS));
        EngineFixture.until("the load is over", () -> cache.stats().notStored() == 1);
        assertFalse(onServer().contains("from before"));
        assertNull(cache.get("k"));
        assertEquals("after", cache.get("k", key -> "after"));
        assertTrue(onServer().contains("after"), "that is where a load is stored");
    }

    /** What stands there, a tombstone perhaps. */
    private String onServer() {
        return String.valueOf(redis.command("GET", "c:k"));
    }

    @Test
    void aValueMarkedStaleStandsInForAProcessThatStartsLater() {
        cache.put("k", "old");
        assertTrue(cache.markStale("k"));
        client.close();
        assertEquals(1L, redis.command("EXISTS", "c:k"));
        try (CacheClient later = client()) {
            Cache<String, String> theirs =
                    later.cache("c", String.class, String.class).policy(STALE).build();
            assertNull(theirs.get("k"));
            assertEquals(Lookup.State.STALE, theirs.lookup("k").state());
            assertEquals("old", theirs.get("k", key -> {
                throw new IOException("the source is away");
            }));
            assertEquals(1, theirs.stats().staleHits());
        }
    }

    @Test
    void twoHundredThreadsOnOneColdKeyRunOneLoad() throws Exception {
        int callers = 200;
        AtomicInteger loads = new AtomicInteger();
        CyclicBarrier start = new CyclicBarrier(callers);
        List<Future<String>> answers = new ArrayList<>();
        for (int i = 0; i < callers; i++) {
            answers.add(threads.submit(() -> {
                start.await(30, TimeUnit.SECONDS);
                return cache.get("k", key -> {
                    EngineFixture.until("all others wait", () -> cache.stats().joins() == callers - 1);
                    return "value " + loads.incrementAndGet();
                });
            }));
        }
        for (Future<String> answer : answers) {
            assertEquals("value 1", answer.get(60, TimeUnit.SECONDS));
        }
        assertEquals(1, loads.get());
        assertEquals(1, cache.stats().loads());
    }

    /** A server is only told how much longer, so it is the same whether its clock is off or ours: here ours is, by an hour. */
    @ParameterizedTest
    @ValueSource(longs = {-3_600, 3_600})
    void aClockThatIsAnHourOffTheServersChangesNoLifetime(long seconds) {
        FakeTime ours = new FakeTime(Instant.now().plusSeconds(seconds));
        CacheStore store = StoreProviders.find().make("single", Settings.of(Map.of("REDIS_URL", redis.url())));
        try (EngineServices services = EngineFixture.services(List.of(), ours, ours);
                CacheEngine<String, String> off =
                        EngineFixture.engine("off", store, Function.identity(), Codec.string(), STALE, services)) {
            off.put("put", "v");
            off.get("loaded", key -> "v");
            off.getAll(List.of("bulk"), keys -> Map.of("bulk", "v"));
            off.get("absent", key -> null, STALE.withRememberAbsence(Duration.ofMinutes(5)));
            assertLives("off:put", Duration.ofMinutes(65));
            assertLives("off:loaded", Duration.ofMinutes(65));
            assertLives("off:bulk", Duration.ofMinutes(65));
            assertLives("off:absent", Duration.ofMinutes(5));

            ours.advance(Duration.ofMinutes(4));
            assertEquals(Lookup.State.FRESH, off.lookup("put").state());
            assertTrue(off.markStale("put"));
            assertLives("off:put", Duration.ofMinutes(61));
            assertEquals(Lookup.State.STALE, off.lookup("put").state());
            ours.advance(Duration.ofMinutes(1));
            assertNull(off.get("loaded"));
            assertEquals(Lookup.State.STALE, off.lookup("loaded").state());
            assertEquals(Lookup.State.ABSENT, off.lookup("absent").state());
        } finally {
            store.close();
        }
    }

    private void assertLives(String storeKey, Duration expected) {
        long left = (long) redis.command("PTTL", storeKey);
        assertTrue(
                left <= expected.toMillis() && left > expected.minusSeconds(60).toMillis(),
                () -> storeKey + " lives " + left + " ms, expected " + expected);
    }
}
