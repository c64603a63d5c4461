package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.AsyncCache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.ContextCarrier;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** A context carrier that fails decides nothing that the store can answer; a load that can't have its context fails alone. */
class BrokenCarrierTest extends EngineFixture {
    private volatile boolean broken;

    private Map<String, ContextCarrier> carriers() {
        return Map.of(
                "throws when it captures",
                task -> {
                    fail();
                    return task;
                },
                "returns nothing",
                this::nothing,
                "throws before the task",
                task -> () -> {
                    fail();
                    task.run();
                },
                "drops the task",
                task -> () -> {
                    if (!broken) {
                        task.run();
                    }
                });
    }

    @SuppressWarnings("NullAway") // as a careless one does
    private Runnable nothing(Runnable task) {
        return broken ? null : task;
    }

    private void fail() {
        if (broken) {
            throw new ArithmeticException("a carrier that fails");
        }
    }

    @TestFactory
    Stream<DynamicTest> aCarrierThatFailsDecidesNoHitAndNoChange() {
        return carriers().entrySet().stream()
                .map(each -> DynamicTest.dynamicTest(each.getKey(), () -> hits(each.getKey(), each.getValue())));
    }

    private void hits(String name, ContextCarrier carrier) throws Exception {
        try (EngineServices services = services(List.of(carrier), time, time)) {
            CachePolicy ahead = STALE.withRefreshAhead(0.5);
            CacheEngine<String, String> cache = open(name.replace(' ', '-'), ahead, services);
            cache.put("k", "v");
            AsyncCache<String, String> async = cache.async();
            broken = true;
            assertEquals("v", result(async.get("k")));
            assertEquals("v", result(async.get("k", key -> "not called")));
            assertEquals(Map.of("k", "v"), result(async.getAll(List.of("k"))));
            assertEquals(Map.of("k", "v"), result(async.getAll(List.of("k"), keys -> Map.of())));
            assertEquals("v", result(async.lookup("k")).value());
            assertTrue(result(async.contains("k")));
            time.advance(Duration.ofMinutes(3));
            assertEquals("v", result(async.get("k", key -> "ahead")), "though its refresh can't have its context");
            until("the refresh is over", () -> cache.loadsUnderWay() == 0);
            result(async.put("other", "w"));
            assertEquals("w", result(async.get("other")));
            assertTrue(result(async.markStale("other")));
            assertTrue(result(async.remove("k")));
            result(async.clear());
            assertNull(cache.get("other"));
        } finally {
            broken = false;
        }
    }

    @TestFactory
    Stream<DynamicTest> aLoadThatCantHaveItsContextFailsAloneAndItsKeyIsFree() {
        return carriers().entrySet().stream()
                .map(each -> DynamicTest.dynamicTest(each.getKey(), () -> loads(each.getKey(), each.getValue())));
    }

    private void loads(String name, ContextCarrier carrier) throws Exception {
        try (EngineServices services = services(List.of(carrier), time, time)) {
            CacheEngine<String, String> cache = open(name.replace(' ', '-'), STALE, services);
            broken = true;
            Future<String> one = cache.async().get("k", key -> "not called");
            assertThrows(ExecutionException.class, () -> result(one));
            Future<Map<String, String>> several = cache.async().getAll(List.of("k", "l"), keys -> Map.of());
            assertThrows(ExecutionException.class, () -> result(several));
            assertEquals("v", cache.get("k", key -> "v"), "its own thread needs no carrier");
            broken = false;
            assertEquals("w", result(cache.async().get("l", key -> "w")));
            until("no load is under way", () -> cache.loadsUnderWay() == 0);
        } finally {
            broken = false;
        }
    }
}
