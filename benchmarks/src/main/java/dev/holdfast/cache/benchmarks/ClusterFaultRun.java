package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.benchmarks.ClusterLoad.Outcome;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ClusterStore;
import dev.holdfast.cache.failover.FailoverStore;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** One fault of a cluster, from quiet to quiet, and its row. */
final class ClusterFaultRun {
    private static final int SOME = 3_000;

    private final String mode;
    private final String name;
    private final ClusterFaults.Fault fault;
    private final RedisCluster cluster;
    private final RedisServer single;

    ClusterFaultRun(String mode, String name, ClusterFaults.Fault fault, RedisCluster cluster, RedisServer single) {
        this.mode = mode;
        this.name = name;
        this.fault = fault;
        this.cluster = cluster;
        this.single = single;
    }

    static void printHead() {
        System.out.printf(
                "%-9s %-9s %7s %10s %7s %13s %10s %6s %12s %8s %9s%n",
                "store",
                "fault",
                "calls",
                "failed hit",
                "dead ms",
                "failed others",
                "longest ms",
                "wrong",
                "connections",
                "threads",
                "stall ms");
    }

    void run() throws InterruptedException {
        long threads = threads();
        RedisServer first = cluster.node(0);
        try (TcpProxy seed = TcpProxy.to(first.host(), first.port())) {
            KeyPrefix prefix = KeyPrefix.of(mode + '-' + name);
            CacheStore store = store(seed, prefix);
            ClusterLoad load = new ClusterLoad(store, prefix, mode.equals("tiers"));
            load.awaitCalls(SOME);
            load.resetStall();
            long before = connections();
            long start = System.nanoTime();
            List<BitSet> hit = fault.on(cluster, seed);
            cluster.awaitHealthy();
            TimeUnit.SECONDS.sleep(2);
            load.awaitCalls(SOME);
            long after = connections();
            load.stop();
            List<Outcome> outcomes = load.since(start);
            store.close();
            print(outcomes, hit, start, before + ">" + after + '>' + settled(), load.stallMillis(), threads);
        }
    }

    private CacheStore store(TcpProxy seed, KeyPrefix prefix) {
        ClusterConfig config =
                ClusterConfig.of(List.of("127.0.0.1:" + seed.port())).withKeyPrefix(prefix);
        if (!mode.equals("tiers")) {
            return ClusterStore.of(config);
        }
        FailoverStore store = FailoverStore.builder()
                .name(name)
                // As the environment would have it.
                .tier("cluster", ClusterStore.of(config.withClusterDownRetry(Duration.ofMillis(50))))
                .tier(
                        "single",
                        SingleStore.of(
                                SingleConfig.of(single.host(), single.port()).withKeyPrefix(prefix)))
                .memoryTier("memory", () -> MemoryStore.builder()
                        .maxBytes(16 << 20)
                        .keyPrefix(prefix.toString())
                        .build())
                .build();
        store.start(Duration.ofSeconds(5));
        return store;
    }

    private void print(
            List<Outcome> outcomes, List<BitSet> hit, long start, String connections, long stall, long threads) {
        List<Outcome> failed =
                outcomes.stream().filter(outcome -> !outcome.answered()).toList();
        List<Outcome> others = failed.stream()
                .filter(outcome -> hit.stream().noneMatch(slots -> slots.get(outcome.slot())))
                .toList();
        long reads = others.stream().filter(Outcome::read).count();
        System.out.printf(
                Locale.ROOT,
                "%-9s %-9s %7d %10d %7d %13s %10d %6d %12s %8s %9d%n",
                mode,
                name,
                outcomes.size(),
                failed.size() - others.size(),
                hit.stream()
                        .mapToLong(slots -> deadMillis(outcomes, slots, start))
                        .max()
                        .orElse(0),
                others.isEmpty() ? "0" : reads + "r+" + (others.size() - reads) + "w",
                outcomes.stream()
                                .mapToLong(outcome -> outcome.endNanos() - outcome.startNanos())
                                .max()
                                .orElse(0)
                        / 1_000_000,
                outcomes.stream().filter(outcome -> outcome.wrong() != null).count(),
                connections,
                threads + ">" + threads(),
                stall);
        remark(
                "hit",
                failed.stream().filter(outcome -> !others.contains(outcome)).toList());
        remark("others", others);
        outcomes.stream()
                .filter(outcome -> outcome.wrong() != null)
                .limit(2)
                .forEach(outcome -> System.out.println("    wrong: " + outcome.wrong()));
    }

    /** The longest time in which no call of a shard was answered. */
    private static long deadMillis(List<Outcome> outcomes, BitSet slots, long start) {
        long[] answered = outcomes.stream()
                .filter(outcome -> outcome.answered() && slots.get(outcome.slot()))
                .mapToLong(outcome -> outcome.endNanos() - start)
                .sorted()
                .toArray();
        long longest = 0;
        long last = 0;
        for (long moment : answered) {
            longest = Math.max(longest, moment - last);
            last = moment;
        }
        return longest / 1_000_000;
    }

    private static void remark(String which, List<Outcome> failed) {
        Map<String, Integer> counts = new TreeMap<>();
        for (Outcome outcome : failed) {
            RuntimeException e = outcome.failure();
            String kind = e instanceof CacheUnavailableException unavailable
                    ? unavailable.getClass().getSimpleName() + '/' + unavailable.reason()
                    : String.valueOf(e);
            counts.merge(kind, 1, Integer::sum);
        }
        if (!failed.isEmpty()) {
            System.out.println(
                    "    " + which + ": " + counts + ", one: " + failed.get(0).failure());
        }
    }

    /** Connections of the default user to all nodes, without the nodes' own. */
    private long connections() {
        return cluster.nodes().stream()
                .flatMap(node -> String.valueOf(node.command("CLIENT", "LIST")).lines())
                .filter(line -> line.contains(" user=default ") && !line.matches(".* flags=\\S*[SM].*"))
                .count();
    }

    /** What is left of them once they have had the time to go. */
    private long settled() throws InterruptedException {
        for (int i = 0; i < 100 && connections() > 0; i++) {
            TimeUnit.MILLISECONDS.sleep(20);
        }
        return connections();
    }

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("holdfast"))
                .count();
    }
}
