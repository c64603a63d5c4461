package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Every fault that a cluster has, one after the other, under the calls of eight threads: the store alone on a cluster that
 * serves what it has, on one that requires all of its slots, and as first tier before a single server and memory. A row for
 * each.
 */
final class ClusterFaults {
    private static final int OUTAGE_SECONDS = 8;

    private ClusterFaults() {}

    /** Does something to a cluster, and ends it; returns the slots of each shard that it may cost something. */
    interface Fault {
        List<BitSet> on(RedisCluster cluster, TcpProxy seed) throws InterruptedException;
    }

    /**
     * Runs.
     *
     * @param wanted which faults; all if there are none
     */
    static void main(List<String> wanted) throws InterruptedException {
        Map<String, Fault> faults = faults();
        if (!faults.keySet().containsAll(wanted)) {
            throw new IllegalArgumentException("-Dfaults=cluster:NAME[+NAME] takes " + faults.keySet());
        }
        if (!wanted.isEmpty()) {
            faults.keySet().retainAll(wanted);
        }
        ClusterFaultRun.printHead();
        run(faults, "alone", false);
        run(faults, "coverage", true);
        run(faults, "tiers", false);
    }

    private static void run(Map<String, Fault> faults, String mode, boolean requireFullCoverage)
            throws InterruptedException {
        try (RedisCluster cluster = RedisCluster.builder()
                        .requireFullCoverage(requireFullCoverage)
                        .line("cluster-allow-reads-when-down yes")
                        .start();
                RedisServer single = RedisServer.start()) {
            for (Map.Entry<String, Fault> fault : faults.entrySet()) {
                new ClusterFaultRun(mode, fault.getKey(), fault.getValue(), cluster, single).run();
            }
        }
    }

    private static Map<String, Fault> faults() {
        Map<String, Fault> faults = new LinkedHashMap<>();
        faults.put("kill", (cluster, seed) -> {
            RedisServer master = cluster.masters().get(0);
            List<BitSet> hit = List.of(slotsOf(master));
            master.kill();
            TimeUnit.SECONDS.sleep(OUTAGE_SECONDS);
            master.restart(RedisServer.Data.KEEP);
            return hit;
        });
        faults.put("freeze", (cluster, seed) -> {
            RedisServer master = cluster.masters().get(0);
            List<BitSet> hit = List.of(slotsOf(master));
            master.freeze();
            TimeUnit.SECONDS.sleep(OUTAGE_SECONDS);
            master.thaw();
            return hit;
        });
        faults.put("failover", (cluster, seed) -> {
            RedisServer master = cluster.masters().get(0);
            List<BitSet> hit = List.of(slotsOf(master));
            cluster.failover(cluster.replicasOf(master).get(0));
            return hit;
        });
        faults.put("migrate", (cluster, seed) -> {
            List<RedisServer> masters = cluster.masters();
            cluster.migrateSlots(masters.get(0), masters.get(1), 1_000);
            cluster.migrateSlots(masters.get(1), masters.get(0), 1_000);
            return List.of();
        });
        faults.put("resize", (cluster, seed) -> {
            RedisServer old = cluster.masters().get(0);
            RedisServer added = cluster.addNode();
            cluster.migrateSlots(old, added, 500);
            cluster.migrateSlots(added, old, 500);
            cluster.removeNode(added);
            return List.of();
        });
        faults.put("most", (cluster, seed) -> {
            List<RedisServer> masters =
                    cluster.masters().subList(1, cluster.masters().size());
            List<BitSet> hit = slotsOfEach(masters);
            masters.forEach(RedisServer::kill);
            TimeUnit.SECONDS.sleep(OUTAGE_SECONDS);
            masters.forEach(master -> master.restart(RedisServer.Data.KEEP));
            return hit;
        });
        faults.put("rotate", (cluster, seed) -> {
            List<BitSet> hit = slotsOfEach(cluster.masters());
            cluster.setPassword("rotated");
            TimeUnit.SECONDS.sleep(1);
            cluster.nodes().forEach(node -> node.command("CLIENT", "KILL", "USER", "default"));
            TimeUnit.SECONDS.sleep(2);
            cluster.setPassword(null);
            return hit;
        });
        faults.put("restart", (cluster, seed) -> {
            List<BitSet> hit = slotsOfEach(cluster.masters());
            cluster.restart(RedisServer.Data.KEEP);
            return hit;
        });
        faults.put("ports", (cluster, seed) -> {
            List<BitSet> hit = slotsOfEach(cluster.masters());
            cluster.restartOnOtherPorts();
            seed.redirect(cluster.node(0).host(), cluster.node(0).port());
            return hit;
        });
        return faults;
    }

    private static List<BitSet> slotsOfEach(List<RedisServer> masters) {
        return masters.stream().map(ClusterFaults::slotsOf).toList();
    }

    /** The slots that a master serves, by its own line of {@code CLUSTER NODES}. */
    private static BitSet slotsOf(RedisServer master) {
        BitSet slots = new BitSet();
        for (String line :
                String.valueOf(master.command("CLUSTER", "NODES")).lines().toList()) {
            List<String> words = new ArrayList<>(List.of(line.split(" ", -1)));
            if (words.get(2).contains("myself")) {
                for (String range : words.subList(8, words.size())) {
                    int dash = range.indexOf('-');
                    slots.set(
                            Integer.parseInt(dash < 0 ? range : range.substring(0, dash)),
                            Integer.parseInt(range.substring(dash + 1)) + 1);
                }
            }
        }
        return slots;
    }
}
