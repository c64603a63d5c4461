package dev.holdfast.examples.spring;

import dev.holdfast.cache.testkit.RedisServer;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Prints what an outage costs the application's callers, and what the starter costs its start. {@code mvn -q -Pspring-app verify}. */
final class Figures {
    private static final int OUTAGES = 3;
    private static final int STARTS = 5;
    private static final Pattern STARTED = Pattern.compile("process running for ([0-9.]+)");
    private static final Pattern OURS =
            Pattern.compile("holdfast-(?!example)|/cache-[a-z]+/target|/spring-boot[a-z-]*/target/|/jedis-|/caffeine-");

    private Figures() {}

    public static void main(String[] args) throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            if (args.length > 0 && args[0].equals("starts")) {
                starts(redis);
                return;
            }
            try (RunningApplication application =
                    new RunningApplication("spring.data.redis.url=" + redis.url(), "logging.level.root=error")) {
                for (int i = 0; i < OUTAGES; i++) {
                    print("undisturbed", Outage.none(application));
                    print("killed", Outage.killed(application, redis));
                    print("frozen", Outage.frozen(application, redis));
                }
            }
            starts(redis);
        }
    }

    private static void print(String fault, Outage.Seen seen) {
        System.out.printf(
                Locale.ROOT,
                "%s: %d calls, %d exceptions, longest %.1f ms, %d of 100 evicted keys came back, health %s%n",
                fault,
                seen.calls(),
                seen.exceptions(),
                seen.longestMillis(),
                seen.cameBack(),
                seen.healthDuring());
    }

    private static void starts(RedisServer redis) throws IOException {
        String whole = System.getProperty("java.class.path");
        String without = Arrays.stream(whole.split(File.pathSeparator))
                .filter(entry -> !OURS.matcher(entry).find() || entry.contains("spring-boot-app"))
                .collect(Collectors.joining(File.pathSeparator));
        List<Start> cached = new ArrayList<>();
        List<Start> uncached = new ArrayList<>();
        for (int i = 0; i < STARTS; i++) {
            cached.add(start(whole, "--spring.data.redis.url=" + redis.url()));
            uncached.add(start(without, "--spring.cache.type=none"));
        }
        print("start in ms", cached, uncached, Start::millis);
        print("start in ms of processor time", cached, uncached, Start::processorMillis);
    }

    /**
     * One start.
     *
     * @param millis from the process's begin until it said that it had started
     * @param processorMillis what it had used of all processors by then, which others on the machine hardly change
     */
    private record Start(double millis, double processorMillis) {}

    private static void print(String what, List<Start> cached, List<Start> uncached, ToDoubleFunction<Start> figure) {
        System.out.printf(
                Locale.ROOT,
                "%s, median of %d: %.0f with the starter, %.0f without, %.0f more%n",
                what,
                STARTS,
                median(cached, figure),
                median(uncached, figure),
                median(cached, figure) - median(uncached, figure));
    }

    private static double median(List<Start> starts, ToDoubleFunction<Start> figure) {
        return starts.stream().mapToDouble(figure).sorted().toArray()[starts.size() / 2];
    }

    /** Runs the application until it says that it has started. */
    private static Start start(String path, String property) throws IOException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        path,
                        Application.class.getName(),
                        "--server.port=0",
                        "--server.address=127.0.0.1",
                        property)
                .redirectErrorStream(true)
                .start();
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            StringBuilder all = new StringBuilder();
            String line = output.readLine();
            while (line != null) {
                all.append(line).append('\n');
                Matcher started = STARTED.matcher(line);
                if (started.find()) {
                    Duration used = process.info().totalCpuDuration().orElse(Duration.ZERO);
                    return new Start(Double.parseDouble(started.group(1)) * 1_000, used.toMillis());
                }
                line = output.readLine();
            }
            throw new IOException("the application did not start: " + all);
        } finally {
            process.destroy();
        }
    }
}
