package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.client.CacheClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/** What a typed cache does over any store: one load per key, changes that win over loads, stale values, what entries carry. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class TypedCacheContract {
    private static final CachePolicy STALE =
            CachePolicy.of(Duration.ofMinutes(5)).withStaleIfError(Duration.ofHours(1));
    private static final CachePolicy SOFT = STALE.withLoadSoftTimeout(Duration.ofMillis(2));

    private final StoreServers kind;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final AtomicInteger names = new AtomicInteger();
    private StoreServers.Running servers;
    private CacheClient client;
    private CacheClient another;

    TypedCacheContract(StoreServers kind) {
        this.kind = kind;
    }

    @BeforeAll
    void open() {
        servers = kind.start();
        client = servers.client();
        another = servers.client();
    }

    @AfterAll
    void close() throws Exception {
        threads.shutdownNow();
        client.close();
        another.close();
        servers.close();
    }

    private Cache<String, String> fresh() {
        return client.cache("c" + names.incrementAndGet(), String.class, String.class)
                .policy(STALE)
                .build();
    }

    private <T> Future<T> start(Callable<T> call) {
        return threads.submit(call);
    }

    private static <T> T result(Future<T> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    private static void until(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, () -> "waited 60 s until " + what);
            LockSupport.parkNanos(100_000);
        }
    }

    private static String failing() throws Exception {
        throw new Exception("the source is down");
    }

    /** What another client changes during a load of this one, which knows nothing of it; in memory there is no other. */
    @TestFactory
    Stream<DynamicTest> aChangeOfAnotherClientDuringALoadIsNotUndone() {
        Map<String, Consumer<Cache<String, String>>> changes = Map.of(
                "remove", cache -> cache.remove("k"),
                "removeAll", cache -> cache.removeAll(List.of("j", "k")),
                "getAndRemove", cache -> cache.getAndRemove("k"),
                "put", cache -> cache.put("k", "put"));
        Map<String, Loading> loads = Map.of(
                "get", (cache, loader) -> cache.get("k", loader),
                "getAll", (cache, loader) -> cache.getAll(List.of("k", "l"), keys -> Map.of("k", loader.load("k"))),
                "refresh", (cache, loader) -> cache.refresh("k", loader));
        return kind == StoreServers.MEMORY
                ? Stream.empty()
                : changes.keySet().stream().flatMap(change -> loads.keySet().stream()
                        .flatMap(load -> Stream.of("nothing", "a tombstone", "a stale value")
                                .map(before -> DynamicTest.dynamicTest(
                                        change + " during a " + load + " that saw " + before,
                                        () -> changedByAnother(before, loads.get(load), changes.get(change))))));
    }

    private interface Loading {
        Object with(Cache<String, String> cache, CacheLoader<String, String> loader) throws Exception;
    }

    private void changedByAnother(String before, Loading load, Consumer<Cache<String, String>> change)
            throws Exception {
        Cache<String, String> cache = fresh();
        try (Cache<String, String> theirs = another.cache(cache.name(), String.class, String.class)
                .policy(STALE)
                .build()) {
            if (before.equals("a tombstone")) {
                theirs.remove("k");
            } else if (before.equals("a stale value")) {
                theirs.put("k", "old");
                theirs.markStale("k");
            }
            CountDownLatch loading = new CountDownLatch(1);
            CountDownLatch release = new CountDownLatch(1);
            Future<?> caller = start(() -> load.with(cache, key -> {
                loading.countDown();
                assertTrue(release.await(60, TimeUnit.SECONDS));
                return "from before";
            }));
            assertTrue(loading.await(60, TimeUnit.SECONDS));
            change.accept(theirs);
            release.countDown();
            result(caller);
            until(
                    "the load is over",
                    () -> cache.stats().stored() + cache.stats().notStored() == 1);
            assertEquals(1, cache.stats().notStored());
            assertNotEquals("from before", cache.get("k"));
            assertEquals(theirs.get("k"), cache.get("k"));
            assertEquals("after", cache.get("j", key -> "after"));
            assertEquals("after", theirs.get("j"), "what is loaded after a removal is stored");
        }
    }

    /** Of two clients, where there are two; the tag and the entries may be on different servers. */
    @Test
    void whatIsMarkedByTagIsStaleAndNothingThatWasRemovedComesBack() {
        String name = "c" + names.incrementAndGet();
        CachePolicy tagged = STALE.withTags("t", "u");
        CachePolicy shows = STALE.withStaleOnGet(true);
        Cache<String, String> cache =
                client.cache(name, String.class, String.class).policy(shows).build();
        Cache<String, String> theirs = kind == StoreServers.MEMORY
                ? cache
                : another.cache(name, String.class, String.class).policy(shows).build();
        Map<String, String> entries = new HashMap<>();
        for (int i = 0; i < 30; i++) {
            entries.put("k" + i, "v");
        }
        cache.putAll(entries, tagged);
        theirs.markStaleByTag("t");
        entries.keySet().forEach(key -> {
            assertEquals(Lookup.State.STALE, cache.lookup(key).state(), key);
            assertEquals("v", cache.get(key), key);
        });
        assertEquals(entries, cache.getAll(entries.keySet()));
        cache.put("k0", "w", tagged);
        assertEquals(Lookup.State.FRESH, theirs.lookup("k0").state(), "it was put after the mark");
        theirs.removeByTag("u");
        cache.markStaleByTag("t");
        cache.markStaleByTag("u");
        assertEquals(Map.of(), cache.getAll(entries.keySet()), "a mark brings nothing back");
        assertEquals(Map.of(), theirs.getAll(entries.keySet()));
        cache.put("k1", "x", tagged);
        assertEquals(Lookup.State.FRESH, theirs.lookup("k1").state());
    }

    @Test
    void callersOfOneColdKeyShareOneLoad() throws Exception {
        Cache<String, String> cache = fresh();
        int callers = 60;
        AtomicInteger loads = new AtomicInteger();
        CacheLoader<String, String> loader = key -> {
            until("all others wait", () -> cache.stats().joins() == callers - 1);
            return "value " + loads.incrementAndGet();
        };
        List<Future<?>> answers = new ArrayList<>();
        for (int i = 0; i < callers / 3; i++) {
            answers.add(start(() -> cache.get("k", loader)));
            answers.add(cache.async().get("k", loader));
            answers.add(start(() -> cache.getAll(List.of("k"), keys -> Map.of("k", loader.load("k")))
                    .get("k")));
        }
        for (Future<?> answer : answers) {
            assertEquals("value 1", result(answer));
        }
        until("it is stored", () -> "value 1".equals(cache.get("k")));
        assertEquals(1, cache.stats().loads());
    }

    /** A change, and the fresh value that is there after it. */
    private record Change(String name, Consumer<Cache<String, String>> change, String left) {}

    private static final List<Change> CHANGES = List.of(
            new Change("remove", cache -> cache.remove("k"), null),
            new Change("removeAll", cache -> cache.removeAll(List.of("j", "k")), null),
            new Change("clear", Cache::clear, null),
            new Change("markStale", cache -> cache.markStale("k"), null),
            new Change("put", cache -> cache.put("k", "put"), "put"));

    /** A way to load "loaded" for "k", of which the cache holds a stale value. */
    private record Kind(String name, Starter starter) {}

    private interface Starter {
        Future<?> start(Cache<String, String> cache, Callable<String> load);
    }

    private List<Kind> kinds() {
        List<String> keys = List.of("j", "k");
        return List.of(
                new Kind("get", (cache, load) -> start(() -> cache.get("k", key -> load.call()))),
                new Kind("asynchronous get", (cache, load) -> cache.async().get("k", key -> load.call())),
                new Kind("refresh", (cache, load) -> start(() -> cache.refresh("k", key -> load.call()))),
                new Kind(
                        "bulk load",
                        (cache, load) ->
                                start(() -> cache.getAll(keys, missing -> Map.of("j", "1", "k", load.call())))),
                new Kind(
                        "load that its caller left",
                        (cache, load) -> start(() -> cache.get("k", key -> load.call(), SOFT))));
    }

    @TestFactory
    Stream<DynamicTest> aChangeDuringALoadLeavesNothingOfIt() {
        return kinds().stream().flatMap(load -> CHANGES.stream()
                .map(change -> DynamicTest.dynamicTest(
                        change.name + " during a " + load.name, () -> changeDuring(load, change))));
    }

    private void changeDuring(Kind load, Change change) throws Exception {
        Cache<String, String> cache = fresh();
        cache.put("k", "old");
        assertTrue(cache.markStale("k"));
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<?> caller = load.starter.start(cache, () -> {
            loading.countDown();
            release.await();
            return "loaded";
        });
        assertTrue(loading.await(60, TimeUnit.SECONDS));
        change.change.accept(cache);
        release.countDown();
        result(caller);
        until("the load is over", () -> cache.stats().notStored() >= 1);
        assertEquals(change.left, cache.get("k"));
        assertNotEquals("loaded", cache.lookup("k").value());
        Lookup.State expected = change.left != null
                ? Lookup.State.FRESH
                : change.name.equals("markStale") ? Lookup.State.STALE : Lookup.State.ABSENT;
        assertEquals(expected, cache.lookup("k").state());
    }

    @Test
    void aStaleValueStandsInAlsoInAClientThatStartsLater() {
        Cache<String, String> cache = fresh();
        cache.put("k", "old");
        assertTrue(cache.markStale("k"));
        assertNull(cache.get("k"));
        assertEquals("old", cache.get("k", key -> failing()));
        assertEquals(1, cache.stats().staleHits());
        if (kind != StoreServers.MEMORY) {
            try (CacheClient later = servers.client()) {
                Cache<String, String> theirs = later.cache(cache.name(), String.class, String.class)
                        .policy(STALE)
                        .build();
                assertEquals(Lookup.State.STALE, theirs.lookup("k").state());
                assertEquals("old", theirs.get("k", key -> failing()));
            }
        }
        cache.remove("k");
        assertThrows(CacheLoadException.class, () -> cache.get("k", key -> failing()));
    }

    @Test
    void whatAnEntryCarriesComesBack() {
        Cache<String, String> cache = fresh();
        String value = "grün \u0000 " + "und so weiter ".repeat(1_000);
        assertEquals(value, cache.get("k", CacheLoader.adaptive((key, context) -> {
            context.etag("\"e1\"");
            return value;
        })));
        Lookup<String> found = cache.lookup("k");
        assertEquals(value, found.value());
        assertEquals("\"e1\"", found.etag().orElseThrow());
        assertTrue(found.age().compareTo(Duration.ofMinutes(1)) < 0, () -> "age " + found.age());
        assertEquals(value, cache.refresh("k", CacheLoader.adaptive((key, context) -> {
            assertEquals("\"e1\"", context.lastETag().orElseThrow());
            return context.notModified();
        })));
        assertEquals("\"e1\"", cache.lookup("k").etag().orElseThrow());

        assertNull(cache.get("absent", key -> null, STALE.withRememberAbsence(Duration.ofMinutes(1))));
        assertEquals(Lookup.State.KNOWN_ABSENT, cache.lookup("absent").state());
        assertNull(cache.get("absent", key -> failing()));

        cache.getAll(List.of("a", "b"), keys -> Map.of("a", "1", "b", "2"));
        cache.putAll(Map.of("c", "3", "d", "4"));
        assertEquals(
                List.of("d", "a", "c", "b", "k"),
                List.copyOf(
                        cache.getAll(List.of("d", "a", "none", "c", "b", "k")).keySet()));

        Cache<String, String> small = client.cache("z" + names.incrementAndGet(), String.class, String.class)
                .keys(Function.<String>identity())
                .codec(Codec.compressed(Codec.string(), 100))
                .build();
        small.put("k", value);
        assertEquals(value, small.get("k"));
    }

    @Test
    void whatIsNoEntryIsACountedMiss() {
        Cache<String, String> cache = fresh();
        Cache<String, byte[]> raw = client.cache("raw", String.class, byte[].class)
                .keys(Function.<String>identity())
                .codec(Codec.raw(Codec.bytes()))
                .build();
        cache.put("version", "v");
        byte[] entry = raw.get(cache.name() + ":version");
        entry[2] = 9;
        raw.put(cache.name() + ":version", entry);
        raw.put(cache.name() + ":garbage", new byte[] {1, 2, 3});
        assertNull(cache.get("version"));
        assertEquals(Map.of(), cache.getAll(List.of("garbage")));
        assertEquals(2, cache.stats().unreadable());
        assertEquals("new", cache.get("garbage", key -> "new"));
        assertEquals("new", cache.get("garbage"));
    }

    /** No script: a source whose values only grow is changed, then its key invalidated; who reads after that sees no less. */
    @Test
    void noReadAfterAnInvalidationSeesWhatWasThereBefore() throws Exception {
        Cache<String, String> cache = fresh();
        AtomicLongArray source = new AtomicLongArray(2);
        AtomicLongArray acknowledged = new AtomicLongArray(2);
        AtomicLong seeds = new AtomicLong(System.nanoTime());
        List<Future<?>> workers = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            workers.add(start(() -> {
                long seed = seeds.incrementAndGet();
                Random random = new Random(seed);
                for (int round = 0; round < 300; round++) {
                    int k = random.nextInt(2);
                    if (random.nextInt(4) == 0) {
                        long written = source.incrementAndGet(k);
                        invalidate(cache, random.nextInt(20), "k" + k);
                        acknowledged.accumulateAndGet(k, written, Math::max);
                        continue;
                    }
                    long least = acknowledged.get(k);
                    String value = read(cache, random.nextInt(5), "k" + k, () -> Long.toString(source.get(k)));
                    assertTrue(
                            value == null || Long.parseLong(value) >= least,
                            () -> "seed " + seed + ": read " + value + " after " + least);
                }
                return null;
            }));
        }
        for (Future<?> worker : workers) {
            result(worker);
        }
    }

    private static void invalidate(Cache<String, String> cache, int chance, String key) {
        if (chance == 0) {
            cache.clear();
        } else if (chance < 5) {
            cache.removeAll(List.of(key, "other"));
        } else if (chance < 10) {
            cache.markStale(key);
        } else {
            cache.remove(key);
        }
    }

    private static String read(Cache<String, String> cache, int chance, String key, Callable<String> load)
            throws Exception {
        return switch (chance) {
            case 0 -> cache.get(key);
            case 1 ->
                cache.getAll(List.of(key), keys -> Map.of(key, load.call())).get(key);
            case 2 -> {
                CompletableFuture<String> later = cache.async().get(key, unused -> load.call());
                yield result(later);
            }
            case 3 -> cache.refresh(key, unused -> load.call());
            default -> cache.get(key, unused -> load.call());
        };
    }
}
