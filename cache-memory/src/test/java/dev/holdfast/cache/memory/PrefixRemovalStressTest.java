package dev.holdfast.cache.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Removals by prefix that run at the same time rely on each other's work: none may end before it is done. */
class PrefixRemovalStressTest {
    private static final int THREADS = 4;
    private static final int ROUNDS = 100_000;
    private static final Duration TTL = Duration.ofMinutes(1);

    @Test
    void nobodyReadsAfterARemovalByPrefixWhatWasThereBeforeIt() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try (CacheStore store = MemoryStore.create(1 << 20)) {
            List<Future<Integer>> survivors = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                String key = "p:" + i;
                survivors.add(threads.submit(() -> survivors(store, key)));
            }
            for (Future<Integer> each : survivors) {
                assertEquals(0, each.get(100, TimeUnit.SECONDS), "of " + ROUNDS + " removals left the key readable");
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static int survivors(CacheStore store, String key) {
        byte[] value = {1};
        int survivors = 0;
        for (int round = 0; round < ROUNDS; round++) {
            store.put(key, value, TTL);
            store.removeByPrefix("p:");
            if (store.get(key) != null || store.contains(key) || !store.putIfAbsent(key, value, TTL)) {
                survivors++;
            }
        }
        return survivors;
    }
}
