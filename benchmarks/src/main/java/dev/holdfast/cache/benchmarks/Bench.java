package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.testkit.RedisServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Measures beside the peers and writes {@code ratios.txt}; {@code docs/performance.md} says how and what came of it.
 *
 * <p>{@code -Dbench=quick} is a short round of everything, {@code -Dbench=NAME[,NAME]} these groups at full length, {@code
 * all} being every one.
 */
final class Bench {
    /** A group of figures. */
    @FunctionalInterface
    private interface Group {
        void run() throws Exception;
    }

    private Bench() {}

    public static void main(String[] arguments) throws Exception {
        property("org.slf4j.simpleLogger.defaultLogLevel", "warn");
        // Others may run JMH on this machine; that is for its user to know.
        property("jmh.ignoreLock", "true");
        String wanted = System.getProperty("bench", "quick");
        Pace pace = wanted.equals("quick") || Boolean.getBoolean("bench.quick") ? Pace.QUICK : Pace.FULL;
        Report report = new Report(Path.of(System.getProperty("bench.directory", "target"), name(wanted)));
        boolean failed = false;
        for (Map.Entry<String, Group> group : chosen(wanted, report, pace).entrySet()) {
            long start = System.nanoTime();
            try {
                group.getValue().run();
            } catch (Exception | LinkageError e) {
                failed = true;
                Report.say("%s failed", group.getKey());
                e.printStackTrace(System.out);
            }
            Report.say("%s took %d s", group.getKey(), (System.nanoTime() - start) / 1_000_000_000);
        }
        Report.say("written: %s", report.file());
        System.exit(failed ? 1 : 0);
    }

    /** As quick as they come: it saves nothing. */
    static RedisServer server() {
        return RedisServer.builder().persistence(RedisServer.Persistence.NONE).start();
    }

    private static void property(String name, String value) {
        if (System.getProperty(name) == null) {
            System.setProperty(name, value);
        }
    }

    /** The part that another JVM does writes a file of its own. */
    private static String name(String wanted) {
        return wanted.equals("virtual") ? "ratios-virtual.txt" : "ratios.txt";
    }

    private static Map<String, Group> chosen(String wanted, Report report, Pace pace) {
        Map<String, Group> all = groups(report, pace);
        if (wanted.equals("virtual")) {
            return Map.of(wanted, new SingleBench(report, pace)::virtual);
        }
        if (!wanted.equals("all") && !wanted.equals("quick")) {
            List<String> names = List.of(wanted.split(","));
            if (!all.keySet().containsAll(names)) {
                throw new IllegalArgumentException("-Dbench must be quick, all, or some of " + all.keySet());
            }
            all.keySet().retainAll(names);
        }
        return all;
    }

    private static Map<String, Group> groups(Report report, Pace pace) {
        Map<String, Group> groups = new LinkedHashMap<>();
        HitBench hits = new HitBench(report, pace);
        ProcessBench processes = new ProcessBench(report, pace);
        groups.put("single", () -> {
            new SingleBench(report, pace).run();
            virtual(report, pace);
        });
        groups.put("cluster", new ClusterBench(report, pace)::run);
        groups.put("memory", hits::memory);
        groups.put("cache", () -> {
            hits.cache();
            new EngineBench(report, pace).run();
        });
        groups.put("near", hits::near);
        groups.put("meters", hits::meters);
        groups.put("failover", hits::failover);
        groups.put("monitor", new MonitorBench(report, pace)::run);
        groups.put("upstash", new UpstashBench(report, pace)::run);
        groups.put("start", processes::start);
        groups.put("idle", processes::idle);
        groups.put("keys", processes::distinctKeys);
        return groups;
    }

    /** Runs the callers on virtual threads in a newer JVM if this one has none. */
    private static void virtual(Report report, Pace pace) throws Exception {
        Optional<Path> home = Java.withVirtualThreads();
        if (home.isEmpty()) {
            Report.say("single.get.vt1000 is not measured: no JDK of 21 or later beside %s", Java.home());
            return;
        }
        Path directory = Files.createTempDirectory("holdfast-bench");
        Path figures = directory.resolve(name("virtual"));
        try {
            List<String> options =
                    List.of("-Dbench=virtual", "-Dbench.quick=" + pace.quick(), "-Dbench.directory=" + directory);
            Java.run(home.get(), options, Bench.class, Map.of()).stream()
                    .filter(line -> line.startsWith("#"))
                    .forEach(System.out::println);
            Files.readAllLines(figures).forEach(report::line);
        } finally {
            Files.deleteIfExists(figures);
            Files.deleteIfExists(directory);
        }
    }
}
