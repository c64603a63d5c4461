package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.holdfast.cache.CachePolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/**
 * Many threads, few keys, no script: a source whose values only grow is changed, then its key invalidated; whoever reads
 * after that must not see less. It is promise 2 of the design as a property.
 */
class FlightsStressTest extends EngineFixture {
    private static final int KEYS = 3;
    private static final int THREADS = 6;
    private static final int ROUNDS = 5_000;

    private final AtomicLongArray source = new AtomicLongArray(KEYS);
    private final AtomicLongArray acknowledged = new AtomicLongArray(KEYS);
    private final AtomicLong seeds = new AtomicLong(System.nanoTime());

    @Test
    void noReadAfterAnInvalidationSeesWhatWasThereBefore() throws Exception {
        CacheEngine<String, String> cache = open(CachePolicy.of(MINUTE).withMaxLoads(4));
        List<Future<String>> failures = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            failures.add(start(worker(cache, seeds.incrementAndGet())));
        }
        for (Future<String> failure : failures) {
            assertNull(result(failure));
        }
        until("no load is under way", () -> cache.loadsUnderWay() == 0);
        assertEquals(0, cache.changesUnderWay());
        until(
                "all places are free",
                () -> cache.stats().loadsRunning() + cache.stats().loadsWaiting() == 0);
    }

    private Callable<String> worker(CacheEngine<String, String> cache, long seed) {
        return () -> {
            Random random = new Random(seed);
            for (int round = 0; round < ROUNDS; round++) {
                int k = random.nextInt(KEYS);
                String key = "k" + k;
                if (random.nextInt(4) == 0) {
                    long written = source.incrementAndGet(k);
                    invalidation(random, key).accept(cache);
                    acknowledged.accumulateAndGet(k, written, Math::max);
                } else {
                    long least = acknowledged.get(k);
                    String value = read(cache, random, key, k);
                    if (value != null && Long.parseLong(value) < least) {
                        return "seed " + seed + ", round " + round + ": read " + value + " after " + least;
                    }
                }
            }
            return null;
        };
    }

    private static Consumer<CacheEngine<String, String>> invalidation(Random random, String key) {
        return switch (random.nextInt(4)) {
            case 0 -> cache -> cache.removeAll(List.of(key, "other"));
            case 1 -> cache -> cache.markStale(key);
            case 2 -> CacheEngine::clear;
            default -> cache -> cache.remove(key);
        };
    }

    private String read(CacheEngine<String, String> cache, Random random, String key, int k) throws Exception {
        return switch (random.nextInt(5)) {
            case 0 -> cache.get(key);
            case 1 -> cache.getAll(List.of(key), keys -> Map.of(key, load(k))).get(key);
            case 2 -> result(cache.async().get(key, unused -> load(k)));
            case 3 -> cache.refresh(key, unused -> load(k));
            default -> cache.get(key, unused -> load(k));
        };
    }

    private String load(int k) {
        return Long.toString(source.get(k));
    }
}
