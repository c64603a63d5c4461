package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.CacheEvent.LoadFailed;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.internal.IsolatedThreads;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.ForwardingStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Whatever is thrown wherever something that is not the cache's own can fail: the calls end, and afterwards calls, loads and closing
 * work as ever, no key hangs, and no place is lost.
 */
class NothingStaysUnderWayTest {
    private static final Duration MINUTE = Duration.ofMinutes(1);

    /** So few loads at once that places which are lost are missed. */
    private static final CachePolicy POLICY = CachePolicy.of(MINUTE.multipliedBy(5))
            .withStaleIfError(Duration.ofHours(1))
            .withRefreshAhead(0.8)
            .withMaxLoads(2);

    /** One client at a time loads, under tags. */
    private static final CachePolicy LOCKED =
            POLICY.withTags("tag").withLoadLock(Duration.ofSeconds(1)).withLoadTimeout(MINUTE);

    private static final List<String> SEAMS = List.of(
            "store get",
            "store second look",
            "store getAll",
            "store fill",
            "store fillAll",
            "store put",
            "store remove",
            "store replace",
            "store ttl",
            "codec encode",
            "codec decode",
            "key mapper",
            "carrier captures",
            "carrier sets",
            "carrier forgets its task",
            "carrier restores",
            "listener",
            "loader",
            "bulk answer",
            "clock",
            "nano time");

    private static final List<Throwable> THROWN = List.of(
            new NoClassDefFoundError("a class that is gone"),
            new ArithmeticException("a mistake"),
            new RejectedExecutionException("an executor that is full"),
            new OutOfMemoryError("unable to create native thread"));

    private final FakeTime time = new FakeTime();
    private volatile String seam = "";
    private volatile Throwable armed = new AssertionError();

    private void at(String here) {
        if (here.equals(seam)) {
            NothingStaysUnderWayTest.<RuntimeException>raise(armed);
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void raise(Throwable thrown) throws T {
        throw (T) thrown;
    }

    @TestFactory
    Stream<DynamicTest> whateverIsThrownWhereverNothingStaysUnderWay() {
        return SEAMS.stream().flatMap(where -> THROWN.stream()
                .map(what -> DynamicTest.dynamicTest(where + ": " + what, () -> thrown(where, what, POLICY))));
    }

    @TestFactory
    Stream<DynamicTest> norUnderTagsAndLeases() {
        return SEAMS.stream().flatMap(where -> THROWN.stream()
                .map(what -> DynamicTest.dynamicTest(where + ": " + what, () -> thrown(where, what, LOCKED))));
    }

    @TestFactory
    Stream<DynamicTest> whereNoThreadIsToBeHadNothingStaysUnderWay() {
        return Stream.of("call", "load", "maker", "deadlines", "events", "virtual")
                .flatMap(where -> THROWN.stream()
                        .skip(2)
                        .map(what -> DynamicTest.dynamicTest("thread for " + where + ": " + what, () -> {
                            thrown("thread holdfast-seams-" + where, what, POLICY);
                            thrown("thread holdfast-seams-" + where, what, LOCKED);
                        })));
    }

    private BackgroundThreads threads(String where) {
        ThreadFactory virtual = where.endsWith("virtual") ? failing("holdfast-seams-virtual") : null;
        return new BackgroundThreads("holdfast-seams", virtual, this::failing, null);
    }

    private ThreadFactory failing(String name) {
        ThreadFactory threads = IsolatedThreads.platform(name);
        return task -> {
            at("thread " + name);
            return threads.newThread(task);
        };
    }

    /** A memory that others see too. */
    private static CacheStore shared(CacheStore memory) {
        return new ForwardingStore(memory) {
            @Override
            public Duration callBound() {
                return Duration.ofSeconds(1);
            }

            @Override
            public CacheStore within(Duration limit) {
                return this;
            }
        };
    }

    private void thrown(String where, Throwable what, CachePolicy policy) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        CacheStore memory = MemoryStore.create(8 << 20);
        ScriptedStore store = new ScriptedStore(policy.loadLock().isZero() ? memory : shared(memory));
        BackgroundThreads background = threads(where);
        Events events = new Events(background.platform("events"));
        Runnable unused = events.add(LoadFailed.class, event -> at("listener"));
        EngineServices services =
                EngineServices.start(background, events, List.of(this::carried), this::clock, this::nanoTime);
        CacheEngine<String, String> cache = EngineFixture.engine("c", store, this::mapped, codec(), policy, services);
        try {
            cache.putAll(Map.of("stale", "v", "marked", "v", "removed", "v"));
            time.advance(MINUTE.multipliedBy(5));
            cache.putAll(Map.of("due", "v", "fresh", "v"));
            time.advance(MINUTE.multipliedBy(4));
            store.before = operation -> at("store " + operation);
            store.after = operation -> secondLook(cache);
            armed = what;
            seam = where;
            for (int round = 0; round < 2; round++) {
                endAll(threads, calls(cache), where);
            }
            seam = "";
            // A refresh would join what is under way.
            until("no load is under way", () -> cache.loadsUnderWay() == 0);
            recovers(threads, cache);
            assertEquals(0, cache.changesUnderWay());
            until("no load is under way", () -> cache.loadsUnderWay() == 0);
            until("no place is taken", () -> cache.stats().loadsRunning() == 0);
            assertEquals(0, cache.stats().loadsWaiting());
            until("nothing has a deadline", () -> services.deadlines().count() == 0);
        } finally {
            seam = "";
            end(threads.submit(() -> {
                cache.close();
                services.close();
                return null;
            }));
            threads.shutdownNow();
            store.close();
        }
    }

    /** Between the caller's look and its flight the key is changed, so that it looks again, and fails. */
    private void secondLook(CacheEngine<String, String> cache) {
        if (seam.equals("store second look")) {
            seam = "";
            cache.remove("looked");
            seam = "store get";
        }
    }

    private List<Callable<?>> calls(CacheEngine<String, String> cache) {
        CacheLoader<String, String> loader = this::load;
        BulkCacheLoader<String, String> bulk = this::loadAll;
        CachePolicy soft = cache.policy().withLoadSoftTimeout(Duration.ofSeconds(5));
        List<String> keys = List.of("a", "b", "stale", "fresh");
        return List.of(
                () -> cache.get("looked", loader),
                () -> cache.get("due", loader),
                () -> cache.get("stale", loader, soft),
                () -> cache.refresh("fresh", loader),
                () -> cache.getAll(keys, bulk),
                () -> cache.getAll(List.of("stale"), bulk, soft),
                () -> cache.async().get("a", loader).get(),
                () -> cache.async().get("fresh").get(),
                () -> cache.async().getAll(keys, bulk).get(),
                () -> cache.async().refresh("b", loader).get(),
                () -> cache.get("chosen", CacheLoader.adaptive((key, context) -> {
                    context.tags("other");
                    return load(key);
                })),
                () -> {
                    cache.removeByTag("other");
                    return null;
                },
                () -> cache.markStale("marked"),
                () -> cache.remove("removed"),
                () -> cache.putIfAbsent("removed", "w"));
    }

    private void endAll(ExecutorService threads, List<Callable<?>> calls, String where) throws Exception {
        List<Future<?>> all = new ArrayList<>();
        for (Callable<?> call : calls) {
            all.add(threads.submit(call));
            if (where.equals("store second look")) {
                end(all.get(0));
                seam = where;
            }
        }
        for (Future<?> call : all) {
            end(call);
        }
    }

    /** However it ends. */
    private static void end(Future<?> call) throws Exception {
        try {
            call.get(10, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            assertTrue(e.getCause() != null);
        }
    }

    private static void recovers(ExecutorService threads, CacheEngine<String, String> cache) throws Exception {
        for (String key : List.of("looked", "due", "stale", "fresh", "a", "b", "marked", "removed")) {
            assertEquals("new", value(threads.submit(() -> cache.refresh(key, unused -> "new"))), key);
            assertEquals("new", value(threads.submit(() -> cache.get(key, unused -> "another"))), key);
            assertEquals("new", value(cache.async().get(key)), key);
        }
        assertEquals(Map.of("x", "1"), value(cache.async().getAll(List.of("x"), keys -> Map.of("x", "1"))));
    }

    private static <T> T value(Future<T> call) throws Exception {
        return call.get(10, TimeUnit.SECONDS);
    }

    private static void until(String what, BooleanSupplier condition) {
        EngineFixture.until(what, condition);
    }

    private String load(String key) {
        at("loader");
        return "v";
    }

    private Map<String, String> loadAll(Iterable<String> keys) {
        at("loader");
        Map<String, String> answer = new HashMap<>() {
            private static final long serialVersionUID = 1L;

            @Override
            public String get(Object key) {
                at("bulk answer");
                return super.get(key);
            }
        };
        keys.forEach(key -> answer.put(key, "v"));
        return answer;
    }

    private String mapped(String key) {
        at("key mapper");
        return key;
    }

    private Instant clock() {
        at("clock");
        return time.instant();
    }

    private long nanoTime() {
        at("nano time");
        return time.getAsLong();
    }

    private Runnable carried(Runnable task) {
        at("carrier captures");
        return () -> {
            at("carrier sets");
            if (!seam.equals("carrier forgets its task")) {
                task.run();
            }
            at("carrier restores");
        };
    }

    private Codec<String> codec() {
        Codec<String> text = Codec.string();
        return new Codec<>() {
            @Override
            public byte[] encode(String value) {
                at("codec encode");
                return text.encode(value);
            }

            @Override
            public String decode(byte[] bytes) {
                at("codec decode");
                return text.decode(bytes);
            }
        };
    }
}
