package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.FlakyStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A second server that clients share holds what others stored there in their outages: it begins each client's own empty. */
class SharedLowerServerTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final FailoverConfig CONFIG = FailoverConfig.DEFAULT
            .withGracePeriod(Duration.ofMillis(100))
            .withHealthCheckInterval(Duration.ofSeconds(1));
    private static final long OLD_MILLIS = 10_000;
    /** More than clocks may differ by. */
    private static final long BEYOND_THE_MARGIN = 1_100_000_000;

    private static RedisServer first;
    private static RedisServer second;

    private FailoverStore ours;
    private FailoverStore others;

    @BeforeAll
    static void startServers() {
        first = RedisServer.start();
        second = RedisServer.start();
    }

    @AfterAll
    static void stopServers() {
        first.close();
        second.close();
    }

    @BeforeEach
    void startClients() {
        first.command("FLUSHALL");
        second.command("FLUSHALL");
        ours = client();
        others = client();
    }

    @AfterEach
    void stopClients() {
        ours.close();
        others.close();
    }

    private static FailoverStore client() {
        return client(SingleStore.of(SingleConfig.of(first.url())), SingleStore.of(SingleConfig.of(second.url())));
    }

    private static FailoverStore client(CacheStore upper, CacheStore lower) {
        FailoverStore store = FailoverStore.builder()
                .config(CONFIG)
                .made(value -> ByteBuffer.wrap(value).getLong())
                .tier("first", upper)
                .tier("second", lower)
                .memoryTier("memory", () -> MemoryStore.builder().build())
                .build();
        store.start(Duration.ofSeconds(5));
        return store;
    }

    private static byte[] made(long ageMillis, int payload) {
        return ByteBuffer.allocate(12)
                .putLong(System.currentTimeMillis() - ageMillis)
                .putInt(payload)
                .array();
    }

    private static void passTheMargin() {
        long end = System.nanoTime() + BEYOND_THE_MARGIN;
        for (long left = BEYOND_THE_MARGIN; left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private static void outage(FailoverStore store) {
        store.forceFailover("first");
        assertEquals("second", store.tierName());
    }

    private static void back(FailoverStore store) {
        store.forceFailback();
        for (int i = 0; i < 2_000 && !store.tierName().equals("first"); i++) {
            LockSupport.parkNanos(5_000_000);
        }
        assertEquals("first", store.tierName());
    }

    @Test
    void whatAnotherClientStoredThereInItsOutageIsNotSeenInOursThoughWeRemovedItAbove() {
        outage(others);
        others.put("k", made(OLD_MILLIS, 1), TTL);
        back(others);
        ours.put("k", made(OLD_MILLIS / 2, 2), TTL);
        assertTrue(ours.remove("k"));

        outage(ours);

        assertNull(ours.get("k"));
        assertNull(ours.getShared("k"));
        assertEquals(Map.of(), ours.getAll(List.of("k")));
        assertFalse(ours.contains("k"));
        assertNull(ours.ttl("k"));
        assertFalse(ours.expire("k", TTL));
    }

    @Test
    void whatIsNotSeenCanNotBeReplacedAndDoesNotKeepAnythingOut() {
        byte[] old = made(OLD_MILLIS, 1);
        outage(others);
        others.put("k", old, TTL);
        outage(ours);

        assertFalse(ours.replace("k", old, made(0, 2), TTL));
        assertFalse(ours.remove("k", old));
        byte[] present = made(0, 3);
        assertTrue(ours.putIfAbsent("k", present, TTL));
        assertArrayEquals(present, ours.get("k"));
        assertFalse(ours.putIfAbsent("k", made(0, 4), TTL));
    }

    /** What is not seen keeps no load out, and what is seen does. */
    @Test
    void loadsAreStoredOverWhatIsNotSeen() {
        byte[] old = made(OLD_MILLIS, 1);
        outage(others);
        for (String key : List.of("one", "a", "b", "theirs")) {
            others.put(key, old, TTL);
        }
        outage(ours);
        byte[] theirs = made(0, 2);
        others.put("theirs", theirs, TTL);
        byte[] present = made(0, 3);

        assertFalse(ours.fill("one", old, present, TTL), "it can't have been seen here");
        assertTrue(ours.fill("one", null, present, TTL));
        assertArrayEquals(present, ours.get("one"));
        assertFalse(ours.fill("one", null, made(0, 4), TTL));
        Map<String, byte[]> loaded = Map.of("a", present, "b", present, "theirs", present, "absent", present);
        assertEquals(Set.of("theirs"), ours.fillAll(loaded, Map.of(), TTL));
        assertArrayEquals(present, ours.get("a"));
        assertArrayEquals(present, ours.get("b"));
        assertArrayEquals(theirs, ours.get("theirs"));
        byte[] tombstone = new byte[20];
        assertTrue(ours.removeLeaving("a", tombstone, TTL));
        ours.removeAllLeaving(List.of("b"), tombstone, TTL);
        assertEquals(2L, second.command("EXISTS", "a", "b"), "something is left");
    }

    @Test
    void whatIsMadeInAnOutageIsSharedByAllClients() {
        outage(ours);
        outage(others);
        byte[] present = made(0, 1);
        others.put("k", present, TTL);

        assertArrayEquals(present, ours.get("k"));
        assertTrue(ours.contains("k"));
        assertTrue(ours.expire("k", TTL));
    }

    @Test
    void eachOutageBeginsEmptyForTheSameClientToo() {
        outage(ours);
        ours.put("k", made(0, 1), TTL);
        assertTrue(ours.contains("k"));
        back(ours);
        passTheMargin();
        outage(ours);

        assertNull(ours.get("k"));
    }

    /** A call that the first server can't take, its pool being exhausted, say, goes to the second though the first serves. */
    @Test
    void norIsItSeenByACallThatPassesTheFirstServerBy() {
        FlakyStore busy = new FlakyStore(SingleStore.of(SingleConfig.of(first.url())), Duration.ofSeconds(3));
        try (FailoverStore client = client(busy, SingleStore.of(SingleConfig.of(second.url())))) {
            passTheMargin();
            outage(others);
            others.put("k", made(0, 1), TTL);
            client.put("k", made(0, 2), TTL);
            client.remove("k");
            passTheMargin();

            busy.fail(1, Reason.SATURATED, FlakyStore.Effect.NOT_SENT);
            assertNull(client.get("k"));
        }
    }

    @Test
    void whileCallsPassTheFirstServerByItsChangesAreFollowedBelow() {
        FlakyStore busy = new FlakyStore(SingleStore.of(SingleConfig.of(first.url())), Duration.ofSeconds(3));
        try (FailoverStore client = client(busy, SingleStore.of(SingleConfig.of(second.url())))) {
            outage(others);
            busy.fail(1, Reason.SATURATED, FlakyStore.Effect.NOT_SENT);
            assertNull(client.get("other"));
            others.put("k", made(0, 1), TTL);
            client.remove("k");

            busy.fail(1, Reason.SATURATED, FlakyStore.Effect.NOT_SENT);
            assertNull(client.get("k"));
        }
    }

    @Test
    void whatIsFoundBesideAFailureIsSeenLikeTheRest() {
        byte[] old = made(OLD_MILLIS, 1);
        byte[] present = made(0, 2);
        FlakyStore lower = new FlakyStore(MemoryStore.create(1 << 20), Duration.ofSeconds(3));
        try (FailoverStore client = client(SingleStore.of(SingleConfig.of(first.url())), lower)) {
            lower.put("old", old, TTL);
            outage(client);
            client.put("present", present, TTL);
            lower.failKeys("bad"::equals);

            Map<String, byte[]> found = client.getAll(List.of("old", "present", "bad"));
            assertEquals(Set.of("present"), found.keySet());
        }
    }

    @Test
    void whatDoesNotTellWhenItWasMadeIsSeen() {
        outage(others);
        byte[] timeless = ByteBuffer.allocate(8).putLong(Long.MAX_VALUE).array();
        others.put("k", timeless, TTL);
        outage(ours);

        assertArrayEquals(timeless, ours.get("k"));
    }
}
