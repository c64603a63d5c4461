package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CachePolicy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Closing leaves nobody waiting. */
class ClosingTest extends EngineFixture {

    @Test
    void closingFreesWhoeverWaitsForALoadInWhateverWay() throws Exception {
        EngineServices own = services();
        CacheEngine<String, String> cache = open("closing", CachePolicy.of(MINUTE), own);
        CountDownLatch loading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Future<String> loader = start(() -> cache.get("k", key -> {
            loading.countDown();
            await(release);
            return "v";
        }));
        await(loading);
        List<Future<?>> waiting = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            waiting.add(start(() -> cache.get("k", key -> "not called")));
            waiting.add(cache.async().get("k", key -> "not called"));
            waiting.add(start(() -> cache.getAll(List.of("k"), keys -> Map.of())));
            waiting.add(cache.async().getAll(List.of("k"), keys -> Map.of()));
        }
        until("all have joined", () -> cache.stats().joins() == 80);
        cache.close();
        own.close();
        for (Future<?> each : waiting) {
            assertThrows(ExecutionException.class, () -> each.get(10, TimeUnit.SECONDS));
        }
        release.countDown();
        assertEquals("v", result(loader), "its own thread loads it");
    }

    @Test
    void aLeaseEndsAfterTheClientWasClosed() throws Exception {
        EngineServices own = services();
        CacheEngine<String, String> cache = open("closed", CachePolicy.of(MINUTE), own);
        CountDownLatch loading = new CountDownLatch(1);
        Future<?> hung = start(() -> assertThrows(
                CacheLoadException.class,
                () -> cache.get("k", key -> {
                    loading.countDown();
                    new CountDownLatch(1).await();
                    return "never";
                })));
        await(loading);
        cache.close();
        own.close();
        time.advance(cache.policy().loadTimeout());
        assertEquals(CacheLoadException.class, hung.get(10, TimeUnit.SECONDS).getClass());
    }

    @Test
    void aCallThatRacesClosingFailsAsOneOfAClosedCache() throws Exception {
        for (int round = 0; round < 200; round++) {
            EngineServices own = services();
            CachePolicy soft = STALE.withLoadSoftTimeout(Duration.ofMillis(1));
            CacheEngine<String, String> cache = open("race" + round, soft, own);
            cache.put("k", "v");
            time.advance(MINUTE.multipliedBy(5));
            CountDownLatch go = new CountDownLatch(1);
            Future<String> caller = start(() -> {
                await(go);
                return cache.get("k", key -> "new");
            });
            CompletableFuture<String> later = new CompletableFuture<>();
            Future<?> closer = start(() -> {
                await(go);
                cache.close();
                own.close();
                return later.complete("closed");
            });
            go.countDown();
            result(closer);
            try {
                String value = caller.get(10, TimeUnit.SECONDS);
                assertTrue(value.equals("v") || value.equals("new"), value);
            } catch (ExecutionException e) {
                Throwable cause = e.getCause();
                assertTrue(
                        cause instanceof CacheException || cause.getClass() == IllegalStateException.class,
                        cause::toString);
            }
        }
    }
}
