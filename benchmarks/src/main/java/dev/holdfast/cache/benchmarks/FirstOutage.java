package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A fresh JVM that opens a client, has four threads call it, and kills its server so many milliseconds after the client was opened;
 * prints the longest call from then on, in milliseconds.
 */
final class FirstOutage {
    private FirstOutage() {}

    public static void main(String[] arguments) throws InterruptedException {
        AtomicBoolean over = new AtomicBoolean();
        AtomicLong longest = new AtomicLong();
        try (RedisServer server = RedisServer.start()) {
            long opened = System.nanoTime();
            try (CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", server.url())))) {
                Cache<String, String> cache =
                        client.cache("c", String.class, String.class).build();
                List<Thread> callers = new ArrayList<>();
                AtomicBoolean measured = new AtomicBoolean();
                for (int i = 0; i < 4; i++) {
                    Thread caller = new Thread(() -> call(cache, over, measured, longest));
                    callers.add(caller);
                    caller.start();
                }
                long left = Long.getLong("afterMillis", 0) - (System.nanoTime() - opened) / 1_000_000;
                Thread.sleep(Math.max(0, left));
                measured.set(true);
                server.kill();
                Thread.sleep(2_000);
                over.set(true);
                for (Thread caller : callers) {
                    caller.join();
                }
            }
        }
        System.out.println(longest.get() / 1e6);
        System.exit(0);
    }

    private static void call(
            Cache<String, String> cache, AtomicBoolean over, AtomicBoolean measured, AtomicLong longest) {
        for (int i = 0; !over.get(); i++) {
            boolean counts = measured.get();
            long start = System.nanoTime();
            cache.get("k" + i % 100, key -> "v");
            if (counts) {
                longest.accumulateAndGet(System.nanoTime() - start, Math::max);
            }
            try {
                Thread.sleep(1);
            } catch (InterruptedException e) {
                return;
            }
        }
    }
}
