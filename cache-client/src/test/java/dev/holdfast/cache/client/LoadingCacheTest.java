package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.Lookup;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A cache that knows its loader; and what becomes of a loader's exceptions. */
class LoadingCacheTest extends EngineFixture {
    private final AtomicInteger loads = new AtomicInteger();

    private LoadingCache<String, String> open(CachePolicy policy, Loaders<String, String> loaders) {
        return new LoadingEngine<>(
                new EngineSpec<>("l", store, Function.identity(), Codec.string(), policy, services, null), loaders);
    }

    private String load(String key) {
        loads.incrementAndGet();
        return "of " + key;
    }

    @Test
    void readsLoadWhatIsNotThereAndLooksNever() throws Exception {
        try (LoadingCache<String, String> cache = open(STALE, Loaders.single(this::load))) {
            assertEquals(Optional.empty(), cache.find("k"));
            assertFalse(cache.contains("k"));
            assertEquals(Lookup.State.ABSENT, cache.lookup("k").state());
            assertEquals(Optional.empty(), result(cache.async().find("k")));
            assertEquals(0, loads.get());
            assertEquals("of k", cache.get("k"));
            assertEquals("of k", cache.get("k"));
            assertEquals("of k", result(cache.async().get("k")));
            assertEquals(1, loads.get());
            assertEquals("of k", cache.refresh("k"));
            assertEquals("of k", result(cache.async().refresh("k")));
            assertEquals(3, loads.get());
            assertEquals("other", cache.get("l", key -> "other"), "a call may bring a loader of its own");
        }
    }

    @Test
    void severalKeysAreReadAtOnceAndLoadedOneByOneByALoaderOfSingleKeys() throws Exception {
        try (LoadingCache<String, String> cache = open(STALE, Loaders.single(this::load))) {
            cache.put("b", "stored");
            assertEquals(
                    List.of("a=of a", "b=stored", "c=of c"),
                    cache.getAll(List.of("a", "b", "c", "a")).entrySet().stream()
                            .map(Object::toString)
                            .toList());
            assertEquals(2, loads.get());
            assertEquals(1, store.count("getAll"));
            assertEquals(Map.of("a", "of a", "d", "of d"), result(cache.async().getAll(List.of("a", "d"))));
            assertEquals(3, loads.get());
        }
    }

    @Test
    void aBulkLoaderIsGivenAtMostABatchAtOnce() throws Exception {
        List<Integer> sizes = new CopyOnWriteArrayList<>();
        BulkCacheLoader<String, String> bulk = keys -> {
            sizes.add(keys.size());
            Map<String, String> values = new HashMap<>();
            keys.forEach(key -> values.put(key, "of " + key));
            return values;
        };
        CachePolicy policy = STALE.withMaxBatch(100);
        List<String> keys = IntStream.range(0, 250).mapToObj(i -> "k" + i).toList();
        try (LoadingCache<String, String> cache = open(policy, Loaders.bulk(bulk, policy))) {
            Map<String, String> values = cache.getAll(keys);
            assertEquals(keys, new ArrayList<>(values.keySet()));
            assertEquals("of k249", values.get("k249"));
            assertEquals(List.of(100, 100, 50), sizes);
            assertEquals(250, cache.getAll(keys).size());
            assertEquals(3, sizes.size(), "all of it was stored");
            cache.clear();
            sizes.clear();
            assertEquals(250, result(cache.async().getAll(keys)).size());
            List<Integer> sorted = new ArrayList<>(sizes);
            Collections.sort(sorted);
            assertEquals(List.of(50, 100, 100), sorted);
            assertEquals("of k", cache.get("k"));
        }
        CacheEngine<String, String> plain = open("plain", policy, services);
        sizes.clear();
        assertEquals(250, plain.getAll(keys, bulk).size());
        assertEquals(List.of(100, 100, 50), sizes);
        assertEquals(1_000, CachePolicy.defaults().maxBatch());
        for (int bad : new int[] {0, -1, 1_000_001}) {
            assertThrows(IllegalArgumentException.class, () -> STALE.withMaxBatch(bad));
        }
    }

    @Test
    void aBatchThatFailsLeavesWhatEarlierOnesFoundAndLoadsNoMore() {
        CachePolicy policy = CachePolicy.of(MINUTE).withMaxBatch(2);
        List<Set<String>> asked = new ArrayList<>();
        BulkCacheLoader<String, String> bulk = keys -> {
            asked.add(Set.copyOf(keys));
            if (keys.contains("c")) {
                throw new IOException("source is down");
            }
            Map<String, String> values = new HashMap<>();
            keys.forEach(key -> values.put(key, "v"));
            return values;
        };
        try (LoadingCache<String, String> cache = open(policy, Loaders.bulk(bulk, policy))) {
            assertThrows(CacheLoadException.class, () -> cache.getAll(List.of("a", "b", "c", "d", "e", "f")));
            assertEquals(List.of(Set.of("a", "b"), Set.of("c", "d")), asked);
            assertEquals(Optional.of("v"), cache.find("a"));
            assertEquals(Optional.empty(), cache.find("e"));
            assertEquals(Map.of("e", "v"), cache.getAll(List.of("e")), "nothing of it is under way any more");
        }
    }

    @Test
    void noThreadWaitsForWhatIsAnsweredLater() throws Exception {
        CompletableFuture<String> answer = new CompletableFuture<>();
        AtomicReference<Thread> began = new AtomicReference<>();
        try (LoadingCache<String, String> cache = open(STALE, Loaders.later(key -> {
            began.set(Thread.currentThread());
            loads.incrementAndGet();
            return answer;
        }))) {
            CompletableFuture<String> first = cache.async().get("k");
            until("it was asked", () -> loads.get() == 1);
            Future<String> second = start(() -> cache.get("k"));
            until("the second has joined", () -> cache.stats().joins() == 1);
            until("the thread that began it has ended or does something else", () -> {
                Thread thread = began.get();
                for (StackTraceElement frame : thread.getStackTrace()) {
                    if (frame.getClassName().endsWith("LoadRunner")) {
                        return false;
                    }
                }
                return true;
            });
            assertFalse(first.isDone());
            answer.complete("v");
            assertEquals("v", result(first));
            assertEquals("v", result(second));
            until("it is stored", () -> cache.find("k").isPresent());
            assertEquals(1, loads.get());
            until("its place is free", () -> cache.stats().loadsRunning() == 0);
        }
    }

    @Test
    void whatIsAnsweredLaterFailsAsItWouldAtOnce() throws Exception {
        try (LoadingCache<String, String> cache = open(STALE, Loaders.later(key -> switch (key) {
            case "failed" -> CompletableFuture.failedFuture(new IOException("no source"));
            case "unchecked" ->
                CompletableFuture.supplyAsync(() -> {
                    throw new IllegalArgumentException("not such a key");
                });
            case "thrown" -> throw new IllegalStateException("not even begun");
            case "null" -> noStage();
            case "absent" -> CompletableFuture.completedFuture(null);
            default -> CompletableFuture.completedFuture("v");
        }))) {
            CacheLoadException e = assertThrows(CacheLoadException.class, () -> cache.get("failed"));
            assertInstanceOf(IOException.class, e.getCause());
            assertThrows(IllegalArgumentException.class, () -> cache.get("unchecked"));
            assertThrows(IllegalStateException.class, () -> cache.get("thrown"));
            assertThrows(NullPointerException.class, () -> cache.get("null"));
            assertNull(cache.get("absent"));
            assertEquals("v", cache.get("k"));
            assertEquals(Map.of("x", "v", "y", "v"), cache.getAll(List.of("x", "absent", "y")));
            ExecutionException async = assertThrows(
                    ExecutionException.class, () -> result(cache.async().get("unchecked")));
            assertInstanceOf(IllegalArgumentException.class, async.getCause());
            until("its place is free", () -> cache.stats().loadsRunning() == 0);
        }
    }

    @SuppressWarnings("NullAway") // a loader that breaks its contract
    private static CompletableFuture<String> noStage() {
        return null;
    }

    private CompletableFuture<String> asked(CompletableFuture<String> answer) {
        loads.incrementAndGet();
        return answer;
    }

    @Test
    void theLeaseOfWhatIsAnsweredLaterEndsWithItsCancellation() throws Exception {
        CompletableFuture<String> never = new CompletableFuture<>();
        try (LoadingCache<String, String> cache = open(STALE, Loaders.later(key -> asked(never)))) {
            Future<String> waiting = start(() -> cache.get("k"));
            until("it was asked", () -> loads.get() == 1);
            time.advance(STALE.loadTimeout());
            ExecutionException e = assertThrows(ExecutionException.class, () -> result(waiting));
            assertInstanceOf(CacheLoadException.class, e.getCause());
            until("it is cancelled", never::isCancelled);
            until("its place is free", () -> cache.stats().loadsRunning() == 0);
            assertEquals(1, cache.stats().leasesExpired());
        }
    }

    @Test
    void whoeverLeavesLastCancelsWhatIsAnsweredLater() throws Exception {
        CompletableFuture<String> never = new CompletableFuture<>();
        try (LoadingCache<String, String> cache = open(STALE, Loaders.later(key -> asked(never)))) {
            CompletableFuture<String> call = cache.async().get("k");
            until("it was asked", () -> loads.get() == 1);
            assertTrue(call.cancel(true));
            until("it is cancelled", never::isCancelled);
            until("its place is free", () -> cache.stats().loadsRunning() == 0);
        }
    }

    @Test
    void anUncheckedExceptionOfALoaderReachesAllWhoWaitAsItIs() throws Exception {
        CacheEngine<String, String> cache = open(STALE);
        IllegalStateException failure = new IllegalStateException("the origin says no");
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<RuntimeException> own = start(() -> assertThrows(
                RuntimeException.class,
                () -> cache.get("k", key -> {
                    loading.countDown();
                    await(release);
                    throw failure;
                })));
        await(loading);
        Future<RuntimeException> joined =
                start(() -> assertThrows(RuntimeException.class, () -> cache.get("k", key -> "not called")));
        until("one joined", () -> cache.stats().joins() == 1);
        release.countDown();
        assertSame(failure, result(own));
        assertSame(failure, result(joined));
        ExecutionException async = assertThrows(
                ExecutionException.class,
                () -> result(cache.async().get("l", key -> {
                    throw failure;
                })));
        assertSame(failure, async.getCause());
        assertThrows(
                IllegalStateException.class,
                () -> cache.getAll(List.of("m"), keys -> {
                    throw failure;
                }));
    }

    @Test
    void aCheckedExceptionIsTheCauseAndAnErrorStrikesItsOwnThreadOnly() throws Exception {
        CacheEngine<String, String> cache = open(STALE);
        IOException checked = new IOException("no source");
        CacheLoadException wrapped = assertThrows(
                CacheLoadException.class,
                () -> cache.get("k", key -> {
                    throw checked;
                }));
        assertSame(checked, wrapped.getCause());
        AssertionError error = new AssertionError("struck");
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<AssertionError> own = start(() -> assertThrows(
                AssertionError.class,
                () -> cache.get("e", key -> {
                    loading.countDown();
                    await(release);
                    throw error;
                })));
        await(loading);
        Future<CacheLoadException> joined =
                start(() -> assertThrows(CacheLoadException.class, () -> cache.get("e", key -> "not called")));
        until("one joined", () -> cache.stats().joins() == 1);
        release.countDown();
        assertSame(error, result(own));
        assertSame(error, result(joined).getCause());
    }

    @Test
    void whatSpeaksOfAnInterruptIsNotTakenForTheCallers() {
        CacheEngine<String, String> cache = open(STALE);
        CacheLoader<String, String> confused = key -> {
            throw new ExecutionException(new CacheInterruptedException("another thread was", null));
        };
        assertThrows(CacheLoadException.class, () -> cache.get("k", confused));
        assertFalse(Thread.currentThread().isInterrupted());
    }

    @Test
    void aStaleValueStandsInForAnUncheckedExceptionToo() {
        CacheEngine<String, String> cache = open(STALE);
        cache.put("k", "old");
        time.advance(Duration.ofMinutes(5));
        assertEquals("old", cache.get("k", key -> {
            throw new IllegalStateException("the origin says no");
        }));
    }

    @Test
    void aValueThatIsDueIsRefreshedByAReadOfSeveralToo() {
        try (LoadingCache<String, String> cache =
                open(CachePolicy.of(MINUTE).withRefreshAhead(0.5), Loaders.single(this::load))) {
            assertEquals(Map.of("a", "of a", "b", "of b"), cache.getAll(List.of("a", "b")));
            time.advance(Duration.ofSeconds(40));
            assertEquals(2, cache.getAll(List.of("a", "b")).size());
            until("both were loaded again", () -> loads.get() == 4);
            until(
                    "both are new",
                    () -> cache.lookup("a").age().isZero()
                            && cache.lookup("b").age().isZero());
        }
    }

    @Test
    void aThreadThatCanNotBeHadToCancelAnAnswerHoldsNobody() {
        LoadRun.Owner owner = new LoadRun.Owner() {
            @Override
            public void expired() {}

            @Override
            public void neverBegan() {}

            @Override
            public boolean isAbandoned() {
                return false;
            }
        };
        LoadRun run = new LoadRun(false, new LoadGate(1).enter(), Long.MAX_VALUE, owner);
        assertTrue(run.begin());
        run.waitsFor(() -> {
            throw new OutOfMemoryError("unable to create native thread, as in a test");
        });
        assertThrows(OutOfMemoryError.class, run::passed);
        assertTrue(run.end(), "it ends, and does not spin");
    }
}
