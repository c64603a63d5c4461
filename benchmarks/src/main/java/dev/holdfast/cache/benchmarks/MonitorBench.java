package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** What it costs callers that a client is monitored: the same calls with a monitor and without one, in turns. */
final class MonitorBench {
    private final Report report;
    private final Pace pace;

    MonitorBench(Report report, Pace pace) {
        this.report = report;
        this.pace = pace;
    }

    void run() throws Exception {
        sampling();
        hits();
        single();
        new MonitorFigures(report).run();
    }

    /** The time that the monitor's own thread takes of one processor while nobody asks it anything, with a hundred caches in use. */
    private void sampling() throws InterruptedException {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        try (CacheClient client = client("sampled", "true", Map.of())) {
            for (int i = 0; i < 10_000; i++) {
                client.cache("cache-" + i % 100, String.class, String.class)
                        .build()
                        .get("k" + i / 500, key -> key);
            }
            double[] percent = new double[pace.rounds()];
            for (int i = 0; i < percent.length; i++) {
                long before = sampler(threads);
                long start = System.nanoTime();
                TimeUnit.SECONDS.sleep(10);
                percent[i] = 100.0 * (sampler(threads) - before) / (System.nanoTime() - start);
            }
            report.add("monitor.sampling", Report.median(percent), percent, "percent");
        }
    }

    private static long sampler(ThreadMXBean threads) {
        for (long id : threads.getAllThreadIds()) {
            ThreadInfo thread = threads.getThreadInfo(id);
            if (thread != null && thread.getThreadName().equals("holdfast-sampled-monitor-1")) {
                return threads.getThreadCpuTime(id);
            }
        }
        throw new IllegalStateException("no monitor is there");
    }

    private void hits() throws InterruptedException {
        Entries entries = new Entries("small:", 8_192, 100);
        try (CacheClient with = client("with", "true", Map.of());
                CacheClient without = client("without", "false", Map.of())) {
            new PairedSlices(entries.count(), 1, 50)
                    .ratio(report, "monitor.cache.get.hit", get(with, entries), get(without, entries));
        }
    }

    private void single() throws InterruptedException {
        Entries entries = new Entries("small:", 1_000, 100);
        try (RedisServer server = Bench.server();
                CacheClient with = client("with", "true", Map.of("REDIS_URL", server.url()));
                CacheClient without = client("without", "false", Map.of("REDIS_URL", server.url()))) {
            new PairedSlices(entries.count(), 8, 150)
                    .ratio(report, "monitor.single.get.t8", get(with, entries), get(without, entries));
        }
    }

    /** As an application has it: by the environment alone. */
    static CacheClient client(String name, String monitored, Map<String, String> more) {
        Map<String, String> values = new HashMap<>(more);
        values.put("REDIS_MONITORING_ENABLED", monitored);
        values.putIfAbsent("REDIS_MONITORING_PORT", "0");
        return CacheClient.builder().name(name).settings(Settings.of(values)).build();
    }

    private static Load.Call get(CacheClient client, Entries entries) {
        Cache<String, String> cache =
                client.cache("monitored", String.class, String.class).build();
        String[] texts = entries.texts();
        entries.putTexts(cache::put);
        return index -> WrongAnswerException.require(texts[index], cache.get(entries.key(index)));
    }
}
