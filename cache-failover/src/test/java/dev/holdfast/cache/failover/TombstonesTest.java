package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.FlakyStore;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a composite removes by itself leaves tombstones too, and what loads found is stored on a condition on every tier. */
class TombstonesTest {
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final Duration HALF_A_MINUTE = Duration.ofSeconds(30);
    private static final byte[] OLD = "old".getBytes(StandardCharsets.UTF_8);
    private static final byte[] NEW = "new".getBytes(StandardCharsets.UTF_8);
    private static final byte[] LIKE = tombstone(0);
    private static final FailoverConfig QUICK =
            FailoverConfig.DEFAULT.withGracePeriod(Duration.ZERO).withProbes(1);

    private final AtomicLong nonces = new AtomicLong();
    private final FlakyStore first = server();
    private final FlakyStore second = server();
    private final FailoverStore store = leaving(FailoverStore.builder()
                    .tier("first", first)
                    .tier("second", second)
                    .memoryTier("memory", () -> MemoryStore.create(1 << 20)))
            .build();

    private static FlakyStore server() {
        return new FlakyStore(MemoryStore.create(1 << 20), Duration.ofSeconds(3));
    }

    private FailoverBuilder leaving(FailoverBuilder builder) {
        return builder.config(QUICK).tombstones(() -> tombstone(nonces.incrementAndGet()), TombstonesTest::life);
    }

    private static @Nullable Duration life(String key) {
        return key.startsWith("c:") ? HALF_A_MINUTE : key.startsWith("d:") ? TTL : null;
    }

    private static byte[] tombstone(long nonce) {
        return ByteBuffer.allocate(12).putInt(42).putLong(nonce).array();
    }

    @AfterEach
    void close() {
        store.close();
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + 20_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                fail("waited 20 s in vain: " + what);
            }
            LockSupport.parkNanos(2_000_000);
        }
    }

    private TierHealth firstTier() {
        return store.health().tiers().get(0);
    }

    private static void assertTombstone(CacheStore where, String key, Duration atMost) {
        byte[] left = where.get(key);
        assertNotNull(left, key);
        assertTrue(CacheStore.isTombstone(left, LIKE), key);
        Duration ttl = where.ttl(key);
        assertNotNull(ttl);
        assertTrue(ttl.compareTo(atMost) <= 0 && ttl.compareTo(atMost.minusSeconds(20)) > 0, () -> key + " " + ttl);
    }

    @Test
    void whatATierHasMissedLeavesTombstonesThereWhereTheClientSaysSo() {
        List<String> keys = List.of("c:k", "c:l", "d:k", "raw");
        keys.forEach(key -> first.put(key, OLD, TTL));
        store.forceFailover("first");
        store.removeAll(keys);
        store.forceFailback();
        await(
                "the first tier serves and is clean",
                () -> firstTier().serving() && firstTier().dirtyKeys() == 0);

        assertTombstone(first, "c:k", HALF_A_MINUTE);
        assertTombstone(first, "c:l", HALF_A_MINUTE);
        assertTombstone(first, "d:k", TTL);
        assertNull(first.get("raw"));
        assertEquals(2, first.count("removeAllLeaving"));
        assertEquals(1, first.count("removeAll"));
    }

    /** Each key that could be removed is done with, and no other. */
    @Test
    void keysThatCouldNotBeRemovedAreRemovedLater() {
        List<String> keys = List.of("c:k", "c:bad", "d:k", "d:bad", "raw", "bad");
        keys.forEach(key -> first.put(key, OLD, TTL));
        store.forceFailover("first");
        store.removeAll(keys);
        first.failKeys(key -> key.endsWith("bad"));
        store.forceFailback();
        await("the first tier serves", () -> firstTier().serving());
        await(
                "what could be removed is",
                () -> store.get("c:other") == null && firstTier().dirtyKeys() <= 5);
        byte[] untouched = OLD;
        first.failKeys(key -> false);
        await("the rest is removed", () -> firstTier().dirtyKeys() == 0);
        for (String key : keys) {
            byte[] left = first.get(key);
            assertTrue(life(key) == null ? left == null : left != null && left != untouched, key);
        }
        assertTombstone(first, "c:bad", HALF_A_MINUTE);
        assertTombstone(first, "d:bad", TTL);
    }

    /** With no other tier a dirty key is removed where it is read. */
    @Test
    void aKeyThatIsRemovedToBeReadLeavesOneToo() {
        FlakyStore only = server();
        try (FailoverStore alone =
                leaving(FailoverStore.builder().tier("only", only)).build()) {
            only.put("c:k", OLD, TTL);
            only.put("raw", OLD, TTL);
            for (String key : List.of("c:k", "raw")) {
                only.fail(1, Reason.TIMEOUT, FlakyStore.Effect.LOST);
                try {
                    alone.put(key, NEW, TTL);
                } catch (RuntimeException e) {
                    assertTrue(e.getMessage() != null);
                }
            }
            byte[] read = alone.get("c:k");
            assertTrue(read != null && CacheStore.isTombstone(read, LIKE));
            assertNull(alone.get("raw"));
        }
    }

    @Test
    void aFillWhoseConditionIsFalseIsAnAnswerAndGoesToNoOtherTier() {
        first.put("c:k", OLD, TTL);

        assertFalse(store.fill("c:k", null, NEW, TTL));
        assertFalse(store.fill("c:k", NEW, NEW, TTL));
        assertEquals(Set.of("c:k"), store.fillAll(Map.of("c:k", NEW, "c:l", NEW), Map.of(), TTL));

        assertArrayEquals(OLD, store.get("c:k"));
        assertArrayEquals(NEW, store.get("c:l"));
        assertEquals(0, second.count("fill") + second.count("fillAll"));
        assertEquals(0, firstTier().dirtyKeys());
        assertTrue(firstTier().serving());
        assertTrue(store.fill("c:k", OLD, NEW, TTL));
        assertArrayEquals(NEW, store.get("c:k"));
    }

    @Test
    void aFillWhoseTierFailsGoesToTheNextWithItsCondition() {
        second.put("c:k", OLD, TTL);
        first.fail(2, Reason.CONNECTION, FlakyStore.Effect.NOT_SENT);
        assertFalse(store.fill("c:k", null, NEW, TTL));
        assertEquals(1, second.count("fill"));
        assertArrayEquals(OLD, second.get("c:k"));

        first.fail(2, Reason.CONNECTION, FlakyStore.Effect.NOT_SENT);
        assertEquals(Set.of("c:k"), store.fillAll(Map.of("c:k", NEW, "c:m", NEW), Map.of("c:k", NEW), TTL));
        assertArrayEquals(OLD, second.get("c:k"));
        assertArrayEquals(NEW, second.get("c:m"));
    }

    @Test
    void aRemovalLeavesOneOnTheTierThatServes() {
        first.put("c:k", OLD, TTL);
        assertTrue(store.removeLeaving("c:k", tombstone(7), TTL));
        assertFalse(store.removeLeaving("c:k", tombstone(8), TTL));
        assertArrayEquals(tombstone(8), first.get("c:k"));
        store.forceFailover("first");
        store.removeAllLeaving(List.of("c:k", "c:l"), tombstone(9), TTL);
        assertArrayEquals(tombstone(9), second.get("c:l"));
        store.forceFailover("second");
        assertFalse(store.removeLeaving("c:l", tombstone(10), TTL));
        assertNull(store.get("c:l"), "memory leaves nothing");
        assertNotEquals("first", store.tierName());
    }
}
