package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.CachePolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Loaders that load other keys of their cache, with every place taken. */
class NestedLoadsTest extends EngineFixture {
    private final CacheEngine<String, String> narrow =
            open(CachePolicy.of(MINUTE).withMaxLoads(2));

    private void both(String what, UnaryOperator<String> inner) throws Exception {
        CountDownLatch both = new CountDownLatch(2);
        Future<String> a = start(() -> narrow.get("a" + what, key -> {
            both.countDown();
            await(both);
            return inner.apply("x" + what);
        }));
        Future<String> b = start(() -> narrow.get("b" + what, key -> {
            both.countDown();
            await(both);
            return inner.apply("y" + what);
        }));
        assertEquals("v", a.get(10, TimeUnit.SECONDS));
        assertEquals("v", b.get(10, TimeUnit.SECONDS));
        until("no place is taken", () -> narrow.stats().loadsRunning() == 0);
    }

    @Test
    void aLoaderThatLoadsAnotherKeyNeedsNoSecondPlace() throws Exception {
        both("1", key -> narrow.get(key, unused -> "v"));
        both("2", key -> narrow.getAll(List.of(key), keys -> Map.of(key, "v")).get(key));
        both("3", key -> narrow.refresh(key, unused -> "v"));
        both("4", key -> narrow.get(key, unused -> narrow.get("deep" + key, deep -> "v")));
    }

    @Test
    void norDoesOneThatLoadsAnotherKeyAsynchronously() throws Exception {
        both("1", key -> narrow.async().get(key, unused -> "v").join());
        both("2", key -> narrow.async()
                .getAll(List.of(key), keys -> Map.of(key, "v"))
                .join()
                .get(key));
    }

    @Test
    void aLoaderThatWaitsForALoadWithoutAPlaceLetsItRun() throws Exception {
        CountDownLatch both = new CountDownLatch(2);
        CountDownLatch queued = new CountDownLatch(1);
        Future<String> a = start(() -> narrow.get("a", key -> {
            both.countDown();
            await(queued);
            return narrow.get("third", unused -> "not called");
        }));
        Future<String> b = start(() -> narrow.get("b", key -> {
            both.countDown();
            await(queued);
            return narrow.async().get("third", unused -> "not called").join();
        }));
        await(both);
        Future<String> third = start(() -> narrow.get("third", key -> "v"));
        until("the third waits for a place", () -> narrow.stats().loadsWaiting() == 1);
        queued.countDown();
        assertEquals("v", a.get(10, TimeUnit.SECONDS));
        assertEquals("v", b.get(10, TimeUnit.SECONDS));
        assertEquals("v", result(third));
    }

    @Test
    void theirCallersAreBoundedAllTheSame() throws Exception {
        CountDownLatch two = new CountDownLatch(2);
        CountDownLatch release = new CountDownLatch(1);
        List<Future<String>> callers = new ArrayList<>();
        for (String key : List.of("a", "b", "c")) {
            callers.add(start(() -> narrow.get(
                    key,
                    unused -> narrow.get("of " + key, inner -> {
                        two.countDown();
                        await(release);
                        return "v";
                    }))));
        }
        await(two);
        until("the third waits", () -> narrow.stats().loadsWaiting() == 1);
        assertEquals(2, narrow.stats().loadsRunning());
        release.countDown();
        for (Future<String> caller : callers) {
            assertEquals("v", result(caller));
        }
        assertEquals(6, narrow.stats().loads());
    }
}
