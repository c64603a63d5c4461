package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CachePolicy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.slf4j.MDC;

/** The view that returns at once. */
class AsyncTest extends EngineFixture {
    private final CacheEngine<String, String> cache = open(CachePolicy.of(MINUTE));

    @Test
    void everyOperationHasItsResult() throws Exception {
        result(cache.async().put("k", "v"));
        assertEquals("v", result(cache.async().get("k")));
        assertTrue(result(cache.async().contains("k")));
        assertTrue(result(cache.async().replace("k", "v", "w")));
        assertFalse(result(cache.async().putIfAbsent("k", "x")));
        assertEquals("w", result(cache.async().lookup("k")).value());
        assertEquals("new", result(cache.async().refresh("k", key -> "new")));
        assertTrue(result(cache.async().markStale("k")));
        assertTrue(result(cache.async().remove("k")));
        result(cache.async().putAll(Map.of("a", "1", "b", "2")));
        result(cache.async().removeAll(List.of("a")));
        assertEquals(Map.of("b", "2"), result(cache.async().getAll(List.of("a", "b"))));
        result(cache.async().clear());
        assertFalse(result(cache.async().contains("b")));
    }

    @Test
    void aFailureIsThatOfTheBlockingCall() {
        CompletableFuture<String> failed = cache.async().get("k", key -> {
            throw new Exception("fails");
        });
        ExecutionException thrown = assertThrows(ExecutionException.class, () -> result(failed));
        assertInstanceOf(CacheLoadException.class, thrown.getCause());
        assertThrows(NullPointerException.class, () -> cache.async().get(null));
    }

    @Test
    void aCallReturnsBeforeTheStoreAnswers() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        store.before = operation -> await(release);
        CompletableFuture<String> pending = cache.async().get("k", key -> "v");
        assertFalse(pending.isDone());
        release.countDown();
        assertEquals("v", result(pending));
    }

    @Test
    void aLoadGoesOnForACallerThatGaveUpOnACopyOfItsFuture() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        CompletableFuture<String> load = cache.async().get("k", key -> {
            loading.countDown();
            await(release);
            return "v";
        });
        await(loading);
        CompletableFuture<String> copy = load.copy();
        assertTrue(copy.complete("later"));
        assertEquals("later", result(copy));
        assertFalse(load.isDone());
        release.countDown();
        assertEquals("v", result(load));
        until("the value is stored", () -> "v".equals(cache.get("k")));
    }

    @Test
    void whatTheCallersThreadCarriesIsThereInTheBackground() throws Exception {
        ThreadLocal<String> tenant = new ThreadLocal<>();
        EngineServices carrying = services(
                List.of(task -> {
                    String captured = tenant.get();
                    return () -> {
                        tenant.set(captured);
                        try {
                            task.run();
                        } finally {
                            tenant.remove();
                        }
                    };
                }),
                time,
                time);
        CacheEngine<String, String> own = open("own", STALE, carrying);
        tenant.set("blue");
        assertEquals("blue", result(own.async().get("k", key -> tenant.get())));
        until("it is stored, which its caller does not wait for", () -> own.loadsUnderWay() == 0);
        time.advance(MINUTE.multipliedBy(5));
        tenant.set("red");
        AtomicReference<String> seen = new AtomicReference<>();
        own.get(
                "k",
                key -> {
                    seen.set(tenant.get());
                    return "v";
                },
                STALE.withLoadSoftTimeout(Duration.ofSeconds(20)));
        assertEquals("red", seen.get());
        carrying.close();
    }

    @Test
    void closingEndsLoadsInTheBackground() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CompletableFuture<String> pending = cache.async().get("k", key -> {
            loading.countDown();
            new CountDownLatch(1).await();
            return "never";
        });
        await(loading);
        cache.close();
        assertThrows(ExecutionException.class, () -> result(pending));
    }

    @Test
    void aTimeoutOfTheCallersLeavesTheLoad() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        CompletableFuture<String> pending = cache.async().get("k", key -> {
            loading.countDown();
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                interrupted.countDown();
            }
            return "never";
        });
        await(loading);
        pending.orTimeout(5, java.util.concurrent.TimeUnit.MILLISECONDS);
        await(interrupted);
    }

    /** Nobody waits for it, so nobody would see that it is missing, until the value expires. */
    @Test
    void whatIsReadLateIsRefreshedAhead() throws Exception {
        CacheEngine<String, String> own = open("ahead", STALE.withRefreshAhead(0.5), services);
        own.putAll(Map.of("k", "old", "l", "old", "m", "old"));
        time.advance(MINUTE.multipliedBy(4));
        MDC.put("request", "new");
        assertEquals("old", result(own.async().get("k", key -> MDC.get("request"))));
        until("one is refreshed", () -> "new".equals(own.get("k")));
        assertEquals(
                Map.of("l", "old", "m", "old"),
                result(own.async().getAll(List.of("l", "m"), keys -> Map.of("l", "newer", "m", "newer"))));
        until("so are several", () -> Map.of("l", "newer", "m", "newer").equals(own.getAll(List.of("l", "m"))));
        MDC.clear();
    }

    @Test
    void theCallersMdcIsThereInTheBackground() throws Exception {
        CacheEngine<String, String> own = open("own", STALE.withRefreshAhead(0.5), services);
        MDC.put("request", "one");
        assertEquals("one", result(own.async().get("k", key -> MDC.get("request"))));
        until("it is stored, which its caller does not wait for", () -> own.loadsUnderWay() == 0);

        MDC.put("request", "two");
        time.advance(MINUTE.multipliedBy(4));
        assertEquals("one", own.get("k", key -> MDC.get("request")), "refreshed ahead");
        until("the refresh is stored", () -> "two".equals(own.get("k")));
        until("and put away", () -> own.loadsUnderWay() == 0);

        MDC.put("request", "three");
        time.advance(MINUTE.multipliedBy(5));
        CachePolicy soft = STALE.withLoadSoftTimeout(Duration.ofSeconds(20));
        assertEquals("three", own.get("k", key -> MDC.get("request"), soft));

        MDC.clear();
        assertNull(result(own.async().get("other", key -> MDC.get("request"))), "nothing is left of it on the thread");
    }
}
