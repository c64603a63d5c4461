package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** How long it takes to clear a cache in a keyspace of five million keys, with a bound and without one, and when the server is freed of it. */
final class ClearLoad {
    private static final int OTHERS = 5_000_000;
    private static final int ENTRIES = 1_000;
    private static final int CLEARS = 50;

    private ClearLoad() {}

    static boolean run() throws Exception {
        try (RedisServer server =
                RedisServer.builder().line("enable-debug-command local").start()) {
            server.command("DEBUG", "POPULATE", String.valueOf(OTHERS));
            Times unbounded = clear(server, "0", 3);
            Times bounded = clear(server, "10", CLEARS);
            System.out.println(String.format(
                    Locale.ROOT,
                    "clear: keys=%d clears=%d median_ms=%.2f longest_ms=%.2f without_bound_median_ms=%.0f freed_s=%.1f",
                    OTHERS,
                    CLEARS,
                    bounded.millis.get(CLEARS / 2),
                    bounded.millis.get(CLEARS - 1),
                    unbounded.millis.get(1),
                    bounded.freedSeconds));
            return bounded.millis.get(CLEARS / 2) <= 10;
        }
    }

    /** Those of {@code clear()} in their order of size, and that until the server held nothing of it after the last. */
    private record Times(List<Double> millis, double freedSeconds) {}

    private static Times clear(RedisServer server, String bound, int clears) throws InterruptedException {
        Map<String, String> settings = Map.of("REDIS_URL", server.url(), "CACHE_AGREE_WITHIN", bound);
        try (CacheClient client = CacheClient.from(Settings.of(settings))) {
            Cache<Integer, String> cache =
                    client.cache("c", Integer.class, String.class).build();
            List<Double> millis = new ArrayList<>(clears);
            Thread.sleep(Duration.ofSeconds(2).toMillis()); // it is on the roll by then
            for (int i = 0; i < clears; i++) {
                for (int key = 0; key < ENTRIES; key++) {
                    cache.put(key, "value");
                }
                long start = System.nanoTime();
                cache.clear();
                millis.add((System.nanoTime() - start) / 1e6);
                if (cache.get(0) != null) {
                    throw new WrongAnswerException("an entry that was cleared");
                }
            }
            millis.sort(null);
            long start = System.nanoTime();
            while (!Long.valueOf(0).equals(server.command("EXISTS", "c:0", "c:500", "c:999"))) {
                Thread.sleep(100);
            }
            return new Times(millis, (System.nanoTime() - start) / 1e9);
        }
    }
}
