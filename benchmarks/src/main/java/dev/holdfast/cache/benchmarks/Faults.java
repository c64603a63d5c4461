package dev.holdfast.cache.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;

/**
 * Two real servers; the first is killed, or frozen, for 8 s while 8 threads call every 2 ms. Each client with default
 * settings, the peers also tuned as fast as they go; a line for each run, and a table at the end.
 *
 * <p>{@code -Dfaults=NAME[,NAME]} runs these clients only, {@code -Dfaults=cluster[:NAME[+NAME]]} the {@link ClusterFaults}
 * instead, {@code -Dfaults=evidence[:SECONDS]} the {@link Evidence},
 * {@code -Dfaults=endings[:ROW[+ROW]]} the {@link Endings},
 * {@code -Dfaults=alone} {@link Alone}, {@code -Dfaults=locks} the {@link LoadLocks}, {@code -Dfaults=clear} the {@link ClearLoad}, {@code -Dfaults=roll} the {@link RollLoad}, {@code -Dfaults=processes[:PHASE[+PHASE]][@SECONDS]} the {@link Processes},
 * {@code -Dfaults=instances[:SECONDS[:PROCESSES]]} the {@link Instances},
 * {@code -Dfaults=load[:MASTERS[+MASTERS]]} the {@link LoadContract}, {@code -Dfaults=soak:MINUTES[:SEED]} the {@link Soak}.
 */
final class Faults {
    /** A run in which the machine itself stood still is void. */
    private static final int ATTEMPTS = 3;

    private Faults() {}

    public static void main(String[] args) throws Exception {
        String wanted = System.getProperty("faults", "all");
        if (wanted.startsWith("soak:")) {
            Soak.main(wanted.substring("soak:".length()).split(":"));
            return;
        }
        if (wanted.equals("cluster") || wanted.startsWith("cluster:")) {
            String names = wanted.substring("cluster".length()).replaceFirst(":", "");
            ClusterFaults.main(names.isEmpty() ? List.of() : List.of(names.split("\\+")));
            System.exit(0);
        }
        if (wanted.equals("evidence") || wanted.startsWith("evidence:")) {
            String seconds = wanted.equals("evidence") ? "60" : wanted.substring("evidence:".length());
            System.exit(Evidence.run(Integer.parseInt(seconds)) ? 0 : 1);
        }
        if (wanted.equals("instances") || wanted.startsWith("instances:")) {
            String[] parts = wanted.split(":", -1);
            int seconds = parts.length > 1 ? Integer.parseInt(parts[1]) : 120;
            System.exit(Instances.run(seconds, parts.length > 2 ? Integer.parseInt(parts[2]) : 4) ? 0 : 1);
        }
        if (wanted.equals("endings") || wanted.startsWith("endings:")) {
            String rows = wanted.substring("endings".length()).replaceFirst(":", "");
            System.exit(Endings.run(rows.isEmpty() ? List.of() : List.of(rows.split("\\+", -1))) ? 0 : 1);
        }
        if (wanted.equals("load") || wanted.startsWith("load:")) {
            String sizes = wanted.equals("load") ? "3+12+60" : wanted.substring("load:".length());
            boolean kept = LoadContract.run(
                    Arrays.stream(sizes.split("\\+")).map(Integer::valueOf).toList());
            System.exit(kept ? 0 : 1);
        }
        if (wanted.equals("clear")) {
            System.exit(ClearLoad.run() ? 0 : 1);
        }
        if (wanted.equals("alone")) {
            System.exit(Alone.run() ? 0 : 1);
        }
        if (wanted.equals("locks")) {
            System.exit(LoadLocks.run() ? 0 : 1);
        }
        if (wanted.equals("roll")) {
            System.exit(RollLoad.run() ? 0 : 1);
        }
        if (wanted.equals("processes") || wanted.startsWith("processes:") || wanted.startsWith("processes@")) {
            System.exit(Processes.run(wanted.substring("processes".length()).replaceFirst(":", "")) ? 0 : 1);
        }
        List<FaultRun.Result> results = new ArrayList<>();
        for (Map.Entry<String, BiFunction<Integer, Integer, FaultClient>> client :
                FaultClient.all().entrySet()) {
            if (!wanted.equals("all") && !List.of(wanted.split(",")).contains(client.getKey())) {
                continue;
            }
            for (String fault : List.of("kill", "freeze")) {
                results.add(run(client.getKey(), client.getValue(), fault));
            }
        }
        printTable(results);
        System.exit(results.isEmpty() ? 1 : 0);
    }

    private static FaultRun.Result run(String name, BiFunction<Integer, Integer, FaultClient> client, String fault)
            throws Exception {
        for (int attempt = 1; ; attempt++) {
            FaultRun.Result result = new FaultRun(name, client, fault).run();
            if (result.stallMillis() <= 20 || attempt == ATTEMPTS) {
                System.out.println(result.line());
                System.out.println(result.remark());
                return result;
            }
            System.out.printf(
                    Locale.ROOT,
                    "void: client=%s fault=%s: the machine stood still for %d ms%n",
                    name,
                    fault,
                    result.stallMillis());
        }
    }

    private static void printTable(List<FaultRun.Result> results) {
        System.out.println();
        System.out.printf(
                "%-26s %-7s %8s %7s %8s %11s %10s %12s %12s %12s %6s %6s%n",
                "client",
                "fault",
                "calls",
                "errors",
                "unknown",
                "longest ms",
                "over 50ms",
                "failover ms",
                "failback ms",
                "came back",
                "lost",
                "twice");
        for (FaultRun.Result r : results) {
            System.out.printf(
                    "%-26s %-7s %8d %7d %8d %11d %10d %12s %12s %12s %6d %6d%n",
                    r.client(),
                    r.fault(),
                    r.calls(),
                    r.errors(),
                    r.unknown(),
                    r.longestMillis(),
                    r.over50ms(),
                    r.failoverMillis() < 0 ? "never" : r.failoverMillis(),
                    r.failbackMillis() < 0 ? "not in 20 s" : r.failbackMillis(),
                    r.resurrected() + " of " + r.of(),
                    r.incrementsLost(),
                    r.incrementsTwice());
        }
    }
}
