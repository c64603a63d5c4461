package dev.holdfast.cache.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.EntryUse;
import dev.holdfast.cache.spi.KeyPrefix;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the contract leaves open: the bound, exact times on a fake clock, what health says. */
class MemoryStoreTest {
    private static final Duration TTL = Duration.ofMinutes(10);
    private static final byte[] VALUE = {1, 2, 3};

    private final AtomicLong nanos = new AtomicLong();
    private final MemoryStore store = on(1 << 20);

    private MemoryStore on(long maxBytes) {
        return new MemoryStore(maxBytes, KeyPrefix.NONE, nanos::get);
    }

    private void advance(Duration by) {
        nanos.addAndGet(by.toNanos());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, Long.MAX_VALUE - 1_000_000, Long.MIN_VALUE, -1})
    void anEntryLivesToTheLastNanosecondWhereverTheClockBegins(long origin) {
        nanos.set(origin);
        MemoryStore begun = on(1 << 20);
        begun.put("k", VALUE, Duration.ofMillis(5));

        advance(Duration.ofNanos(4_999_999));
        assertArrayEquals(VALUE, begun.get("k"));
        assertEquals(Duration.ofMillis(1), begun.ttl("k"));

        advance(Duration.ofNanos(1));
        assertNull(begun.get("k"));
        assertNull(begun.ttl("k"));
        assertFalse(begun.contains("k"));
    }

    @Test
    void ttlRoundsUp() {
        store.put("k", VALUE, Duration.ofMillis(100));
        assertEquals(Duration.ofMillis(100), store.ttl("k"));

        advance(Duration.ofNanos(1));
        assertEquals(Duration.ofMillis(100), store.ttl("k"));
        advance(Duration.ofNanos(999_999));
        assertEquals(Duration.ofMillis(99), store.ttl("k"));
    }

    @Test
    void anIncrementKeepsTheExactEnd() {
        store.increment("k", 1, Duration.ofMillis(100));
        advance(Duration.ofMillis(60));
        store.increment("k", 1, TTL);

        advance(Duration.ofNanos(39_999_999));
        assertEquals(3, store.increment("k", 1, TTL));
        advance(Duration.ofNanos(1));
        assertEquals(1, store.increment("k", 1, TTL));
    }

    @Test
    void foreverAndTheLongestTimeToLiveOutliveAHundredYears() {
        store.put("forever", VALUE, CacheStore.FOREVER);
        store.put("longest", VALUE, CacheStore.MAX_TTL);

        advance(CacheStore.MAX_TTL.minusNanos(1));
        assertNotNull(store.get("longest"));
        advance(Duration.ofNanos(1));
        assertNull(store.get("longest"));
        assertArrayEquals(VALUE, store.get("forever"));
        assertEquals(CacheStore.FOREVER, store.ttl("forever"));
    }

    @Test
    void incrementOnceForgetsItsNamesAfterAnHour() {
        store.incrementOnce("k", 1, CacheStore.FOREVER, "id");
        advance(Duration.ofMinutes(59));
        assertEquals(1, store.incrementOnce("k", 1, TTL, "id").orElseThrow());
        advance(Duration.ofMinutes(2));
        assertEquals(2, store.incrementOnce("k", 1, TTL, "id").orElseThrow());
    }

    @Test
    void expiredEntriesGiveTheirMemoryBackWithoutBeingTouched() throws InterruptedException {
        try (MemoryStore real = MemoryStore.create(1 << 20)) {
            for (int i = 0; i < 100; i++) {
                real.put("k" + i, VALUE, Duration.ofMillis(20));
            }
            long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (real.entries().size() > 0) {
                assertTrue(
                        System.nanoTime() < deadline,
                        () -> "after 20 s there are still " + real.entries().size());
                Thread.sleep(20);
            }
        }
    }

    @Test
    void theBoundHolds() {
        MemoryStore small = on(100_000);
        for (int i = 0; i < 5_000; i++) {
            small.put("key" + i, new byte[i % 997], TTL);
            if (i % 100 == 0) {
                assertTrue(
                        small.entries().weightedBytes() <= 100_000,
                        () -> small.entries().weightedBytes() + " bytes");
            }
        }
        assertTrue(
                small.entries().size() > 50,
                "there is room for more than " + small.entries().size());
    }

    @Test
    void largeEntriesDoNotPileUpBeyondTheBound() {
        MemoryStore small = on(1_000_000);
        for (int i = 0; i < 1_000; i++) {
            small.put("key" + i, new byte[100_000], TTL);
            assertTrue(small.entries().size() < 10, () -> small.entries().size() + " entries of 100,000 bytes");
        }
    }

    @Test
    void aValueLargerThanTheStoreIsRefusedAndEvictsNothing() {
        MemoryStore small = on(10_000);
        small.put("k", VALUE, TTL);
        small.put("counter", new byte[] {'1'}, TTL);
        byte[] large = new byte[10_000];

        assertThrows(CacheRejectedException.class, () -> small.put("k", large, TTL));
        assertThrows(CacheRejectedException.class, () -> small.putIfAbsent("other", large, TTL));
        assertThrows(CacheRejectedException.class, () -> small.replace("k", VALUE, large, TTL));
        assertThrows(CacheRejectedException.class, () -> small.putAll(Map.of("a", VALUE, "b", large), TTL));
        CacheRejectedException e =
                assertThrows(CacheRejectedException.class, () -> small.increment("x".repeat(10_000), 1, TTL));

        assertTrue(String.valueOf(e.getMessage()).contains("10000"), e::getMessage);
        assertArrayEquals(VALUE, small.get("k"));
        assertNull(small.get("a"));
        assertEquals(2, small.increment("counter", 1, TTL));
    }

    @Test
    void aValueThatJustFitsIsTaken() {
        int room = 100_000;
        MemoryStore small = on(room);
        int largest = room;
        while (Entry.weigh("k", largest) > room) {
            largest--;
        }
        small.put("k", new byte[largest], TTL);

        assertNotNull(small.get("k"));
    }

    @Test
    void usefulEntriesSurviveAScan() {
        MemoryStore small = on(200_000);
        for (int i = 0; i < 50; i++) {
            small.put("hot" + i, new byte[100], TTL);
        }
        for (int i = 0; i < 20_000; i++) {
            small.get("hot" + i % 50);
            small.put("scan" + i, new byte[100], TTL);
        }

        Map<String, byte[]> hot = new HashMap<>();
        for (int i = 0; i < 50; i++) {
            byte[] value = small.get("hot" + i);
            if (value != null) {
                hot.put("hot" + i, value);
            }
        }
        assertTrue(hot.size() > 25, () -> "only " + hot.size() + " of 50 survived");
    }

    @Test
    void whatWasReadOftenIsForgottenAtOnceByEveryChange() {
        byte[] other = {9};
        for (int round = 0; round < 100; round++) {
            store.put("k", VALUE, TTL);
            readOften("k", VALUE);
            store.put("k", other, TTL);
            readOften("k", other);
            assertTrue(store.replace("k", other, VALUE, TTL));
            readOften("k", VALUE);
            assertTrue(store.expire("k", Duration.ofMillis(1)));
            readOften("k", VALUE);
            advance(Duration.ofMillis(1));
            readOften("k", null);
            assertTrue(store.putIfAbsent("k", other, TTL));
            readOften("k", other);
            assertTrue(store.remove("k", other));
            readOften("k", null);
            store.putAll(Map.of("k", VALUE), TTL);
            readOften("k", VALUE);
            store.removeAll(List.of("k"));
            readOften("k", null);
            store.increment("k", 1, TTL);
            readOften("k", new byte[] {'1'});
            store.increment("k", 1, TTL);
            readOften("k", new byte[] {'2'});
            assertEquals(1, store.removeByPrefix("k"));
            readOften("k", null);
        }
    }

    private void readOften(String key, byte @Nullable [] expected) {
        for (int i = 0; i < 3; i++) {
            assertArrayEquals(expected, store.get(key));
        }
    }

    @Test
    void aSharedArrayIsTheStoresOwnUntilTheKeyIsWrittenAgain() {
        store.put("k", VALUE, TTL);
        byte[] shared = store.getShared("k");
        assertSame(shared, store.getShared("k"));
        assertNotSame(VALUE, shared);

        store.put("k", new byte[] {9}, TTL);
        assertArrayEquals(VALUE, shared);
        assertArrayEquals(new byte[] {9}, store.getShared("k"));
    }

    @Test
    void whatWasReadIsNotKeptBeyondItsEviction() {
        byte[] large = new byte[300_000];
        for (int i = 0; i < 100; i++) {
            String key = "large:" + i;
            store.put(key, large, TTL);
            store.get(key);
        }
        long reachable = store.entries().weightedBytes();
        long read = 0;
        for (int i = 0; i < 100; i++) {
            byte[] value = store.getShared("large:" + i);
            read += value == null ? 0 : value.length;
        }
        assertTrue(read <= reachable, read + " bytes are readable, " + reachable + " are accounted for");
    }

    @Test
    void twoStoresShareNothing() {
        MemoryStore other = on(1 << 20);
        store.put("k", VALUE, TTL);

        assertNull(other.get("k"));
    }

    @Test
    void callsNeverWait() {
        assertEquals(Duration.ZERO, store.callBound());
        assertSame(store, store.within(Duration.ofMillis(1)));
    }

    @Test
    void healthNamesTheTypeAndCounts() {
        store.put("k", VALUE, TTL);
        store.get("k");
        store.getAll(List.of("k", "absent"));

        StoreHealth health = store.health();

        assertEquals("in-memory", health.type());
        assertFalse(health.distributed());
        assertTrue(health.available());
        assertTrue(health.readYourWrites());
        assertEquals(3, health.operations().total());
        assertEquals(0, health.operations().failed());
    }

    @Test
    void healthSaysHowManyEntriesHadToGoForOthers() {
        try (MemoryStore store = MemoryStore.create(1 << 20)) {
            for (int i = 0; i < 5; i++) {
                store.put("k" + i, new byte[100_000], Duration.ofMinutes(1));
            }
            store.remove("k0");
            store.entries().weightedBytes();
            assertEquals(0, Objects.requireNonNull(store.health().memory()).evictions(), "all had room");
            for (int i = 5; i < 25; i++) {
                store.put("k" + i, new byte[100_000], Duration.ofMinutes(1));
            }
            store.entries().weightedBytes();
            long evicted = Objects.requireNonNull(store.health().memory()).evictions();
            assertEquals(24 - store.entries().size(), evicted);
            assertTrue(evicted >= 14, () -> "evicted " + evicted);
        }
    }

    @Test
    void healthSaysHowMuchOfTheBoundIsInUse() {
        try (MemoryStore store = MemoryStore.create(1 << 20)) {
            assertEquals(new MemoryUse(0, 1 << 20), store.health().memory());
            store.put("k", new byte[100_000], Duration.ofMinutes(1));
            long used = Objects.requireNonNull(store.health().memory()).usedBytes();
            assertTrue(used > 100_000 && used < 101_000, () -> "used " + used);
        }
    }

    @Test
    void closeGivesTheMemoryBack() {
        store.put("k", VALUE, TTL);
        store.close();

        assertEquals(0, store.entries().weightedBytes());
        assertFalse(store.health().available());
    }

    @ParameterizedTest
    @ValueSource(strings = {"+1", "01", "-0", "-01", "00", "\u0661"})
    void onlyTheShortestFormOfANumberIsACounterAsWithRedis(String number) {
        store.put("k", number.getBytes(StandardCharsets.UTF_8), TTL);

        assertThrows(CacheRejectedException.class, () -> store.increment("k", 1, TTL));
    }

    @Test
    void aBoundMustBePositive() {
        assertThrows(IllegalArgumentException.class, () -> MemoryStore.create(0));
        assertThrows(IllegalArgumentException.class, () -> MemoryStore.builder().maxBytes(-1));
        assertThrows(IllegalArgumentException.class, () -> MemoryStore.builder().keyPrefix("a b"));
    }

    @Test
    void entriesAndEvictionsAreCountedByTheBeginningOfTheirKeys() {
        store.put("users:1", VALUE, TTL);
        store.put("users:2", VALUE, Duration.ofSeconds(1));
        store.put("orders:1", VALUE, TTL);
        store.put("users", VALUE, TTL);
        assertEquals(new EntryUse(2, 0), store.use("users:"));
        advance(Duration.ofSeconds(2));
        assertEquals(1, store.use("users:").entries());
        store.remove("orders:1");
        assertEquals(new EntryUse(0, 0), store.use("orders:"));

        byte[] large = new byte[10_000];
        for (int i = 0; i < 1_000; i++) {
            store.put("orders:" + i, large, TTL);
        }
        EntryUse orders = store.use("orders:");
        assertTrue(orders.entries() > 0 && orders.entries() < 110, orders::toString);
        assertEquals(1_000, orders.entries() + orders.evictions(), orders::toString);
    }

    @Test
    void evictionsOfSoManyBeginningsAreToldApartAndNoMore() {
        Evictions evictions = new Evictions();
        for (int i = 0; i < 2_000; i++) {
            evictions.add(i + ":k", true);
            evictions.add(i + ":k", false);
        }
        assertEquals(2, evictions.of("999:"));
        assertEquals(0, evictions.of("1999:"));
    }
}
