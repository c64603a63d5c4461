package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CachePolicy;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** A change during a load wins. */
class InvalidationTest extends EngineFixture {
    private final CacheEngine<String, String> cache = open(CachePolicy.of(MINUTE));

    /** What changes the key, and what is there afterwards. */
    private record Change(String name, Consumer<CacheEngine<String, String>> change, String left) {}

    private static final List<Change> CHANGES = List.of(
            new Change("remove", cache -> cache.remove("k"), null),
            new Change("removeAll", cache -> cache.removeAll(List.of("x", "k")), null),
            new Change("clear", CacheEngine::clear, null),
            new Change("put", cache -> cache.put("k", "put"), "put"),
            new Change("putAll", cache -> cache.putAll(Map.of("k", "put")), "put"),
            new Change("putIfAbsent", cache -> cache.putIfAbsent("k", "put"), "put"),
            new Change(
                    "remove, asynchronously", cache -> cache.async().remove("k").join(), null));

    @TestFactory
    Stream<DynamicTest> aChangeDuringALoadLeavesNothingOfIt() {
        return CHANGES.stream()
                .flatMap(change -> Stream.of(
                        DynamicTest.dynamicTest(change.name + " during a load", () -> duringLoad(change, false)),
                        DynamicTest.dynamicTest(
                                change.name + " during a load in the background", () -> duringLoad(change, true)),
                        DynamicTest.dynamicTest(change.name + " during a bulk load", () -> duringBulk(change)),
                        DynamicTest.dynamicTest(change.name + " during a store", () -> duringStore(change))));
    }

    private void duringLoad(Change change, boolean background) throws Exception {
        store.before = operation -> {};
        cache.clear();
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> caller = background
                ? cache.async().get("k", key -> held(loading, release))
                : start(() -> cache.get("k", key -> held(loading, release)));
        await(loading);
        change.change.accept(cache);
        CompletableFuture<String> later = cache.async().get("k", key -> "loaded after");
        assertEquals(change.left == null ? "loaded after" : change.left, result(later), "later callers don't join");
        change.change.accept(cache);
        release.countDown();
        assertEquals("from before", result(caller), "its own callers get the value");
        until("the load is over", () -> cache.loadsUnderWay() == 0);
        assertEquals(change.left, cache.get("k"));
    }

    private static String held(CountDownLatch loading, CountDownLatch release) {
        loading.countDown();
        await(release);
        return "from before";
    }

    private void duringBulk(Change change) throws Exception {
        cache.clear();
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<Map<String, String>> caller = start(() -> cache.getAll(List.of("j", "k"), keys -> {
            held(loading, release);
            return Map.of("j", "from before", "k", "from before");
        }));
        await(loading);
        change.change.accept(cache);
        release.countDown();
        assertEquals(Map.of("j", "from before", "k", "from before"), result(caller));
        until("the load is over", () -> cache.loadsUnderWay() == 0);
        assertEquals(change.left, cache.get("k"));
    }

    /** A load that is being stored is waited for, since two connections keep no order. */
    private void duringStore(Change change) throws Exception {
        cache.clear();
        CountDownLatch storing = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        store.before = operation -> {
            if (operation.equals("fill")) {
                storing.countDown();
                await(release);
            }
        };
        Future<String> caller = start(() -> cache.get("k", key -> "from before"));
        await(storing);
        Future<?> changed = start(() -> {
            change.change.accept(cache);
            return null;
        });
        until("the change has marked the load", () -> cache.changesUnderWay() > 0 || changed.isDone());
        assertFalse(changed.isDone());
        release.countDown();
        result(changed);
        assertEquals("from before", result(caller));
        // putIfAbsent found the load's value in the store, and lost.
        String left = change.name.equals("putIfAbsent") ? "from before" : change.left;
        assertEquals(left, cache.get("k"));
        store.before = operation -> {};
    }

    @Test
    void aLoadThatBeginsDuringARemovalIsNotStored() throws Exception {
        CountDownLatch removing = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        store.before = operation -> {
            if (operation.equals("remove")) {
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
    void aRemovalInsideTheLoaderOfTheKeyItselfWins() {
        assertEquals("v", cache.get("k", key -> {
            cache.remove(key);
            return "v";
        }));
        assertNull(cache.get("k"));
    }

    @Test
    void markStaleDuringALoadWins() throws Exception {
        CacheEngine<String, String> stale = open("s", STALE, services);
        stale.put("k", "first");
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> refresh = start(() -> stale.refresh("k", key -> held(loading, release)));
        await(loading);
        assertTrue(stale.markStale("k"));
        release.countDown();
        result(refresh);
        AtomicInteger calls = new AtomicInteger();
        assertEquals("new", stale.get("k", key -> {
            calls.incrementAndGet();
            return "new";
        }));
        assertEquals(1, calls.get());
    }
}
