package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ClusterStore;
import dev.holdfast.cache.failover.FailoverStore;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What one client sends to a cluster beyond its calls, counted by the servers' own statistics: while it is idle, busy with reads,
 * busy with writes, with a node at its limit of clients, with a dead node that nobody replaces, and around an election. A row for each;
 * {@code docs/scale.md} promises the bounds, and a row beyond them ends the program with 1.
 *
 * <p>{@code -Dfaults=load[:MASTERS[+MASTERS]]}; 3, 12 and 60 by default.
 */
final class LoadContract {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int SECONDS = 60;
    private static final Pattern CALLS = Pattern.compile("cmdstat_([^:]+):calls=(\\d+)");

    private final RedisCluster cluster;
    private final int masters;
    private boolean kept = true;

    private LoadContract(RedisCluster cluster, int masters) {
        this.cluster = cluster;
        this.masters = masters;
    }

    /** Runs; returns whether every bound was kept. */
    static boolean run(List<Integer> sizes) throws InterruptedException {
        System.out.printf(
                "%-8s %-22s %10s %16s %16s %10s%n",
                "masters", "state", "calls/s", "health/s/node", "questions/s", "found ms");
        boolean kept = true;
        for (int masters : sizes) {
            try (RedisCluster cluster = RedisCluster.builder()
                    .masters(masters)
                    .replicasPerMaster(1)
                    .requireFullCoverage(false)
                    .start()) {
                LoadContract contract = new LoadContract(cluster, masters);
                contract.healthy();
                contract.full();
                contract.dead();
                kept &= contract.kept;
            }
        }
        return kept;
    }

    private ClusterConfig config() {
        return ClusterConfig.of(List.of(cluster.seeds().split(",", -1))).withClusterDownRetry(Duration.ZERO);
    }

    private void healthy() throws InterruptedException {
        List<RedisServer> nodes = cluster.masters();
        try (CacheStore store = FailoverStore.builder()
                .tier("cluster", ClusterStore.of(config()))
                .memoryTier("memory", () -> MemoryStore.builder().build())
                .build()) {
            for (int i = 0; i < 20 * masters; i++) {
                store.get("k" + i);
            }
            measure("idle", nodes, () -> Thread.sleep(1_000), 0);
            measure("reads", nodes, () -> calls(store, false), 0);
            measure("changes", nodes, () -> calls(store, true), 100);
        }
    }

    /** A hundred calls a second. */
    private static void calls(CacheStore store, boolean changes) throws InterruptedException {
        for (int i = 0; i < 100; i++) {
            String key = "k" + i;
            if (changes) {
                // Not by SET, which is what canaries are written with.
                store.expire(key, TTL);
            } else {
                store.get(key);
            }
            Thread.sleep(10);
        }
    }

    private interface Second {
        void pass() throws InterruptedException;
    }

    /** Measures the same for a minute, in each second of which so much is changed. */
    private void measure(String state, List<RedisServer> nodes, Second second, int changes)
            throws InterruptedException {
        reset(nodes);
        long start = System.nanoTime();
        for (int i = 0; i < SECONDS; i++) {
            second.pass();
        }
        double took = (System.nanoTime() - start) / 1e9;
        double health = count(nodes, LoadContract::isHealth) / took / nodes.size();
        double questions = count(nodes, LoadContract::isQuestion) / took;
        double all = count(nodes, name -> !name.startsWith("config") && !name.equals("info")) / took;
        row(state, all, health, questions, -1);
        kept &= health <= 0.1 + changes / 2_000.0 && questions <= 0.1;
    }

    /** Room for one connection more than the one that probes, and 64 callers. */
    private void full() throws InterruptedException {
        RedisServer node = cluster.masters().get(0);
        try (ClusterStore store = ClusterStore.of(config().withPoolSize(20))) {
            String key = keyOn(node);
            store.get(key);
            node.command("CONFIG", "SET", "maxclients", "1");
            long before = rejected(node);
            long start = System.nanoTime();
            Thread[] callers = new Thread[64];
            for (int i = 0; i < callers.length; i++) {
                callers[i] = new Thread(() -> {
                    while (System.nanoTime() - start < 10_000_000_000L) {
                        store.get(key);
                    }
                });
                callers[i].start();
            }
            for (Thread caller : callers) {
                caller.join();
            }
            double refused = (rejected(node) - before) / ((System.nanoTime() - start) / 1e9);
            System.out.printf(Locale.ROOT, "%-8d %-22s %10.2f refused dials/s%n", masters, "maxclients", refused);
            kept &= refused <= 10;
        } finally {
            node.command("CONFIG", "SET", "maxclients", "10000");
        }
    }

    private void dead() throws InterruptedException {
        RedisServer dead = cluster.masters().get(1);
        RedisServer replica = cluster.replicasOf(dead).get(0);
        List<RedisServer> others =
                cluster.nodes().stream().filter(node -> !node.equals(dead)).toList();
        try (ClusterStore store = ClusterStore.of(config())) {
            String key = keyOn(dead);
            store.put(key, "1".getBytes(StandardCharsets.UTF_8), TTL);
            replica.command("CONFIG", "SET", "cluster-replica-no-failover", "yes");
            // However long it had no master.
            replica.command("CONFIG", "SET", "cluster-replica-validity-factor", "0");
            dead.kill();
            reset(others);
            long start = System.nanoTime();
            while (System.nanoTime() - start < SECONDS * 1_000_000_000L) {
                isAnswered(store, key);
                Thread.sleep(20);
            }
            double questions = count(others, LoadContract::isQuestion) / ((System.nanoTime() - start) / 1e9);
            row("dead, nobody elected", 50, 0, questions, -1);
            kept &= questions <= 2.1;
            replica.command("CONFIG", "SET", "cluster-replica-no-failover", "no");
            while (!String.valueOf(replica.command("ROLE")).contains("master")) {
                isAnswered(store, key);
                Thread.sleep(5);
            }
            long elected = System.nanoTime();
            while (!isAnswered(store, key)) {
                Thread.sleep(5);
            }
            long found = (System.nanoTime() - elected) / 1_000_000;
            row("elected", 50, 0, 0, found);
            kept &= found <= 550;
            Thread.sleep(2_000);
            reset(others);
            Thread.sleep(SECONDS * 1_000L);
            double after = count(others, LoadContract::isQuestion) / SECONDS;
            row("dead, all served", 0, count(others, LoadContract::isHealth) / SECONDS / others.size(), after, -1);
            kept &= after <= 0.1;
        }
    }

    private static boolean isHealth(String command) {
        return command.equals("ping") || command.equals("set");
    }

    private static boolean isQuestion(String command) {
        return command.startsWith("cluster");
    }

    private static boolean isAnswered(CacheStore store, String key) {
        try {
            store.get(key);
            return true;
        } catch (CacheException e) {
            return false;
        }
    }

    private String keyOn(RedisServer master) {
        for (int i = 0; ; i++) {
            String key = "on" + i;
            if (cluster.masterOf(key).equals(master)) {
                return key;
            }
        }
    }

    private void row(String state, double calls, double health, double questions, long foundMillis) {
        System.out.printf(
                Locale.ROOT,
                "%-8d %-22s %10.2f %16.4f %16.3f %10s%n",
                masters,
                state,
                calls,
                health,
                questions,
                foundMillis < 0 ? "" : String.valueOf(foundMillis));
    }

    private static void reset(List<RedisServer> servers) {
        servers.forEach(server -> server.command("CONFIG", "RESETSTAT"));
    }

    private static double count(List<RedisServer> servers, Predicate<String> names) {
        long calls = 0;
        for (RedisServer server : servers) {
            Matcher lines = CALLS.matcher(String.valueOf(server.command("INFO", "commandstats")));
            while (lines.find()) {
                calls += names.test(lines.group(1)) ? Long.parseLong(lines.group(2)) : 0;
            }
        }
        return calls;
    }

    private static long rejected(RedisServer server) {
        Matcher line =
                Pattern.compile("rejected_connections:(\\d+)").matcher(String.valueOf(server.command("INFO", "stats")));
        return line.find() ? Long.parseLong(line.group(1)) : 0;
    }
}
