package dev.holdfast.cache.cluster;

import dev.holdfast.cache.KeyPrefix;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Every fault a cluster has, one after the other, under load; prints what each cost. Not part of the build, since it takes minutes:
 * the faults that matter most are in {@link ClusterStoreFaultTest}. Arguments name the faults to run, and {@code coverage} runs them
 * with {@code cluster-require-full-coverage yes}.
 */
final class ClusterFaults {
    private ClusterFaults() {}

    public static void main(String[] arguments) {
        List<String> wanted = List.of(arguments);
        try (RedisCluster cluster = RedisCluster.builder()
                .requireFullCoverage(wanted.contains("coverage"))
                .start()) {
            ClusterConfig config = ClusterConfig.of(List.of(cluster.seeds().split(",")));
            fault(wanted, "kill", cluster, config, ClusterFaults::kill);
            fault(wanted, "freeze", cluster, config, ClusterFaults::freeze);
            fault(wanted, "failover", cluster, config, ClusterFaults::failover);
            fault(wanted, "migrate", cluster, config, ClusterFaults::migrate);
            fault(wanted, "resize", cluster, config, ClusterFaults::resize);
            fault(wanted, "restart", cluster, config, ClusterFaults::restart);
            fault(wanted, "rotate", cluster, config, ClusterFaults::rotate);
            fault(wanted, "most", cluster, config, ClusterFaults::killMost);
        }
    }

    /** Does something to a cluster and returns the slots that it is allowed to cost. */
    private interface Fault {
        BitSet on(RedisCluster cluster, Load load);
    }

    private static void fault(
            List<String> wanted, String name, RedisCluster cluster, ClusterConfig config, Fault fault) {
        if (wanted.stream().anyMatch(word -> !word.equals("coverage")) && !wanted.contains(name)) {
            return;
        }
        KeyPrefix prefix = KeyPrefix.of(name);
        try (ClusterStore store = ClusterStore.of(config.withKeyPrefix(prefix));
                Load load = Load.on(store, prefix)) {
            load.awaitCalls(5_000);
            load.forget();
            long callsBefore = load.calls();
            long start = System.nanoTime();
            BitSet hit = fault.on(cluster, load);
            long calls = load.calls() - callsBefore;
            System.out.printf(
                    "%-9s %6d calls, failed: %4d of hit shards (for %5d ms), %d of others; longest %d ms; wrong %d%n",
                    name,
                    calls,
                    load.failures(hit::get).size(),
                    load.failingMillis(start),
                    load.failures(slot -> !hit.get(slot)).size(),
                    load.longestMillis(),
                    load.wrong().size());
            System.out.println("          " + load.summary());
            load.wrong().stream().limit(3).forEach(wrong -> System.out.println("          " + wrong));
        }
    }

    private static BitSet kill(RedisCluster cluster, Load load) {
        RedisServer master = cluster.masters().get(0);
        BitSet hit = slotsOf(master);
        master.kill();
        sleep(Duration.ofSeconds(8));
        master.restart(RedisServer.Data.KEEP);
        cluster.awaitHealthy();
        sleep(Duration.ofSeconds(1));
        return hit;
    }

    private static BitSet freeze(RedisCluster cluster, Load load) {
        RedisServer master = cluster.masters().get(0);
        BitSet hit = slotsOf(master);
        master.freeze();
        sleep(Duration.ofSeconds(8));
        master.thaw();
        cluster.awaitHealthy();
        sleep(Duration.ofSeconds(1));
        return hit;
    }

    private static BitSet failover(RedisCluster cluster, Load load) {
        RedisServer master = cluster.masters().get(0);
        BitSet hit = slotsOf(master);
        cluster.failover(cluster.replicasOf(master).get(0));
        sleep(Duration.ofSeconds(2));
        return hit;
    }

    private static BitSet migrate(RedisCluster cluster, Load load) {
        List<RedisServer> masters = cluster.masters();
        cluster.migrateSlots(masters.get(0), masters.get(1), 1_000);
        cluster.migrateSlots(masters.get(1), masters.get(0), 1_000);
        return new BitSet();
    }

    private static BitSet resize(RedisCluster cluster, Load load) {
        RedisServer old = cluster.masters().get(0);
        RedisServer added = cluster.addNode();
        cluster.migrateSlots(old, added, 500);
        sleep(Duration.ofSeconds(1));
        cluster.migrateSlots(added, old, 500);
        cluster.removeNode(added);
        sleep(Duration.ofSeconds(1));
        return new BitSet();
    }

    private static BitSet restart(RedisCluster cluster, Load load) {
        cluster.restart(RedisServer.Data.KEEP);
        sleep(Duration.ofSeconds(2));
        return all();
    }

    private static BitSet rotate(RedisCluster cluster, Load load) {
        cluster.setPassword("rotated");
        sleep(Duration.ofSeconds(2));
        cluster.setPassword(null);
        sleep(Duration.ofSeconds(2));
        return new BitSet();
    }

    private static BitSet killMost(RedisCluster cluster, Load load) {
        List<RedisServer> masters = cluster.masters();
        BitSet hit = new BitSet();
        for (RedisServer master : masters.subList(1, masters.size())) {
            hit.or(slotsOf(master));
        }
        masters.subList(1, masters.size()).forEach(RedisServer::kill);
        sleep(Duration.ofSeconds(8));
        masters.subList(1, masters.size()).forEach(master -> master.restart(RedisServer.Data.KEEP));
        cluster.awaitHealthy();
        sleep(Duration.ofSeconds(2));
        return hit;
    }

    /** The slots that a master serves. */
    static BitSet slotsOf(RedisServer master) {
        byte[] nodes = String.valueOf(master.command("CLUSTER", "NODES")).getBytes(StandardCharsets.UTF_8);
        return View.parse(nodes, List.of(), new Address(master.host(), master.port())).members().stream()
                .filter(View.Member::isMyself)
                .findFirst()
                .orElseThrow()
                .slots();
    }

    private static BitSet all() {
        BitSet slots = new BitSet();
        slots.set(0, Slots.COUNT);
        return slots;
    }

    private static void sleep(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        while (end - System.nanoTime() > 0) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
    }
}
