package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;

/** A fresh JVM whose client is used a little and then rests; prints its threads, and its heap in MB, beyond those before it. */
final class Idle {
    private Idle() {}

    public static void main(String[] arguments) throws InterruptedException {
        // Once each, so that what the JVM itself needs for it is there before.
        int threadsBefore = ManagementFactory.getThreadMXBean().getThreadCount();
        double heapBefore = heap();
        try (CacheClient client = CacheClient.fromEnvironment()) {
            Cache<String, String> cache =
                    client.cache("idle", String.class, String.class).build();
            for (int i = 0; i < 1_000; i++) {
                String key = "key" + i % 100;
                cache.get(key, missing -> "value");
            }
            TimeUnit.SECONDS.sleep(60);
            int threads = ManagementFactory.getThreadMXBean().getThreadCount() - threadsBefore;
            System.out.println(threads);
            System.out.println(heap() - heapBefore);
            for (Thread thread : Thread.getAllStackTraces().keySet()) {
                System.out.println(thread.getName());
            }
        }
    }

    /** What is reachable, in MB. */
    static double heap() throws InterruptedException {
        long used = Long.MAX_VALUE;
        for (int i = 0; i < 4; i++) {
            System.gc();
            TimeUnit.MILLISECONDS.sleep(50);
            used = Math.min(
                    used,
                    ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        }
        return (double) used / (1 << 20);
    }
}
