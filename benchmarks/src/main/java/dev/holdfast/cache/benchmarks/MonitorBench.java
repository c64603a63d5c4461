package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.openjdk.jmh.runner.RunnerException;

/** What it costs callers that a client is monitored: the same calls with a monitor and without one, in turns. */
final class MonitorBench {
    private final Report report;
    private final Pace pace;

    MonitorBench(Report report, Pace pace) {
        this.report = report;
        this.pace = pace;
    }

    void run() throws Exception {
        hits();
        single();
    }

    private void hits() throws RunnerException {
        new NanosContest(MonitoredHits.class, 1, pace)
                .run("monitored", "unmonitored")
                .speedup(report, "monitor.cache.get.hit", "monitored", "unmonitored");
    }

    private void single() throws Exception {
        Entries entries = new Entries("small:", 1_000, 100);
        try (RedisServer server = RedisServer.builder()
                        .persistence(RedisServer.Persistence.NONE)
                        .start();
                CacheClient with = client("with", "true", Map.of("REDIS_URL", server.url()));
                CacheClient without = client("without", "false", Map.of("REDIS_URL", server.url()))) {
            new Contest("Cache.get of 100 B from one server, 8 threads", pace, new Load(entries.count(), 8, false))
                    .add("monitored", get(with, entries))
                    .add("unmonitored", get(without, entries))
                    .run()
                    .ratio(report, "monitor.single.get.t8", "monitored", "unmonitored");
        }
    }

    /** As an application has it: by the environment alone. */
    static CacheClient client(String name, String monitored, Map<String, String> more) {
        Map<String, String> values = new HashMap<>(more);
        values.put("REDIS_MONITORING_ENABLED", monitored);
        values.put("REDIS_MONITORING_PORT", "0");
        return CacheClient.builder().name(name).settings(Settings.of(values)).build();
    }

    private static Load.Call get(CacheClient client, Entries entries) {
        Cache<String, String> cache = client.cache("monitored", String.class, String.class);
        String[] texts = new String[entries.count()];
        for (int i = 0; i < texts.length; i++) {
            texts[i] = new String(entries.value(i), StandardCharsets.US_ASCII);
            cache.put(entries.key(i), texts[i]);
        }
        return index -> {
            String answer = cache.get(entries.key(index));
            if (!texts[index].equals(answer)) {
                throw new WrongAnswerException("expected " + texts[index] + " and got " + answer);
            }
        };
    }
}
