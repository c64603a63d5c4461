package dev.holdfast.cache.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** JMH benchmarks in turns, a fork each, in another order each round: a JVM compiles the same code well or badly by chance. */
final class NanosContest {
    private static final Random ORDER = new Random(11);
    private static final TimeValue ITERATION = TimeValue.milliseconds(300);

    /** What one fork came to: time and allocation per call. */
    record Fork(double nanos, double bytes) {}

    private final Class<?> benchmarks;
    private final int threads;
    private final Pace pace;

    NanosContest(Class<?> benchmarks, int threads, Pace pace) {
        this.benchmarks = benchmarks;
        this.threads = threads;
        this.pace = pace;
    }

    /** Runs the methods of these names, and prints the medians. */
    Results run(String... methods) throws RunnerException {
        return run(pace.rounds(), methods);
    }

    Results run(int rounds, String... methods) throws RunnerException {
        Map<String, List<Fork>> forks = new LinkedHashMap<>();
        for (String method : methods) {
            forks.put(method, new ArrayList<>());
        }
        for (int round = 0; round < rounds; round++) {
            List<String> order = new ArrayList<>(List.of(methods));
            Collections.shuffle(order, ORDER);
            for (String method : order) {
                Objects.requireNonNull(forks.get(method)).add(fork(method));
            }
        }
        Results results = new Results(forks);
        results.print(benchmarks.getSimpleName() + ", threads: " + threads + ", forks: " + rounds);
        return results;
    }

    private Fork fork(String method) throws RunnerException {
        RunResult result = new Runner(new OptionsBuilder()
                        .include("^" + benchmarks.getName().replace(".", "\\.") + "\\." + method + "$")
                        .forks(1)
                        .threads(threads)
                        .warmupIterations(pace.nanosIterations())
                        .warmupTime(ITERATION)
                        .measurementIterations(pace.nanosIterations())
                        .measurementTime(ITERATION)
                        .mode(Mode.AverageTime)
                        .timeUnit(TimeUnit.NANOSECONDS)
                        .addProfiler(GCProfiler.class)
                        .shouldFailOnError(true)
                        .verbosity(VerboseMode.SILENT)
                        .jvmArgsAppend("-Xms1g", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
                        .build())
                .runSingle();
        return new Fork(
                result.getPrimaryResult().getScore(),
                Objects.requireNonNull(result.getSecondaryResults().get("gc.alloc.rate.norm"))
                        .getScore());
    }

    /** The forks of each method, round by round. */
    record Results(Map<String, List<Fork>> forks) {
        private double[] each(String method, ToDoubleFunction<Fork> figure) {
            return Objects.requireNonNull(forks.get(method), method).stream()
                    .mapToDouble(figure)
                    .toArray();
        }

        double median(String method, ToDoubleFunction<Fork> figure) {
            return Report.median(each(method, figure));
        }

        /** How many times faster the one is than the other. */
        void speedup(Report report, String name, String method, String peer) {
            double[] ours = each(method, Fork::nanos);
            double[] theirs = each(peer, Fork::nanos);
            double[] ratios = new double[ours.length];
            for (int i = 0; i < ratios.length; i++) {
                ratios[i] = theirs[i] / ours[i];
            }
            report.add(name, Report.median(theirs) / Report.median(ours), ratios, "ratio");
        }

        /** How much more the one takes than the other. */
        void excess(
                Report report, String name, String method, String base, ToDoubleFunction<Fork> figure, String unit) {
            double[] ours = each(method, figure);
            double[] theirs = each(base, figure);
            double[] differences = new double[ours.length];
            for (int i = 0; i < differences.length; i++) {
                differences[i] = ours[i] - theirs[i];
            }
            report.add(name, Report.median(ours) - Report.median(theirs), differences, unit);
        }

        private void print(String title) {
            Report.say("%s", title);
            Report.say("  %-24s %9s %9s %9s %9s", "method", "ns/call", "lowest", "highest", "B/call");
            forks.forEach((method, each) -> Report.say(
                    "  %-24s %9.1f %9.1f %9.1f %9.1f",
                    method,
                    median(method, Fork::nanos),
                    each.stream().mapToDouble(Fork::nanos).min().orElse(0),
                    each.stream().mapToDouble(Fork::nanos).max().orElse(0),
                    median(method, Fork::bytes)));
        }
    }
}
