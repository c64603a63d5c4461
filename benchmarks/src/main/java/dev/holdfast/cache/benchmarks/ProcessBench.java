package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What a client costs its process: its start, and its rest. Each in a JVM of its own. */
final class ProcessBench {
    private final Report report;
    private final Pace pace;

    ProcessBench(Report report, Pace pace) {
        this.report = report;
        this.pace = pace;
    }

    void start() throws IOException, InterruptedException {
        report("start.memory.ms", Map.of());
        try (RedisServer server = Bench.server()) {
            report("start.single.ms", single(server));
        }
    }

    private void report(String name, Map<String, String> environment) throws IOException, InterruptedException {
        double[] millis = new double[pace.rounds()];
        for (int i = 0; i < millis.length; i++) {
            millis[i] = Double.parseDouble(
                    Java.run(Java.home(), List.of(), Started.class, environment).get(0));
        }
        report.add(name, Report.median(millis), millis, "ms");
    }

    void idle() throws IOException, InterruptedException {
        try (RedisCluster cluster = RedisCluster.builder()
                        .replicasPerMaster(0)
                        .persistence(RedisServer.Persistence.NONE)
                        .start();
                RedisServer server = Bench.server()) {
            Map<String, String> environment = new HashMap<>(single(server));
            environment.put("REDIS_CLUSTER_ENABLED", "true");
            environment.put("REDIS_CLUSTER_NODES", cluster.seeds());
            List<String> lines = Java.run(Java.home(), List.of("-Xmx256m"), Idle.class, environment);
            double threads = Double.parseDouble(lines.get(0));
            double megabytes = Double.parseDouble(lines.get(1));
            report.add("idle.threads", threads, new double[] {threads}, "threads");
            report.add("idle.mb", megabytes, new double[] {megabytes}, "MB");
            Report.say("all threads of that process: %s", lines.subList(2, lines.size()));
        }
    }

    /** The heap is bounded by less than the keys would take, so an engine that kept something of each would run out of it. */
    void distinctKeys() throws IOException, InterruptedException {
        int keys = pace.quick() ? 1_000_000 : 10_000_000;
        List<String> lines = Java.run(
                Java.home(),
                List.of("-Xmx96m", "-Dkeys=" + keys),
                DistinctKeys.class,
                Map.of("CACHE_MEMORY_MAX_BYTES", String.valueOf(16L << 20)));
        double megabytes = Double.parseDouble(lines.get(0));
        report.add("distinct.keys.mb", megabytes, new double[] {megabytes}, "MB");
        Report.say("%s loads of distinct keys over a memory of 16 MiB, in a heap of 96 MB", lines.get(1));
    }

    private static Map<String, String> single(RedisServer server) {
        return Map.of("REDIS_HOST", server.host(), "REDIS_PORT", String.valueOf(server.port()));
    }
}
