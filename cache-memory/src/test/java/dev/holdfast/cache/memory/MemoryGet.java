package dev.holdfast.cache.memory;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;

/**
 * Compares {@link MemoryStore#get} with a Caffeine cache that is bounded by weight, expires entries one by one and copies
 * the same bytes. Rounds are interleaved; the figures are medians of elapsed time. Run its {@code main} with the test class path.
 */
final class MemoryGet {
    private static final int KEYS = 1 << 10;
    private static final int CALLS = 1_000_000;
    private static final int WARM_UP = 4;
    private static final int ROUNDS = 15;

    /** Read by nobody, so that no call may be left out. */
    static volatile long sink;

    private MemoryGet() {}

    public static void main(String[] args) throws InterruptedException {
        String[] keys = new String[KEYS];
        byte[] value = new byte[100];
        Cache<String, byte[]> bare = Caffeine.newBuilder()
                .maximumWeight(64L << 20)
                .weigher((String key, byte[] bytes) -> 200 + bytes.length)
                .expireAfter(Expiry.writing((String key, byte[] bytes) -> Duration.ofHours(1)))
                .build();
        try (MemoryStore store = MemoryStore.builder().build()) {
            for (int i = 0; i < KEYS; i++) {
                keys[i] = "user:profile:" + i;
                bare.put(keys[i], value);
                store.put(keys[i], value, Duration.ofHours(1));
            }
            for (int threads : new int[] {1, 2, 8}) {
                compare(threads, keys, key -> bare.getIfPresent(key).clone(), store::get);
            }
        }
    }

    private static void compare(
            int threads, String[] keys, Function<String, byte[]> bare, Function<String, byte[]> store)
            throws InterruptedException {
        double[] bareNanos = new double[ROUNDS];
        double[] storeNanos = new double[ROUNDS];
        double[] ratios = new double[ROUNDS];
        for (int round = -WARM_UP; round < ROUNDS; round++) {
            boolean bareFirst = round % 2 == 0;
            double first = nanosPerCall(threads, keys, bareFirst ? bare : store);
            double second = nanosPerCall(threads, keys, bareFirst ? store : bare);
            if (round >= 0) {
                bareNanos[round] = bareFirst ? first : second;
                storeNanos[round] = bareFirst ? second : first;
                ratios[round] = bareNanos[round] / storeNanos[round];
            }
        }
        System.out.printf(
                "threads=%d caffeine_ns=%.0f store_ns=%.0f ratio=%.2f%n",
                threads, median(bareNanos), median(storeNanos), median(ratios));
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }

    private static double nanosPerCall(int threads, String[] keys, Function<String, byte[]> get)
            throws InterruptedException {
        CountDownLatch start = new CountDownLatch(1);
        Thread[] workers = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            int from = i * 7_919;
            workers[i] = new Thread(() -> {
                try {
                    start.await();
                } catch (InterruptedException e) {
                    return;
                }
                sink = callAll(keys, from, get);
            });
            workers[i].start();
        }
        long begin = System.nanoTime();
        start.countDown();
        for (Thread worker : workers) {
            worker.join();
        }
        return (System.nanoTime() - begin) / (double) CALLS;
    }

    private static long callAll(String[] keys, int from, Function<String, byte[]> get) {
        long sum = 0;
        int index = from;
        for (int i = 0; i < CALLS; i++) {
            index = (index + 1_031) & (KEYS - 1);
            sum += get.apply(keys[index]).length;
        }
        return sum;
    }
}
