package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CachePolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Loaders that ignore their interrupt keep their threads, which must not be more and more. */
class StuckLoadersTest extends EngineFixture {
    private static final CachePolicy POLICY = CachePolicy.of(MINUTE).withMaxLoads(2);

    private final CountDownLatch release = new CountDownLatch(1);
    private final AtomicInteger stuck = new AtomicInteger();

    private String hang() {
        stuck.incrementAndGet();
        try {
            while (true) {
                try {
                    release.await();
                    return "late";
                } catch (InterruptedException ignored) {
                    // As a driver without a socket timeout does.
                }
            }
        } finally {
            stuck.decrementAndGet();
        }
    }

    @Test
    void loadersThatIgnoreTheirInterruptHaveABoundedNumberOfThreads() throws Exception {
        CacheEngine<String, String> cache = open(POLICY);
        List<CompletableFuture<String>> hung = new ArrayList<>();
        for (int lease = 1; lease <= 12; lease++) {
            hung.add(cache.async().get("a" + lease, key -> hang()));
            hung.add(cache.async().get("b" + lease, key -> hang()));
            int begun = hung.size();
            until("those that have a place run", () -> stuck.get() == Math.min(begun, 6));
            until("the others wait", () -> cache.stats().loadsWaiting() == (begun > 6 ? 2 : 0));
            time.advance(POLICY.loadTimeout());
            until("their leases ran out", () -> cache.stats().leasesExpired() == begun);
        }
        assertEquals(6, stuck.get());
        Future<String> next = start(() -> cache.get("c", key -> "v"));
        until("the next one waits", () -> cache.stats().loadsWaiting() == 1);
        release.countDown();
        assertEquals("v", result(next));
        until("no loader is left", () -> stuck.get() == 0 && cache.loadsUnderWay() == 0);
        assertEquals("v", result(cache.async().get("d", key -> "v")));
        until(
                "all places are free",
                () -> cache.stats().loadsRunning() + cache.stats().loadsWaiting() == 0);
    }

    @Test
    void aLoaderOnItsCallersThreadCountsNoLongerThanItsLease() throws Exception {
        CacheEngine<String, String> cache = open(POLICY);
        List<Future<String>> hung = new ArrayList<>();
        for (int i = 1; i <= 10; i++) {
            int number = i;
            hung.add(start(() -> cache.get("k" + number, key -> hang())));
            until("it runs", () -> stuck.get() == number);
            time.advance(POLICY.loadTimeout());
            until("its lease ran out", () -> cache.stats().leasesExpired() == number);
        }
        assertEquals("v", cache.get("other", key -> "v"));
        release.countDown();
        for (Future<String> each : hung) {
            assertEquals("late", result(each));
        }
    }

    @Test
    void manyLoadsThatWaitForAPlaceGiveItOnInConstantTime() {
        LoadGate gate = new LoadGate(1);
        List<LoadGate.Place> places = new ArrayList<>();
        for (int i = 0; i < 60_000; i++) {
            places.add(gate.enter());
        }
        long start = System.nanoTime();
        for (LoadGate.Place place : places) {
            assertTrue(place.granted().isDone());
            place.leave();
        }
        long millis = (System.nanoTime() - start) / 1_000_000;
        assertTrue(millis < 3_000, () -> millis + " ms");
        assertEquals(0, gate.running() + gate.waiting());
    }
}
