package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheEvent.LoadFailed;
import dev.holdfast.cache.CachePolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is not the cache's own never holds a thread that its calls need, and sees nothing of other callers. */
class AsyncThreadsTest extends EngineFixture {
    private static final InheritableThreadLocal<String> INHERITED = new InheritableThreadLocal<>();
    private static final ThreadLocal<String> LOCAL = new ThreadLocal<>();

    private final CacheEngine<String, String> cache =
            open(CachePolicy.of(MINUTE).withMaxLoads(1_000));

    @AfterEach
    void forget() {
        INHERITED.remove();
    }

    private void chained(UnaryOperator<CompletableFuture<String>> nested) throws Exception {
        cache.put("k", "v");
        List<CompletableFuture<String>> all = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            all.add(cache.async()
                    .get("k")
                    .thenApply(value -> nested.apply(cache.async().get("k")).join()));
        }
        for (CompletableFuture<String> each : all) {
            assertEquals("v", result(each));
        }
    }

    @Test
    void whatIsChainedToAFutureMayWaitForAnother() throws Exception {
        chained(future -> future);
    }

    @Test
    void whatIsChainedToAFutureMayWaitForWhatIsChainedToAnother() throws Exception {
        chained(future -> future.thenApply(value -> value));
    }

    @Test
    void whatIsChainedAndBlocksStopsNoOtherCallAndTakesABoundedNumberOfThreads() throws Exception {
        cache.put("present", "v");
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch load = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        List<CompletableFuture<String>> all = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            all.add(cache.async()
                    .get("k", key -> {
                        loading.countDown();
                        await(load);
                        return "v";
                    })
                    .thenApply(value -> {
                        await(release);
                        return value;
                    }));
        }
        await(loading);
        until("all others wait", () -> cache.stats().joins() == 1_999);
        load.countDown();
        until("the load is over", () -> cache.loadsUnderWay() == 0);
        assertEquals("v", cache.async().get("present").get(20, TimeUnit.SECONDS));
        assertEquals("w", cache.async().get("another", key -> "w").get(20, TimeUnit.SECONDS));
        assertTrue(threads("holdfast-test") < 120, () -> threads("holdfast-test") + " threads");
        release.countDown();
        for (CompletableFuture<String> each : all) {
            assertEquals("v", result(each));
        }
    }

    @Test
    void slowBulkLoadsStopNoOtherCallAndEndWithTheCache() throws Exception {
        cache.put("present", "v");
        CountDownLatch loading = new CountDownLatch(80);
        List<CompletableFuture<Map<String, String>>> slow = new ArrayList<>();
        for (int i = 0; i < 80; i++) {
            slow.add(cache.async().getAll(List.of("k" + i), keys -> {
                loading.countDown();
                new CountDownLatch(1).await();
                return Map.of();
            }));
        }
        await(loading);
        assertEquals("v", cache.async().get("present").get(20, TimeUnit.SECONDS));
        cache.close();
        services.close();
        for (CompletableFuture<?> each : slow) {
            until("it ended", each::isDone);
        }
        until(
                "no thread for calls or loads is left",
                () -> threads("holdfast-test-load") + threads("holdfast-test-call") == 0);
    }

    private static long threads(String prefix) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith(prefix))
                .count();
    }

    @Test
    void noLoaderSeesWhatBelongsToTheCallerThatCameFirst() throws Exception {
        INHERITED.set("secret of request 1");
        assertEquals("v", result(cache.async().get("a", key -> "v")));
        assertNull(result(cache.async().get("b", key -> INHERITED.get())), "its own caller's does not follow either");
        assertNull(result(cache.async().getAll(List.of("c"), keys -> {
                    String seen = INHERITED.get();
                    return seen == null ? Map.of() : Map.of("c", seen);
                }))
                .get("c"));
        CountDownLatch chained = new CountDownLatch(1);
        CompletableFuture<String> later = cache.async()
                .get("d", key -> {
                    await(chained);
                    return "v";
                })
                .thenApply(value -> INHERITED.get());
        chained.countDown();
        assertNull(result(later), "nor does what is chained");
    }

    @Test
    void noLoaderSeesTheThreadLocalsOfAnEarlierLoad() throws Exception {
        for (int i = 0; i < 20; i++) {
            String key = "k" + i;
            assertNull(result(cache.async().get(key, unused -> {
                String seen = LOCAL.get();
                LOCAL.set("tenant 1");
                return seen;
            })));
            until("the load is over", () -> cache.loadsUnderWay() == 0);
        }
    }

    @Test
    void aLoaderThatIsToldOfByAListenerSharesNoThreadWithIt() {
        // Listeners have one thread, whatever they leave on it.
        List<String> seen = new ArrayList<>();
        INHERITED.set("secret of request 1");
        try (EngineServices listening =
                services(LoadFailed.class, event -> seen.add(String.valueOf(INHERITED.get())))) {
            CacheEngine<String, String> own = open("own", CachePolicy.of(MINUTE), listening);
            CompletableFuture<?> failing = own.async().get("k", key -> {
                throw new Exception("fails");
            });
            until("it failed", failing::isCompletedExceptionally);
            until("the listener was told", () -> !seen.isEmpty());
            assertEquals(List.of("null"), seen);
        }
    }
}
