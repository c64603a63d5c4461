package dev.holdfast.cache.benchmarks;

import java.util.ArrayList;
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
        String name = wanted.replaceFirst("[:@].*", "");
        String arguments = wanted.substring(name.length()).replaceFirst("^:", "");
        boolean kept =
                switch (name) {
                    case "soak" -> Soak.run(arguments.split(":"));
                    case "cluster" -> {
                        ClusterFaults.main(words(arguments));
                        yield true;
                    }
                    case "evidence" -> Evidence.run(Integer.parseInt(arguments.isEmpty() ? "60" : arguments));
                    case "instances" -> instances(arguments.isEmpty() ? "120" : arguments);
                    case "endings" -> Endings.run(words(arguments));
                    case "load" ->
                        LoadContract.run(words(arguments.isEmpty() ? "3+12+60" : arguments).stream()
                                .map(Integer::valueOf)
                                .toList());
                    case "clear" -> ClearLoad.run();
                    case "alone" -> Alone.run();
                    case "locks" -> LoadLocks.run();
                    case "roll" -> RollLoad.run();
                    case "processes" -> Processes.run(arguments);
                    default -> clients(wanted);
                };
        System.exit(kept ? 0 : 1);
    }

    private static List<String> words(String arguments) {
        return arguments.isEmpty() ? List.of() : List.of(arguments.split("\\+", -1));
    }

    private static boolean instances(String arguments) throws Exception {
        String[] parts = arguments.split(":", -1);
        return Instances.run(Integer.parseInt(parts[0]), parts.length > 1 ? Integer.parseInt(parts[1]) : 4);
    }

    /** Whether any client of those names was run. */
    private static boolean clients(String wanted) throws Exception {
        List<FaultResult> results = new ArrayList<>();
        for (Map.Entry<String, BiFunction<Integer, Integer, FaultClient>> client :
                FaultClient.all().entrySet()) {
            if (wanted.equals("all") || List.of(wanted.split(",")).contains(client.getKey())) {
                for (String fault : List.of("kill", "freeze")) {
                    results.add(run(client.getKey(), client.getValue(), fault));
                }
            }
        }
        System.out.println();
        System.out.println(FaultResult.HEAD);
        results.forEach(result -> System.out.println(result.row()));
        return !results.isEmpty();
    }

    private static FaultResult run(String name, BiFunction<Integer, Integer, FaultClient> client, String fault)
            throws Exception {
        for (int attempt = 1; ; attempt++) {
            FaultResult result = new FaultRun(name, client, fault).run();
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
}
