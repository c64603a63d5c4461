package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.FlakyStore;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is promised of changes and reads holds for every operation of a store, not only for those that come to mind. */
class EveryOperationTest {
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final byte[] OLD = "old".getBytes(StandardCharsets.UTF_8);
    private static final byte[] NEW = "new".getBytes(StandardCharsets.UTF_8);
    private static final byte[] GONE = "gone 12345678".getBytes(StandardCharsets.UTF_8);

    /** An operation by its method's name, on the key {@code c:k}, and what the key holds after it, where it held {@code old}. */
    record Change(
            String method,
            Consumer<CacheStore> operation,
            @Nullable String after) {
        @Override
        public String toString() {
            return method;
        }
    }

    private final CacheStore server = MemoryStore.create(1 << 20);
    private final FlakyStore flaky = new FlakyStore(server, Duration.ofSeconds(3));
    private final Seam first = new Seam(flaky);
    private final CacheStore second = MemoryStore.create(1 << 20);
    private final FailoverStore store = FailoverStore.builder()
            .tier("first", first.store)
            .tier("second", new FlakyStore(second, Duration.ofSeconds(3)))
            .memoryTier("memory", () -> MemoryStore.create(1 << 20))
            .config(FailoverConfig.DEFAULT.withGracePeriod(Duration.ZERO).withProbes(1))
            .build();

    static Stream<Change> repeatable() {
        return Stream.of(
                new Change("put", each -> each.put("c:k", NEW, TTL), "new"),
                new Change("putAll", each -> each.putAll(Map.of("c:k", NEW, "c:l", NEW), TTL), "new"),
                new Change("expire", each -> each.expire("c:k", Duration.ofMinutes(1)), "old"),
                new Change("remove", each -> each.remove("c:k"), null),
                new Change("removeAll", each -> each.removeAll(List.of("c:k", "c:l")), null),
                new Change("removeLeaving", each -> each.removeLeaving("c:k", GONE, TTL), "gone 12345678"),
                new Change(
                        "removeAllLeaving",
                        each -> each.removeAllLeaving(List.of("c:k", "c:l"), GONE, TTL),
                        "gone 12345678"),
                new Change("removeByPrefix", each -> each.removeByPrefix("c:"), null));
    }

    static Stream<Change> changes() {
        return Stream.concat(
                repeatable(),
                Stream.of(
                        new Change("putIfAbsent", each -> each.putIfAbsent("c:k", NEW, TTL), "new"),
                        new Change("replace", each -> each.replace("c:k", OLD, NEW, TTL), "new"),
                        new Change("remove", each -> each.remove("c:k", OLD), null)));
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

    private static @Nullable String text(byte @Nullable [] value) {
        return value == null ? null : new String(value, StandardCharsets.UTF_8);
    }

    private TierHealth firstTier() {
        return store.health().tiers().get(0);
    }

    /** Killed right after the change and before the next canary, a server comes back from a snapshot that is older. */
    @ParameterizedTest
    @MethodSource("changes")
    void aChangeThatAServerHasForgottenStaysWhateverItWas(Change change) {
        // Not through the composite, for which that would be a change of its own.
        if (!change.method().equals("putIfAbsent")) {
            server.put("c:k", OLD, TTL);
        }
        noCanaryFollows();
        change.operation().accept(store);
        assertEquals(change.after(), text(store.get("c:k")));
        forget();
        assertNull(store.get("c:k"), "what the server had forgotten came back");
    }

    /** Of a call with several keys, those that are not refused are changed. */
    @Test
    void aChangeBesideARefusedKeyThatAServerHasForgottenStays() {
        server.put("c:k", OLD, TTL);
        noCanaryFollows();
        first.onNextAnswer("putAll", () -> {
            throw new CacheRejectedException("c:large is too large");
        });
        assertThrows(CacheRejectedException.class, () -> store.putAll(Map.of("c:k", NEW, "c:large", NEW), TTL));
        assertEquals("new", text(store.get("c:k")));
        forget();
        assertNull(store.get("c:k"), "what the server had forgotten came back");
    }

    /**
     * Has no canary be acknowledged after what is changed from now on. A probe that a slow call brings about between a change and the kill would otherwise
     * write one, which the snapshot would have to hold with the change before it.
     */
    private void noCanaryFollows() {
        first.answer("probe", () -> {
            ProbeResult probed = flaky.probe(Duration.ofSeconds(1));
            return new ProbeResult(probed.writable(), probed.wentBack(), false);
        });
    }

    /** The first server is killed, comes back from a snapshot that is older than everything, and serves again. */
    private void forget() {
        flaky.kill();
        await("the first tier is out", () -> {
            store.get("c:other");
            return !firstTier().serving();
        });
        first.answerNoMore("probe");
        server.put("c:k", "older".getBytes(StandardCharsets.UTF_8), TTL);
        flaky.heal();
        await(
                "the first tier serves",
                () -> firstTier().serving() && firstTier().dirtyKeys() == 0);
    }

    /** The route changes between a server's answer and its caller, as when a thread loses its processor there. */
    @ParameterizedTest
    @MethodSource("repeatable")
    void aChangeThatEndsAfterARouteChangeIsMadeWhereItsKeyBelongsThen(Change change) {
        store.put("c:k", OLD, TTL);
        second.put("c:k", OLD, TTL);
        first.onNextAnswer(change.method(), () -> store.forceFailover("first"));

        change.operation().accept(store);

        String there = text(store.get("c:k"));
        assertTrue(there == null || there.equals(change.after()), "the second tier answers " + there);
        assertNotEquals("first", serving());
        store.forceFailback();
        await(
                "the first tier serves",
                () -> firstTier().serving() && firstTier().dirtyKeys() == 0);
        String back = text(store.get("c:k"));
        assertTrue(back == null || back.equals(change.after()), "the first tier answers " + back);
    }

    @ParameterizedTest
    @MethodSource("conditional")
    void aConditionalChangeThatEndsAfterARouteChangeIsForgottenWhereItWent(Change change) {
        first.onNextAnswer(change.method(), () -> store.forceFailover("first"));

        change.operation().accept(store);

        assertNull(store.get("c:k"));
        store.forceFailback();
        await(
                "the first tier serves",
                () -> firstTier().serving() && firstTier().dirtyKeys() == 0);
        assertNull(store.get("c:k"), "a value that was not announced to the tier that served");
    }

    static Stream<Change> conditional() {
        return Stream.of(
                new Change("putIfAbsent", each -> each.putIfAbsent("c:k", NEW, TTL), "new"),
                new Change("fill", each -> each.fill("c:k", NEW, TTL), "new"),
                new Change("fillAll", each -> each.fillAll(Map.of("c:k", NEW), TTL), "new"),
                new Change("fill", each -> each.fill("c:k", null, NEW, TTL), "new"),
                new Change("fillAll", each -> each.fillAll(Map.of("c:k", NEW), Map.of(), TTL), "new"));
    }

    static Stream<Change> reads() {
        return Stream.of(
                new Change("get", each -> assertNull(each.get("c:k")), null),
                new Change("getShared", each -> assertNull(each.getShared("c:k")), null),
                new Change(
                        "getAll",
                        each -> assertTrue(each.getAll(List.of("c:k", "c:l")).isEmpty()),
                        null),
                new Change("contains", each -> assertTrue(!each.contains("c:k")), null),
                new Change("ttl", each -> assertNull(each.ttl("c:k")), null));
    }

    /** What was removed on the second tier after the first answered must not be returned by a read that began before. */
    @ParameterizedTest
    @MethodSource("reads")
    void aReadThatEndsAfterARouteChangeIsMadeWhereItsKeyBelongsThen(Change read) {
        store.put("c:k", OLD, TTL);
        first.onNextAnswer(read.method(), () -> {
            store.forceFailover("first");
            store.remove("c:k");
        });

        read.operation().accept(store);
    }

    /** This process stood still, or a server took all of a call's time. */
    @ParameterizedTest
    @MethodSource("reads")
    void aReadWhoseTimeIsUpIsAnsweredByTheMemory(Change read) {
        Seam slow = new Seam(new FlakyStore(server, Duration.ofMillis(50)));
        slow.fail(read.method(), () -> {
            LockSupport.parkNanos(150_000_000);
            return new CacheTimeoutException("no answer in time", null, false);
        });
        try (FailoverStore hasty = FailoverStore.builder()
                .tier("first", slow.store)
                .memoryTier("memory", () -> MemoryStore.create(1 << 20))
                .build()) {
            read.operation().accept(hasty.within(Duration.ofMillis(100)));
        }
        assertTrue(slow.thrown(read.method()) > 0, "it was not asked");
    }

    private String serving() {
        return store.health().tiers().stream()
                .filter(TierHealth::serving)
                .map(TierHealth::name)
                .findFirst()
                .orElse("none");
    }
}
