package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import javax.management.JMException;
import javax.management.ObjectName;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a cache keeps near, over memory and with a clock that stands still. */
class NearTest {
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final CachePolicy POLICY = CachePolicy.of(MINUTE.multipliedBy(5));
    private static final NearCache NEAR = NearCache.ofBytes(4 << 20);

    private final FakeTime time = new FakeTime();
    private final EngineServices services = EngineFixture.services(List.of(), time, time);
    private final MemoryStore store = MemoryStore.create(16 << 20);
    private final AtomicInteger decoded = new AtomicInteger();
    private final Codec<String> codec = new CountingCodec();

    private final class CountingCodec implements Codec<String> {
        @Override
        public byte[] encode(String value) {
            return value.getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public String decode(byte[] bytes) {
            decoded.incrementAndGet();
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    @AfterEach
    void close() {
        services.close();
        store.close();
    }

    private CacheEngine<String, String> open(CachePolicy policy, NearCache near) {
        return open(store, policy, near);
    }

    private CacheEngine<String, String> open(CacheStore over, CachePolicy policy, NearCache near) {
        return new CacheEngine<>(
                new EngineSpec<>("c", over, Function.identity(), codec, policy, services, new NearTerms(near, true)));
    }

    @Test
    void aSecondReadNeitherAsksTheStoreNorDecodes() {
        try (CacheEngine<String, String> cache = open(POLICY, NEAR)) {
            cache.put("k", "v");
            String first = cache.get("k");
            assertEquals("v", first);
            for (int i = 0; i < 10; i++) {
                assertSame(first, cache.get("k"));
                assertSame(first, cache.find("k").orElseThrow());
                assertSame(first, cache.get("k", key -> "loaded"));
            }
            assertEquals(1, decoded.get());
            assertEquals(30, cache.stats().near().hits());
        }
    }

    @Test
    void withCopiesEveryReaderHasAValueOfItsOwn() {
        try (CacheEngine<String, String> cache = open(POLICY, NEAR.withCopies())) {
            cache.put("k", "v");
            assertEquals("v", cache.get("k"));
            String second = cache.get("k");
            String third = cache.get("k", key -> "loaded");
            assertEquals("v", second);
            assertEquals("v", third);
            assertNotSame(second, third);
            assertEquals(2, cache.stats().near().hits());
        }
    }

    static Stream<Arguments> changes() {
        return Stream.of(
                change("put", cache -> cache.put("k", "new"), "new"),
                change("putAll", cache -> cache.putAll(Map.of("k", "new")), "new"),
                change("replace", cache -> assertTrue(cache.replace("k", "old", "new")), "new"),
                change("refresh", cache -> cache.refresh("k", key -> "new"), "new"),
                change("remove", cache -> cache.remove("k"), null),
                change("remove expected", cache -> assertTrue(cache.remove("k", "old")), null),
                change("removeAll", cache -> cache.removeAll(List.of("k")), null),
                change("getAndRemove", cache -> cache.getAndRemove("k"), null),
                change("clear", CacheEngine::clear, null),
                change("markStale", cache -> cache.markStale("k"), null),
                change("putAbsent", cache -> cache.putAbsent("k", MINUTE), null));
    }

    private static Arguments change(String name, Consumer<CacheEngine<String, String>> change, String after) {
        return Arguments.of(name, change, after);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("changes")
    void whatWasChangedHereIsNotReadFromBefore(
            String name, Consumer<CacheEngine<String, String>> change, String after) {
        try (CacheEngine<String, String> cache = open(POLICY, NEAR)) {
            cache.put("k", "old");
            for (int i = 0; i < 3; i++) {
                assertEquals("old", cache.get("k"), name);
            }
            change.accept(cache);
            for (int i = 0; i < 3; i++) {
                assertEquals(after, cache.get("k"), name);
                assertEquals(after == null ? Map.of() : Map.of("k", after), cache.getAll(List.of("k")), name);
            }
        }
    }

    @Test
    void anotherTimeToLiveHoldsNear() {
        try (CacheEngine<String, String> cache = open(POLICY, NEAR)) {
            cache.put("k", "v");
            assertEquals("v", cache.get("k"));
            assertTrue(cache.expire("k", Duration.ofSeconds(1)));
            assertEquals("v", cache.get("k"));
            time.advance(Duration.ofSeconds(1));
            assertNull(cache.get("k"));
        }
    }

    @Test
    void whatIsChangedInTheStoreByAnybodyElseIsNotReadFromBefore() {
        try (CacheEngine<String, String> cache = open(POLICY, NEAR)) {
            cache.put("k", "old");
            assertEquals("old", cache.get("k"));
            assertTrue(store.remove("c:k"));
            assertNull(cache.get("k"));
            cache.put("k", "again");
            assertEquals("again", cache.get("k"));
            assertEquals(1, store.removeByPrefix("c:"));
            assertNull(cache.get("k"));
        }
    }

    @Test
    void nothingOutlivesItsTimeNear() {
        try (CacheEngine<String, String> cache = open(POLICY.withStaleIfError(MINUTE.multipliedBy(60)), NEAR)) {
            cache.put("k", "v");
            assertEquals("v", cache.get("k"));
            time.advance(MINUTE.multipliedBy(5).minusMillis(1));
            assertEquals("v", cache.get("k"));
            assertEquals(1, decoded.get());
            time.advance(Duration.ofMillis(1));
            assertNull(cache.get("k"), "stale");
            assertEquals("v", cache.get("k", key -> {
                throw new IOException("the source is away");
            }));
            assertEquals(1, cache.stats().staleHits());
            time.advance(MINUTE.multipliedBy(60));
            assertNull(cache.get("k"));
        }
    }

    @Test
    void aRememberedAbsenceIsKeptNear() {
        try (CacheEngine<String, String> cache = open(POLICY.withRememberAbsence(MINUTE), NEAR)) {
            AtomicInteger loads = new AtomicInteger();
            for (int i = 0; i < 5; i++) {
                assertNull(cache.get("k", key -> {
                    loads.incrementAndGet();
                    return null;
                }));
            }
            assertEquals(1, loads.get());
            assertEquals(3, cache.stats().near().hits(), "the first loads, the second reads the store");
            assertEquals(Map.of(), cache.getAll(List.of("k")));
            assertEquals(4, cache.stats().near().hits());
            time.advance(MINUTE);
            assertEquals("v", cache.get("k", key -> "v"));
        }
    }

    @Test
    void severalKeysComeFromBothAndInOrder() {
        try (CacheEngine<String, String> cache = open(POLICY, NEAR)) {
            List<String> keys = List.of("d", "b", "a", "c", "x");
            keys.subList(0, 4).forEach(key -> cache.put(key, "of " + key));
            String near = cache.get("a");
            Map<String, String> first = cache.getAll(keys);
            assertEquals(keys.subList(0, 4), List.copyOf(first.keySet()));
            assertSame(near, first.get("a"));
            assertEquals(4, decoded.get());
            Map<String, String> second = cache.getAll(keys, missing -> Map.of("x", "of x"));
            assertEquals(keys, List.copyOf(second.keySet()));
            assertEquals("of x", second.get("x"));
            assertEquals(4, decoded.get());
            assertEquals(5, cache.stats().near().hits());
        }
    }

    @Test
    void whatIsDueIsRefreshedThoughItIsNear() {
        try (CacheEngine<String, String> cache = open(POLICY.withRefreshAhead(0.5), NEAR)) {
            cache.put("k", "old");
            assertEquals("old", cache.get("k", key -> "new"));
            assertEquals("old", cache.get("k", key -> "new"));
            assertEquals(0, cache.stats().loads());
            time.advance(MINUTE.multipliedBy(3));
            assertEquals("old", cache.get("k", key -> "new"));
            EngineFixture.until("it was refreshed", () -> "new".equals(cache.get("k")));
            assertEquals(Map.of("k", "new"), cache.getAll(List.of("k"), keys -> Map.of("k", "newest")));
            assertEquals(1, cache.stats().loads());
        }
    }

    @Test
    void aStoreThatDoesNotTellOfChangesNeedsATime() {
        ScriptedStore silent = new ScriptedStore(store);
        CacheConfigException refused = assertThrows(CacheConfigException.class, () -> open(silent, POLICY, NEAR));
        assertTrue(refused.getMessage().contains("withUntrackedTtl"), refused::getMessage);
        try (CacheEngine<String, String> cache = open(silent, POLICY, NEAR.withUntrackedTtl(Duration.ofSeconds(2)))) {
            cache.put("k", "old");
            assertEquals("old", cache.get("k"));
            assertTrue(store.remove("c:k"));
            time.advance(Duration.ofMillis(1_999));
            assertEquals("old", cache.get("k"), "nobody has told of it");
            time.advance(Duration.ofMillis(1));
            assertNull(cache.get("k"));
            cache.put("k", "new");
            assertEquals("new", cache.get("k"));
            cache.remove("k");
            assertNull(cache.get("k"), "own changes are known");
            assertTrue(String.valueOf(cache.nearNote()).startsWith("near: untracked"), cache::nearNote);
            assertNull(cache.stats().near().trustedSince());
        }
    }

    @Test
    void rawCachesAreRefused() {
        assertThrows(
                IllegalArgumentException.class,
                () -> new CacheEngine<>(new EngineSpec<>(
                        "c",
                        store,
                        Function.<String>identity(),
                        Codec.raw(Codec.string()),
                        POLICY,
                        services,
                        new NearTerms(NEAR, true))));
    }

    @Test
    void whatCanNotBeIsSaidAtOnce() {
        assertThrows(IllegalArgumentException.class, () -> NearCache.ofBytes(NearCache.LEAST_BYTES - 1));
        assertThrows(IllegalArgumentException.class, () -> NEAR.withUntrackedTtl(Duration.ZERO));
        assertThrows(IllegalArgumentException.class, () -> NEAR.withUntrackedTtl(Duration.ofMinutes(61)));
        assertThrows(NullPointerException.class, () -> NEAR.withUntrackedTtl(null));
        try (CacheEngine<String, String> cache = open(POLICY, NEAR)) {
            assertThrows(NullPointerException.class, () -> cache.get(null));
        }
    }

    @Test
    void whatItCountsIsExact() {
        try (CacheEngine<String, String> cache = open(POLICY, NEAR)) {
            assertNull(cache.get("k"));
            cache.put("k", "v");
            assertEquals("v", cache.get("k"));
            assertEquals("v", cache.get("k"));
            cache.remove("k");
            cache.clear();
            CacheStats stats = cache.stats();
            assertEquals(2, stats.hits());
            assertEquals(1, stats.misses());
            assertEquals(1, stats.near().hits());
            assertEquals(2, stats.near().misses());
            assertEquals(2, stats.near().invalidations(), "what memory tells: of the put and the removal");
            assertEquals(1, stats.near().flushes(FlushReason.CLEARED));
            assertEquals(0, stats.near().flushes(FlushReason.TIER));
            assertTrue(stats.near().trustedSince() != null);
            cache.resetStats();
            assertEquals(0, cache.stats().hits());
            assertEquals(0, cache.stats().near().hits());
            assertEquals(0, cache.stats().near().flushes(FlushReason.CLEARED));
        }
    }

    @Test
    void aKeyThatIsChangedInPlaceIsAnotherKey() {
        try (CacheEngine<byte[], String> cache = new CacheEngine<>(new EngineSpec<>(
                "b",
                store,
                (byte[] key) -> Arrays.toString(key),
                codec,
                POLICY,
                services,
                new NearTerms(NEAR, KeyMappers.areValues(byte[].class))))) {
            byte[] key = {1};
            cache.put(key, "one");
            assertEquals("one", cache.get(key));
            assertEquals("one", cache.get(key));
            key[0] = 2;
            assertNull(cache.get(key));
            assertEquals("one", cache.get(new byte[] {1}));
            assertEquals(2, cache.stats().near().hits());
        }
    }

    @Test
    void aHitAllocatesNothing() throws JMException {
        try (CacheEngine<String, String> cache = open(POLICY, NEAR)) {
            cache.put("k", "v");
            long least = Long.MAX_VALUE;
            for (int round = 0; round < 10; round++) {
                long before = allocated();
                for (int i = 0; i < 20_000; i++) {
                    if (cache.get("k") == null) {
                        throw new AssertionError("it is not there");
                    }
                }
                least = Math.min(least, allocated() - before);
            }
            long bytes = least;
            assertTrue(bytes < 20_000, () -> bytes + " bytes for 20,000 hits");
        }
    }

    private static long allocated() throws JMException {
        return (Long) ManagementFactory.getPlatformMBeanServer()
                .getAttribute(new ObjectName("java.lang:type=Threading"), "CurrentThreadAllocatedBytes");
    }

    @Test
    void itsMemoryIsWithinATenthOfItsBound() {
        for (int length : new int[] {20, 100, 2_000}) {
            assertBounded(length);
        }
    }

    private void assertBounded(int length) {
        long bound = 12 << 20;
        String tail = "x".repeat(length);
        try (MemoryStore small = MemoryStore.create(1 << 20)) {
            long before = used();
            try (CacheEngine<String, String> cache = open(small, POLICY, NearCache.ofBytes(bound))) {
                int entries = (int) (2 * bound / (240 + length));
                for (int i = 0; i < entries; i++) {
                    String key = "key:" + i;
                    cache.put(key, tail);
                    if (cache.get(key) == null) {
                        throw new AssertionError("it was evicted at once");
                    }
                }
                long[] taken = {0};
                EngineFixture.until("eviction has caught up", () -> {
                    taken[0] = used() - before - (1 << 20);
                    return taken[0] <= bound * 11 / 10;
                });
                // By its own count: what else became garbage meanwhile makes the heap's figure smaller.
                long kept = cache.stats().near().entries() * (240 + length);
                assertTrue(kept >= bound / 2, () -> "of " + bound + " bytes only " + kept + " are used");
                System.out.printf("values of %d characters: %.2f of the bound%n", length, (double) taken[0] / bound);
            }
        }
    }

    private static long used() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}
