package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Lookup;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Stale rather than failing, and no longer than was said. */
class StaleTest extends EngineFixture {
    private static final Duration FIVE_MINUTES = Duration.ofMinutes(5);
    private final CacheEngine<String, String> cache = open(STALE);

    private static CacheLoader<String, String> failing(AtomicInteger calls) {
        return key -> {
            calls.incrementAndGet();
            throw new Exception("source is down");
        };
    }

    @Test
    void aFailedLoadReturnsTheStaleValueAndRestsBeforeTheNext() {
        AtomicInteger calls = new AtomicInteger();
        cache.put("k", "v");
        time.advance(FIVE_MINUTES);
        assertEquals("v", cache.get("k", failing(calls)));
        assertEquals("v", cache.get("k", failing(calls)));
        assertEquals(1, calls.get(), "the second call is within the pause");
        time.advance(STALE.retryLoadAfter());
        assertEquals("v", cache.get("k", failing(calls)));
        assertEquals(2, calls.get());
        assertEquals(3, cache.stats().staleHits());
        time.advance(STALE.retryLoadAfter());
        assertEquals("new", cache.get("k", key -> "new"));
        assertEquals("new", cache.get("k"));
    }

    @Test
    void aChangeOfTheKeyEndsThePause() {
        AtomicInteger calls = new AtomicInteger();
        cache.put("k", "v");
        time.advance(FIVE_MINUTES);
        cache.get("k", failing(calls));
        cache.remove("k");
        assertEquals("new", cache.get("k", key -> "new"));
    }

    @Test
    void beyondTheLimitAFailedLoadFails() {
        cache.put("k", "v");
        time.advance(FIVE_MINUTES.plus(HOUR));
        assertThrows(CacheLoadException.class, () -> cache.get("k", failing(new AtomicInteger())));
    }

    @Test
    void whoDoesNotWantStaleValuesGetsNone() {
        cache.put("k", "v");
        time.advance(FIVE_MINUTES);
        assertThrows(
                CacheLoadException.class,
                () -> cache.get("k", failing(new AtomicInteger()), CachePolicy.of(FIVE_MINUTES)));
    }

    @Test
    void theLimitIsNeverRestartedByCopying() {
        cache.put("k", "v");
        byte[] copy = store.get("c:k");
        time.advance(FIVE_MINUTES.plus(HOUR).minusMillis(1));
        store.put("c:k", copy, Duration.ofDays(7));
        assertEquals(Lookup.State.STALE, cache.lookup("k").state());
        assertEquals("v", cache.get("k", failing(new AtomicInteger())));
        time.advance(Duration.ofMillis(1));
        assertEquals(Lookup.State.ABSENT, cache.lookup("k").state());
        assertThrows(CacheLoadException.class, () -> cache.get("k", failing(new AtomicInteger())));
    }

    @Test
    void markingStaleKeepsTheValueForEveryProcessAndDoesNotRestartItsLimit() {
        cache.put("k", "v");
        time.advance(MINUTE);
        assertTrue(cache.markStale("k"));
        assertFalse(cache.markStale("k"), "it is stale already");
        assertNull(cache.get("k"));
        try (EngineServices otherProcess = services()) {
            CacheEngine<String, String> other = open("c", STALE, otherProcess);
            assertEquals("v", other.get("k", failing(new AtomicInteger())));
        }
        time.advance(FIVE_MINUTES.plus(HOUR).minus(MINUTE));
        assertThrows(CacheLoadException.class, () -> cache.get("k", failing(new AtomicInteger())));
    }

    @Test
    void anAbsenceThatTheSourceReportsEndsTheStaleValue() {
        cache.put("k", "v");
        time.advance(FIVE_MINUTES);
        assertNull(cache.get("k", key -> null));
        assertThrows(CacheLoadException.class, () -> cache.get("k", failing(new AtomicInteger())));
    }

    @Test
    void aLoadersOwnTimeoutFallsBackToTheStaleValueButACallersInterruptDoesNot() throws Exception {
        cache.put("k", "v");
        time.advance(FIVE_MINUTES);
        assertEquals("v", cache.get("k", key -> {
            throw new TimeoutException("the loader's own");
        }));
        time.advance(STALE.retryLoadAfter());
        assertEquals("v", cache.get("k", key -> {
            throw new java.util.concurrent.CancellationException("the loader's own");
        }));
        time.advance(STALE.retryLoadAfter());
        CountDownLatch loading = new CountDownLatch(1);
        AtomicReference<Thread> thread = new AtomicReference<>();
        Future<?> interrupted = start(() -> {
            thread.set(Thread.currentThread());
            return assertThrows(
                    CacheInterruptedException.class,
                    () -> cache.get("k", key -> {
                        loading.countDown();
                        new CountDownLatch(1).await();
                        return "never";
                    }));
        });
        await(loading);
        thread.get().interrupt();
        result(interrupted);
        assertEquals(2, cache.stats().staleHits());
    }

    @Test
    void anExpiredLeaseFallsBackToTheStaleValue() throws Exception {
        cache.put("k", "v");
        time.advance(FIVE_MINUTES);
        CountDownLatch loading = new CountDownLatch(1);
        Future<String> caller = start(() -> cache.get("k", key -> {
            loading.countDown();
            new CountDownLatch(1).await();
            return "never";
        }));
        await(loading);
        time.advance(STALE.loadTimeout());
        assertEquals("v", result(caller));
    }

    @Test
    void withASoftTimeoutACallerGoesWithTheStaleValueAndTheLoadGoesOn() throws Exception {
        CachePolicy soft = STALE.withLoadSoftTimeout(Duration.ofMillis(5));
        cache.put("k", "v");
        time.advance(FIVE_MINUTES);
        CountDownLatch release = new CountDownLatch(1);
        Thread caller = Thread.currentThread();
        AtomicReference<Thread> loader = new AtomicReference<>();
        assertEquals(
                "v",
                cache.get(
                        "k",
                        key -> {
                            loader.set(Thread.currentThread());
                            await(release);
                            return "new";
                        },
                        soft));
        assertEquals("v", cache.get("k", key -> "not called", soft), "a second caller joins and goes as well");
        assertEquals(Map.of("k", "v"), cache.getAll(List.of("k"), keys -> Map.of(), soft));
        assertEquals("v", result(cache.async().get("k", key -> "not called", soft)));
        release.countDown();
        until("the load has stored its value", () -> "new".equals(cache.get("k")));
        assertTrue(loader.get() != caller);
        assertEquals(4, cache.stats().staleHits());
    }

    @Test
    void aBulkLoadWithASoftTimeoutRunsAside() {
        CachePolicy soft = STALE.withLoadSoftTimeout(Duration.ofMillis(5));
        cache.putAll(Map.of("a", "1", "b", "2"));
        time.advance(FIVE_MINUTES);
        CountDownLatch release = new CountDownLatch(1);
        assertEquals(
                Map.of("a", "1", "b", "2"),
                cache.getAll(
                        List.of("a", "b"),
                        keys -> {
                            await(release);
                            return Map.of("a", "3", "b", "4");
                        },
                        soft));
        release.countDown();
        until("the load has stored", () -> Map.of("a", "3", "b", "4").equals(cache.getAll(List.of("a", "b"))));
    }

    @Test
    void theFirstReadPastTheFractionStartsOneRefreshAndNobodyWaits() {
        CachePolicy ahead = STALE.withRefreshAhead(0.8);
        AtomicInteger calls = new AtomicInteger();
        CountDownLatch release = new CountDownLatch(1);
        CacheLoader<String, String> loader = key -> {
            calls.incrementAndGet();
            await(release);
            return "new";
        };
        cache.put("k", "v");
        time.advance(Duration.ofMinutes(4).minusMillis(1));
        assertEquals("v", cache.get("k", loader, ahead));
        assertEquals(0, cache.loadsUnderWay());
        time.advance(Duration.ofMillis(1));
        for (int i = 0; i < 10; i++) {
            assertEquals("v", cache.get("k", loader, ahead));
        }
        release.countDown();
        until("the refresh has stored", () -> "new".equals(cache.get("k", loader, ahead)));
        assertEquals(1, calls.get());
    }

    @Test
    void aRefreshAheadThatFailsRestsAndLeavesTheValue() {
        CachePolicy ahead = STALE.withRefreshAhead(0.5);
        AtomicInteger calls = new AtomicInteger();
        cache.put("k", "v");
        time.advance(Duration.ofMinutes(3));
        assertEquals("v", cache.get("k", failing(calls), ahead));
        until("the refresh has failed", () -> cache.stats().loadFailures() == 1 && cache.loadsUnderWay() == 0);
        assertEquals("v", cache.get("k", failing(calls), ahead));
        assertEquals(0, cache.loadsUnderWay());
        assertEquals(1, calls.get());
    }

    @Test
    void jitterIsTakenOffAndSpreadsTheEnds() {
        CachePolicy spread = CachePolicy.of(FIVE_MINUTES).withTtlJitter(0.2);
        Set<Long> ends = new HashSet<>();
        for (int i = 0; i < 100; i++) {
            cache.put("k", "v", spread);
            byte[] entry = store.get("c:k");
            assertNotNull(entry);
            long lives = Envelope.freshUntil(entry) - Envelope.created(entry);
            assertTrue(
                    lives > FIVE_MINUTES.toMillis() * 8 / 10 - 1 && lives <= FIVE_MINUTES.toMillis(), "lives " + lives);
            ends.add(lives);
        }
        assertTrue(ends.size() > 50, () -> ends.size() + " different ends");
    }

    @Test
    void whateverTheClockOfTheServerSaysLifetimesAreOurs() {
        // A store is only told how much longer, so its clock can't matter; here ours is an hour off the store's.
        FakeTime early = new FakeTime(Instant.now().minusSeconds(3600));
        EngineServices services = services(List.of(), early, early);
        CacheEngine<String, String> off =
                EngineFixture.engine("off", store, Function.identity(), Codec.string(), STALE, services);
        off.put("k", "v");
        Duration left = store.ttl("off:k");
        assertNotNull(left);
        assertTrue(left.compareTo(FIVE_MINUTES.plus(HOUR)) <= 0 && left.compareTo(HOUR) > 0, () -> "left " + left);
        early.advance(FIVE_MINUTES.minusMillis(1));
        assertEquals("v", off.get("k"));
        early.advance(Duration.ofMillis(1));
        assertNull(off.get("k"));
        assertEquals(Lookup.State.STALE, off.lookup("k").state());
        off.close();
        services.close();
    }

    @Test
    void markingStaleEndsARememberedAbsence() {
        assertNull(cache.get("k", key -> null, STALE.withRememberAbsence(HOUR)));
        assertFalse(cache.markStale("k"), "there was no value");
        assertEquals("v", cache.get("k", key -> "v"));
    }

    @Test
    void aRefreshWaitsForItsLoadWhateverTheSoftTimeout() throws Exception {
        CacheEngine<String, String> soft = open("soft", STALE.withLoadSoftTimeout(Duration.ofMillis(1)), services);
        soft.put("k", "v");
        time.advance(FIVE_MINUTES);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> refresh = start(() -> soft.refresh("k", key -> {
            await(release);
            return "new";
        }));
        until("it has begun", () -> soft.stats().loadsRunning() == 1);
        assertEquals("v", soft.get("k", key -> "not called"), "who did not ask for a load goes");
        release.countDown();
        assertEquals("new", result(refresh));
    }

    @Test
    void whatAClockThatIsAheadHasMadeIsMarkedStaleIfErrorEveryClock() throws Exception {
        FakeTime ahead = new FakeTime(time.instant().plus(HOUR));
        FakeTime behind = new FakeTime(time.instant().minusSeconds(1));
        try (EngineServices aheadServices = services(List.of(), ahead, ahead);
                EngineServices behindServices = services(List.of(), behind, behind)) {
            open("c", STALE, aheadServices).put("theirs", "v");
            cache.put("ours", "v");
            time.advance(MINUTE);
            behind.advance(MINUTE);
            assertTrue(cache.markStale("theirs"));
            assertTrue(cache.markStale("ours"));
            assertNull(cache.get("theirs"));
            assertNull(open("c", STALE, behindServices).get("ours"), "its clock is a second behind ours");
            assertEquals(Lookup.State.STALE, cache.lookup("theirs").state());
            assertEquals(MINUTE, cache.lookup("ours").age(), "its age is known");
        }
    }

    @Test
    void aLastValueThatItsCodecRefusesIsNoneToAnAdaptiveLoader() {
        cache.get("k", CacheLoader.adaptive((key, context) -> {
            context.etag("e");
            return "v";
        }));
        byte[] damaged = store.get("c:k");
        assertNotNull(damaged);
        damaged[damaged.length - 1] = (byte) 0xFF;
        store.put("c:k", damaged, HOUR);
        time.advance(FIVE_MINUTES);
        assertEquals("new", cache.get("k", CacheLoader.adaptive((key, context) -> {
            assertEquals(Optional.empty(), context.lastETag(), "the source would answer: not modified");
            assertNull(context.lastValue());
            return "new";
        })));
        assertEquals("new", cache.get("k"));
        assertEquals(1, cache.stats().unreadable());
    }

    @Test
    void whoWaitsForAPlaceToLoadUntilTheLeaseEndsGetsTheStaleValue() throws Exception {
        CacheEngine<String, String> narrow = open("narrow", STALE.withMaxLoads(1), services);
        narrow.put("k", "v");
        time.advance(FIVE_MINUTES);
        CountDownLatch loading = new CountDownLatch(1);
        Future<?> hung = start(() -> assertThrows(
                CacheLoadException.class,
                () -> narrow.get(
                        "hung",
                        key -> {
                            loading.countDown();
                            new CountDownLatch(1).await();
                            return "never";
                        },
                        STALE.withLoadTimeout(HOUR))));
        await(loading);
        Future<String> waiting = start(() -> narrow.get("k", key -> "not called"));
        until("one waits", () -> narrow.stats().loadsWaiting() == 1);
        time.advance(STALE.loadTimeout());
        assertEquals("v", result(waiting));
        time.advance(HOUR);
        result(hung);
    }
}
