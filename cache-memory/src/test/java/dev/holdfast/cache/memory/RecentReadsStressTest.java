package dev.holdfast.cache.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.spi.CacheStore;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/**
 * One thread for each key changes it, others read as fast as they can: no read that begins after a change has ended sees what
 * was there before, and no reader sees a key go back in time.
 */
class RecentReadsStressTest {
    private static final int KEYS = 2;
    private static final int READERS = 2;
    private static final int CHANGES = 100_000;
    private static final Duration TTL = Duration.ofMinutes(1);

    private final long seed = System.nanoTime();
    private final AtomicInteger[] acknowledged = new AtomicInteger[KEYS];
    private final AtomicInteger writing = new AtomicInteger(KEYS);

    @Test
    void noReadSeesWhatWasThereBeforeAChangeThatHasEnded() throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        try (CacheStore store = MemoryStore.create(1 << 20)) {
            List<Future<Integer>> wrong = new ArrayList<>();
            for (int i = 0; i < KEYS; i++) {
                int key = i;
                acknowledged[i] = new AtomicInteger();
                wrong.add(threads.submit(() -> change(store, key)));
            }
            for (int i = 0; i < READERS; i++) {
                wrong.add(threads.submit(() -> read(store)));
            }
            for (Future<Integer> each : wrong) {
                assertEquals(0, each.get(100, TimeUnit.SECONDS), "reads were wrong; seed " + seed);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private int change(CacheStore store, int number) {
        Random random = new Random(seed + number);
        String key = "k" + number;
        int wrong = 0;
        for (int version = 1; version <= CHANGES; version++) {
            byte[] value = ByteBuffer.allocate(4).putInt(version).array();
            boolean present = true;
            switch (random.nextInt(4)) {
                case 0 -> store.put(key, value, TTL);
                case 1 -> {
                    store.remove(key);
                    store.putIfAbsent(key, value, TTL);
                }
                case 2 -> {
                    store.put(key, value, TTL);
                    store.expire(key, TTL);
                }
                default -> present = store.removeByPrefix(key) < 0;
            }
            byte[] read = store.getShared(key);
            if (present ? read == null || version(read) != version : read != null) {
                wrong++;
            }
            acknowledged[number].set(version);
        }
        writing.decrementAndGet();
        return wrong;
    }

    private int read(CacheStore store) {
        int[] seen = new int[KEYS];
        int wrong = 0;
        while (writing.get() > 0) {
            for (int i = 0; i < KEYS; i++) {
                int least = Math.max(seen[i], acknowledged[i].get());
                byte[] read = store.getShared("k" + i);
                if (read != null) {
                    if (version(read) < least) {
                        wrong++;
                    }
                    seen[i] = version(read);
                }
            }
        }
        return wrong;
    }

    private static int version(byte[] value) {
        return ByteBuffer.wrap(value).getInt();
    }
}
