package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.Lookup;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** A change during a load wins: every change, over every kind of load, whether it loads or stores. */
class InvalidationTest extends EngineFixture {
    private static final Duration FIVE_MINUTES = Duration.ofMinutes(5);
    private static final CachePolicy SOFT = STALE.withLoadSoftTimeout(Duration.ofMillis(2));
    private static final CachePolicy AHEAD = STALE.withRefreshAhead(0.5);

    private final CacheEngine<String, String> cache = open(STALE);
    private final AtomicInteger names = new AtomicInteger();

    /** What the store holds before the load: "old", if anything. */
    private enum Before {
        NOTHING,
        FRESH,
        STALE
    }

    /** A change of the key, and the fresh value that is there after it. */
    private record Change(String name, Consumer<CacheEngine<String, String>> change, String left, boolean conditional) {
        static Change removal(String name, Consumer<CacheEngine<String, String>> change) {
            return new Change(name, change, null, false);
        }

        static Change write(String name, Consumer<CacheEngine<String, String>> change) {
            return new Change(name, change, "put", false);
        }

        static Change conditional(String name, Consumer<CacheEngine<String, String>> change) {
            return new Change(name, change, "put", true);
        }

        boolean removes() {
            return left == null && !name.contains("markStale");
        }

        boolean changesNothing(Before before) {
            return name.equals(before == Before.FRESH ? "putIfAbsent" : "replace");
        }
    }

    private static final List<Change> CHANGES = List.of(
            Change.removal("remove", cache -> cache.remove("k")),
            Change.removal("removeAll", cache -> cache.removeAll(List.of("x", "k"))),
            Change.removal("clear", CacheEngine::clear),
            Change.removal("markStale", cache -> cache.markStale("k")),
            Change.removal(
                    "remove, asynchronously", cache -> cache.async().remove("k").join()),
            Change.removal(
                    "removeAll, asynchronously",
                    cache -> cache.async().removeAll(List.of("k")).join()),
            Change.removal(
                    "clear, asynchronously", cache -> cache.async().clear().join()),
            Change.removal(
                    "markStale, asynchronously",
                    cache -> cache.async().markStale("k").join()),
            Change.write("put", cache -> cache.put("k", "put")),
            Change.write("putAll", cache -> cache.putAll(Map.of("k", "put"))),
            Change.conditional("putIfAbsent", cache -> cache.putIfAbsent("k", "put")),
            Change.conditional("replace", cache -> cache.replace("k", "old", "put")));

    /** A loader that says when it runs and ends, with "loaded", when it is let. */
    private static final class Held {
        final CountDownLatch loading = new CountDownLatch(1);
        final CountDownLatch release = new CountDownLatch(1);

        String load() {
            loading.countDown();
            while (true) {
                try {
                    release.await();
                    return "loaded";
                } catch (InterruptedException ignored) {
                    // As badly written loaders do.
                }
            }
        }

        CacheLoader<String, String> single() {
            return key -> load();
        }

        BulkCacheLoader<String, String> bulk() {
            return keys -> Map.of("k", load());
        }

        CacheLoader<String, String> adaptive() {
            return CacheLoader.adaptive((key, context) -> {
                context.ttl(HOUR);
                context.etag("e");
                return load();
            });
        }

        CacheLoader<String, String> notModified() {
            return CacheLoader.adaptive((key, context) -> {
                load();
                return context.notModified();
            });
        }
    }

    private interface Starter {
        Future<?> start(CacheEngine<String, String> cache, Held held) throws Exception;
    }

    /** A way in which loads come about. */
    private record Kind(String name, Before before, Starter starter) {}

    private List<Kind> kinds() {
        List<String> both = List.of("j", "k");
        return List.of(
                new Kind("get", Before.NOTHING, (c, held) -> start(() -> c.get("k", held.single()))),
                new Kind("asynchronous get", Before.NOTHING, (c, held) -> c.async()
                        .get("k", held.single())),
                new Kind("refresh", Before.FRESH, (c, held) -> start(() -> c.refresh("k", held.single()))),
                new Kind("asynchronous refresh", Before.FRESH, (c, held) -> c.async()
                        .refresh("k", held.single())),
                new Kind("bulk load", Before.NOTHING, (c, held) -> start(() -> c.getAll(both, held.bulk()))),
                new Kind("asynchronous bulk load", Before.NOTHING, (c, held) -> c.async()
                        .getAll(both, held.bulk())),
                new Kind(
                        "load that its caller left",
                        Before.STALE,
                        (c, held) -> start(() -> c.get("k", held.single(), SOFT))),
                new Kind(
                        "bulk load that its caller left",
                        Before.STALE,
                        (c, held) -> start(() -> c.getAll(List.of("k"), held.bulk(), SOFT))),
                new Kind("refresh ahead", Before.FRESH, (c, held) -> start(() -> c.get("k", held.single(), AHEAD))),
                new Kind("adaptive load", Before.STALE, (c, held) -> start(() -> c.get("k", held.adaptive()))),
                new Kind(
                        "load that finds nothing modified",
                        Before.STALE,
                        (c, held) -> start(() -> c.get("k", held.notModified()))),
                new Kind(
                        "refresh ahead that finds nothing modified",
                        Before.FRESH,
                        (c, held) -> start(() -> c.get("k", held.notModified(), AHEAD))),
                new Kind("load that was taken over", Before.NOTHING, this::takenOver),
                new Kind("load that is late", Before.NOTHING, this::late));
    }

    private Future<?> takenOver(CacheEngine<String, String> own, Held held) throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        AtomicReference<Thread> first = new AtomicReference<>();
        Future<?> interrupted = start(() -> {
            first.set(Thread.currentThread());
            return assertThrows(
                    CacheInterruptedException.class,
                    () -> own.get("k", key -> {
                        loading.countDown();
                        new CountDownLatch(1).await();
                        return "never";
                    }));
        });
        await(loading);
        Future<?> second = start(() -> own.get("k", held.single()));
        until("the second waits", () -> own.stats().joins() == 1);
        first.get().interrupt();
        result(interrupted);
        return second;
    }

    private Future<?> late(CacheEngine<String, String> own, Held held) {
        Future<?> caller = start(() -> own.get("k", held.single()));
        await(held.loading);
        time.advance(own.policy().loadTimeout());
        until("the lease is over", () -> own.stats().leasesExpired() == 1);
        return caller;
    }

    @TestFactory
    Stream<DynamicTest> aChangeDuringALoadLeavesNothingOfIt() {
        return kinds().stream().flatMap(kind -> CHANGES.stream()
                .map(change -> DynamicTest.dynamicTest(
                        change.name + " during a " + kind.name, () -> duringLoad(kind, change))));
    }

    /** A load that is being stored is waited for, since two connections keep no order. */
    @TestFactory
    Stream<DynamicTest> aChangeWhileALoadIsStoredLeavesNothingOfIt() {
        return kinds().stream().flatMap(kind -> CHANGES.stream()
                .filter(change -> !change.conditional)
                .map(change -> DynamicTest.dynamicTest(
                        change.name + " while a " + kind.name + " is stored", () -> duringStore(kind, change))));
    }

    private CacheEngine<String, String> holding(Before before) {
        CacheEngine<String, String> own = open("c" + names.incrementAndGet(), STALE, services);
        if (before != Before.NOTHING) {
            own.put("k", "old");
            time.advance(before == Before.STALE ? FIVE_MINUTES : MINUTE.multipliedBy(4));
        }
        return own;
    }

    private void duringLoad(Kind kind, Change change) throws Exception {
        CacheEngine<String, String> own = holding(kind.before);
        Held held = new Held();
        Future<?> caller = kind.starter.start(own, held);
        await(held.loading);
        change.change.accept(own);
        held.release.countDown();
        result(caller);
        until("the load is over", () -> own.loadsUnderWay() == 0);
        if (change.changesNothing(kind.before)) {
            assertEquals(kind.name.contains("modified") ? "old" : "loaded", own.get("k"), "as good as before");
            return;
        }
        assertEquals(change.left, own.get("k"));
        assertNotEquals("loaded", own.lookup("k").value());
        if (change.removes()) {
            assertEquals(Lookup.State.ABSENT, own.lookup("k").state());
        }
    }

    private void duringStore(Kind kind, Change change) throws Exception {
        CacheEngine<String, String> own = holding(kind.before);
        CountDownLatch storing = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        store.before = operation -> {
            boolean stores = kind.name.endsWith("refresh")
                    ? List.of("put", "replace", "putIfAbsent").contains(operation)
                    : operation.startsWith("fill");
            if (stores && storing.getCount() == 1) {
                storing.countDown();
                await(release);
            }
        };
        try {
            Held held = new Held();
            Future<?> caller = kind.starter.start(own, held);
            held.release.countDown();
            await(storing);
            Future<?> changed = start(() -> {
                change.change.accept(own);
                return null;
            });
            until("the change has begun", () -> own.changesUnderWay() > 0 || changed.isDone());
            assertFalse(changed.isDone());
            release.countDown();
            result(changed);
            result(caller);
        } finally {
            store.before = operation -> {};
        }
        until("the load is over", () -> own.loadsUnderWay() == 0);
        assertEquals(change.left, own.get("k"));
        if (change.removes()) {
            assertEquals(Lookup.State.ABSENT, own.lookup("k").state());
        }
    }

    @Test
    void whoComesAfterAChangeDoesNotJoinTheLoadFromBefore() throws Exception {
        Held held = new Held();
        Future<String> caller = start(() -> cache.get("k", held.single()));
        await(held.loading);
        cache.remove("k");
        CompletableFuture<String> later = cache.async().get("k", key -> "loaded after");
        assertEquals("loaded after", result(later));
        held.release.countDown();
        assertEquals("loaded", result(caller), "its own callers get the value");
        until("the loads are over", () -> cache.loadsUnderWay() == 0);
        assertEquals("loaded after", cache.get("k"));
    }

    @Test
    void aLoadThatBeginsDuringARemovalIsNotStored() throws Exception {
        CountDownLatch removing = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        store.before = operation -> {
            if (operation.startsWith("remove")) {
                removing.countDown();
                await(release);
            }
        };
        Future<Boolean> removal = start(() -> cache.remove("k"));
        await(removing);
        assertEquals("v", cache.get("k", key -> "v"));
        release.countDown();
        assertFalse(result(removal));
        assertNull(cache.get("k"));
        assertEquals(1, cache.stats().notStored());
    }

    @Test
    void norIsOneThatEndsAfterIt() throws Exception {
        CountDownLatch removing = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        store.before = operation -> {
            if (operation.startsWith("remove")) {
                removing.countDown();
                await(release);
            }
        };
        Future<Boolean> removal = start(() -> cache.remove("k"));
        await(removing);
        Held held = new Held();
        Future<String> caller = start(() -> cache.get("k", held.single()));
        await(held.loading);
        release.countDown();
        result(removal);
        held.release.countDown();
        assertEquals("loaded", result(caller));
        assertNull(cache.get("k"));
    }

    @Test
    void aRemovalInsideTheLoaderOfTheKeyItselfWins() {
        assertEquals("v", cache.get("k", key -> {
            cache.remove(key);
            return "v";
        }));
        assertNull(cache.get("k"));
    }

    /** What a caller saw in the store before the removal must not be stored again after it, as not modified. */
    @TestFactory
    Stream<DynamicTest> aRemovalBetweenACallersLookAndItsLoadLeavesNothing() {
        CacheLoader<String, String> conditional = CacheLoader.adaptive(
                (key, context) -> context.lastValue() == null ? "loaded after" : context.notModified());
        return Stream.of(
                DynamicTest.dynamicTest(
                        "get", () -> changedInBetween(Before.STALE, own -> own.get("k", conditional), "loaded after")),
                DynamicTest.dynamicTest(
                        "refresh",
                        () -> changedInBetween(Before.FRESH, own -> own.refresh("k", conditional), "loaded after")),
                DynamicTest.dynamicTest(
                        "refresh ahead",
                        () -> changedInBetween(Before.FRESH, own -> own.get("k", conditional, AHEAD), null)));
    }

    private void changedInBetween(Before before, Consumer<CacheEngine<String, String>> read, String left) {
        CacheEngine<String, String> own = holding(before);
        store.after = operation -> {
            if (operation.equals("get")) {
                store.after = unused -> {};
                own.remove("k");
            }
        };
        read.accept(own);
        until("no load is under way", () -> own.loadsUnderWay() == 0);
        assertEquals(left, own.get("k"));
    }

    @Test
    void whoeverMissesLooksAgainIfTheKeyWasPutMeanwhile() {
        store.after = operation -> {
            if (operation.equals("get")) {
                store.after = unused -> {};
                cache.put("k", "put");
            }
        };
        assertEquals("put", cache.get("k", key -> "not called"));
        assertEquals(0, cache.stats().loads());
    }

    @Test
    void aRemovalWinsOverALateLoadBehindTheOneUnderWay() throws Exception {
        Held first = new Held();
        Held second = new Held();
        Future<?> late = late(cache, first);
        Future<?> underWay = start(() -> cache.get("k", second.single()));
        await(second.loading);
        cache.remove("k");
        first.release.countDown();
        result(late);
        assertNull(cache.get("k"));
        second.release.countDown();
        result(underWay);
        assertNull(cache.get("k"));
        assertEquals(0, cache.loadsUnderWay());
    }

    @Test
    void noChangeIsAcknowledgedWhileALoadHangsInItsStore() throws Exception {
        CountDownLatch storing = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        store.before = operation -> {
            if (operation.equals("fill")) {
                storing.countDown();
                await(release);
            }
        };
        Future<String> caller = start(() -> cache.get("k", key -> "v"));
        await(storing);
        assertThrows(CacheTimeoutException.class, () -> cache.remove("k"));
        assertThrows(CacheTimeoutException.class, () -> cache.remove("k"), "nor the next");
        release.countDown();
        assertEquals("v", result(caller));
        assertEquals(Lookup.State.ABSENT, cache.lookup("k").state(), "who stored it has removed it");
        assertEquals(0, cache.loadsUnderWay());
        assertFalse(cache.remove("k"));
    }

    @Test
    void whatALoadFindsAfterItsCacheWasClosedIsNotStored() throws Exception {
        Held held = new Held();
        Future<String> caller = start(() -> cache.get("k", held.single()));
        await(held.loading);
        cache.close();
        CacheEngine<String, String> successor = open(STALE);
        successor.remove("k");
        held.release.countDown();
        assertEquals("loaded", result(caller));
        assertNull(successor.get("k"));
    }
}
