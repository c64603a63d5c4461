package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.spi.CacheStore;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Loads at the edges: beside changes, with entries that can't be read, with values that change, for callers with little time. */
class LoadsAndChangesTest extends EngineFixture {
    private final CacheEngine<String, String> cache = open(STALE);

    @Test
    void aLoadThatFailsAfterAChangeLetsNothingRest() throws Exception {
        cache.put("k", "old");
        time.advance(MINUTE.multipliedBy(5));
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> failing = start(() -> cache.get("k", key -> {
            loading.countDown();
            await(release);
            throw new Exception("fails");
        }));
        await(loading);
        Duration shorterThanTheRest = Duration.ofSeconds(1);
        cache.put("k", "put", STALE.withTtl(shorterThanTheRest));
        release.countDown();
        assertEquals("old", result(failing));
        time.advance(shorterThanTheRest);
        assertEquals("loaded", cache.get("k", key -> "loaded", STALE), "nothing keeps it from being loaded");
    }

    @Test
    void aChangeThatChangesNothingLetsALoadUnderWayBeStored() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> loader = start(() -> cache.get("k", key -> {
            loading.countDown();
            await(release);
            return "v";
        }));
        await(loading);
        assertFalse(cache.replace("k", "another", "w"));
        release.countDown();
        assertEquals("v", result(loader));
        assertEquals("v", cache.get("k"));
    }

    @Test
    void markStaleIsAChangeOfTheStoreWhateverIsThere() {
        for (String key : List.of("absent", "stale", "fresh")) {
            if (key.equals("stale")) {
                cache.put("stale", "v");
                time.advance(MINUTE.multipliedBy(5));
            } else if (key.equals("fresh")) {
                cache.put("fresh", "v");
            }
            int before = store.count("remove") + store.count("replace");
            assertEquals(key.equals("fresh"), cache.markStale(key));
            assertEquals(before + 1, store.count("remove") + store.count("replace"), key);
        }
        assertEquals("v", cache.lookup("stale").value(), "it may still stand in");
    }

    @Test
    void aRefreshIsAChangeOfTheStoreAndALoadIsNot() {
        cache.get("k", key -> "v");
        assertEquals(1, store.count("fill"));
        assertEquals(0, store.count("put"));
        cache.refresh("k", key -> "w");
        assertEquals(1, store.count("fill"));
        assertEquals(1, store.count("put"));
    }

    @Test
    void anEntryWhoseCodecThrowsAnErrorIsAMissThatALoadHeals() {
        AtomicBoolean gone = new AtomicBoolean();
        CacheEngine<String, String> own = open(codec(gone, new NoClassDefFoundError("a class of an old release")));
        own.put("k", "old");
        gone.set(true);
        assertNull(own.get("k"));
        assertFalse(own.contains("k"), "as get says");
        assertEquals(Map.of(), own.getAll(List.of("k")));
        assertFalse(own.markStale("k"));
        own.put("k", "old");
        assertEquals("new", own.get("k", key -> {
            gone.set(false);
            return "new";
        }));
        assertEquals("new", own.get("k"));
        assertTrue(own.stats().unreadable() >= 4);
    }

    @Test
    void markStaleOfADamagedEntryIsNoException() {
        cache.put("k", "v");
        byte[] damaged = store.get("c:k");
        // The end of its stale time, set to a moment that no time to live reaches.
        Arrays.fill(damaged, 20, 28, (byte) 0x7F);
        store.put("c:k", damaged, CacheStore.FOREVER);
        cache.markStale("k");
        assertNull(cache.get("k"));
    }

    @Test
    void whoJoinedALoadDoesNotChangeWhatIsStored() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        AtomicInteger encodings = new AtomicInteger();
        CountDownLatch changed = new CountDownLatch(1);
        Codec<StringBuilder> codec = new Codec<>() {
            @Override
            public byte[] encode(StringBuilder value) {
                encodings.incrementAndGet();
                boolean unused = uninterruptibly(changed);
                return value.toString().getBytes(StandardCharsets.UTF_8);
            }

            @Override
            public StringBuilder decode(byte[] bytes) {
                return new StringBuilder(new String(bytes, StandardCharsets.UTF_8));
            }
        };
        try (CacheEngine<String, StringBuilder> own =
                EngineFixture.engine("builders", store, Function.identity(), codec, CachePolicy.of(MINUTE), services)) {
            Future<StringBuilder> loader = start(() -> own.get("k", key -> {
                loading.countDown();
                await(release);
                return new StringBuilder("loaded");
            }));
            await(loading);
            Future<?> joined = start(() -> {
                own.get("k", key -> new StringBuilder()).append(" and changed");
                changed.countDown();
                return null;
            });
            until("one has joined", () -> own.stats().joins() == 1);
            release.countDown();
            result(loader);
            result(joined);
            until("it is stored", () -> own.loadsUnderWay() == 0);
            assertEquals("loaded", own.get("k").toString());
        }
    }

    /** Waits a moment for who should not be able to come before the encoding. */
    private static boolean uninterruptibly(CountDownLatch latch) {
        try {
            return latch.await(100, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Test
    void aCallersOwnTimeoutBoundsItsWaitForALoadThatAnotherBegan() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> loader = start(() -> cache.get(
                "k",
                key -> {
                    loading.countDown();
                    await(release);
                    return "v";
                },
                STALE.withLoadTimeout(HOUR)));
        await(loading);
        CachePolicy hasty = STALE.withLoadTimeout(Duration.ofSeconds(1));
        Future<String> sync = start(() -> cache.get("k", key -> "not called", hasty));
        Future<String> async = cache.async().get("k", key -> "not called", hasty);
        Future<?> bulk = start(() -> cache.getAll(List.of("k"), keys -> Map.of(), hasty));
        until("all have joined", () -> cache.stats().joins() == 3);
        time.advance(Duration.ofSeconds(1));
        for (Future<?> each : List.of(sync, async, bulk)) {
            ExecutionException thrown = assertThrows(ExecutionException.class, () -> each.get(10, TimeUnit.SECONDS));
            assertInstanceOf(CacheLoadException.class, thrown.getCause());
        }
        release.countDown();
        assertEquals("v", result(loader));
        assertEquals("v", cache.get("k"));
        assertEquals(0, cache.stats().loadFailures());
    }

    @Test
    void theAsynchronousViewRefusesAPolicyThatARawCodecCannotKeep() {
        CacheEngine<String, String> raw = EngineFixture.engine(
                "raw", store, Function.identity(), Codec.raw(Codec.string()), CachePolicy.of(MINUTE), services);
        store.put("k", "v".getBytes(StandardCharsets.UTF_8), MINUTE);
        CachePolicy ahead = CachePolicy.of(MINUTE).withRefreshAhead(0.1);
        assertThrows(IllegalArgumentException.class, () -> raw.async().get("k", key -> "w", ahead));
        assertThrows(IllegalArgumentException.class, () -> raw.async().put("k", "w", STALE));
        assertThrows(IllegalArgumentException.class, () -> raw.get("k", key -> "w", ahead));
        assertEquals("v", raw.get("k"));
        raw.close();
    }

    @Test
    void anInterruptedCallerIsToldSoOverEveryStoreEvenOverMemory() {
        cache.put("k", "v");
        List<Runnable> calls = List.of(
                () -> cache.get("k"),
                () -> cache.get("k", key -> "w"),
                () -> cache.getAll(List.of("k")),
                () -> cache.getAll(List.of("k"), keys -> Map.of()),
                () -> cache.lookup("k"),
                () -> cache.contains("k"),
                () -> cache.refresh("k", key -> "w"),
                () -> cache.put("k", "w"),
                () -> cache.putAll(Map.of("k", "w")),
                () -> cache.putIfAbsent("k", "w"),
                () -> cache.replace("k", "v", "w"),
                () -> cache.markStale("k"),
                () -> cache.remove("k"),
                () -> cache.removeAll(List.of("k")),
                cache::clear);
        for (int i = 0; i < calls.size(); i++) {
            Thread.currentThread().interrupt();
            assertThrows(CacheInterruptedException.class, calls.get(i)::run, "call " + i);
            assertTrue(Thread.interrupted(), "the flag stays set");
        }
        assertEquals("v", cache.get("k"), "nothing was done");
        assertEquals(0, cache.stats().loads());
    }

    private CacheEngine<String, String> open(Codec<String> codec) {
        return EngineFixture.engine("own", store, Function.identity(), codec, STALE, services);
    }

    private static Codec<String> codec(AtomicBoolean broken, Error thrown) {
        Codec<String> text = Codec.string();
        return new Codec<>() {
            @Override
            public byte[] encode(String value) {
                return text.encode(value);
            }

            @Override
            public String decode(byte[] bytes) {
                if (broken.get()) {
                    throw thrown;
                }
                return text.decode(bytes);
            }
        };
    }
}
