package dev.holdfast.cache.validation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Clusters that are ready and some that are not, and what is left on them. */
class ValidationClusterTest {
    @Test
    void aGoodClusterIsReadyAndAMissingSlotIsNamed() {
        try (RedisCluster cluster =
                RedisCluster.builder().requireFullCoverage(false).start()) {
            String[] variables = {"REDIS_CLUSTER_ENABLED", "true", "REDIS_CLUSTER_NODES", cluster.seeds()};
            Run.patient(variables).mustBeReady("Good");
            cluster.masters().forEach(master -> assertEquals(0L, master.command("DBSIZE"), master.toString()));

            cluster.nodes().forEach(node -> node.command("CLUSTER", "DELSLOTS", "0"));
            Run.patient(variables).mustFail("cluster: slots", "16383 of 16384", "REDIS_CLUSTER_NODES");
        }
    }

    @Test
    void aClusterWhoseSeedIsAReplicaIsReadyAndIsLeftEmpty() {
        try (RedisCluster cluster = RedisCluster.start()) {
            String seed = "127.0.0.1:" + cluster.replicas().get(0).port();
            Run.patient("REDIS_CLUSTER_ENABLED", "true", "REDIS_CLUSTER_NODES", seed)
                    .mustBeReady("Good");
            cluster.masters().forEach(master -> assertEquals(0L, master.command("DBSIZE"), master.toString()));
        }
    }

    @Test
    void aMasterThatCanNotBeCleanedKeepsNoOtherFromIt() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start()) {
            RedisServer seed = cluster.node(0);
            int first = ClusterNodes.parse(String.valueOf(seed.command("CLUSTER", "NODES")), List.of())
                    .masters()
                    .get(0)
                    .port();
            for (RedisServer master : cluster.masters()) {
                if (master.port() == first) {
                    master.command("ACL", "SETUSER", "default", "-scan");
                }
            }
            Run run = Run.patient("REDIS_CLUSTER_ENABLED", "true", "REDIS_CLUSTER_NODES", "127.0.0.1:" + seed.port());
            run.mustFail("cluster: commands", "refuses SCAN");
            assertTrue(run.line("cluster: cleanup").contains("scan"), run.output());
            for (RedisServer master : cluster.masters()) {
                assertEquals(master.port() == first ? 1L : 0L, master.command("DBSIZE"), master.toString());
            }
        }
    }

    @Test
    void aMasterWithoutAReplicaIsNamed() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start()) {
            Run.patient("REDIS_CLUSTER_ENABLED", "true", "REDIS_CLUSTER_NODES", cluster.seeds())
                    .mustFail(
                            "cluster: replicas", "127.0.0.1:" + cluster.node(0).port(), "REDIS_CLUSTER_NODES");
        }
    }

    @Test
    void nodesAreReachedWhereTheClientReachesThem() {
        try (RedisCluster cluster = RedisCluster.start()) {
            cluster.nodes().forEach(node -> {
                node.command("CONFIG", "SET", "cluster-announce-hostname", "announced.invalid");
                node.command("CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname");
            });
            Run.patient("REDIS_CLUSTER_NODES", cluster.seeds(), "REDIS_CONNECT_TIMEOUT", "1000")
                    .mustFail("cluster: masters", "announced.invalid", "does not resolve", "REDIS_CLUSTER_ADDRESSES");
            Run.patient("REDIS_CLUSTER_NODES", cluster.seeds(), "REDIS_CLUSTER_ADDRESSES", "seed")
                    .mustBeReady("Good");
            cluster.masters().forEach(master -> assertEquals(0L, master.command("DBSIZE"), master.toString()));
        }
    }

    @Test
    void everyConfiguredNodeIsAskedAndOneOfAnotherClusterIsNamed() {
        try (RedisCluster cluster = RedisCluster.start();
                RedisCluster other =
                        RedisCluster.builder().masters(3).replicasPerMaster(0).start();
                RedisServer alone = RedisServer.start()) {
            String seed = "127.0.0.1:" + cluster.node(0).port();
            String foreign = "127.0.0.1:" + other.node(0).port();
            Run.patient("REDIS_CLUSTER_NODES", seed + ',' + foreign)
                    .mustFail("cluster: nodes", foreign + " is of another cluster", "REDIS_CLUSTER_NODES");
            Run.patient("REDIS_CLUSTER_NODES", seed + ",127.0.0.1:" + alone.port())
                    .mustFail("cluster: nodes", "127.0.0.1:" + alone.port(), "cluster support", "REDIS_CLUSTER_NODES");
            Run dead = Run.patient("REDIS_CLUSTER_NODES", seed + ",nowhere.invalid:7001");
            dead.mustBeReady("Good");
            assertTrue(
                    dead.line("cluster: nodes")
                            .startsWith("warn  cluster: nodes        no answer from nowhere.invalid"),
                    dead.output());
        }
    }

    @Test
    void aClusterThatIsNamedAsAServerAndAServerThatIsNamedAsAClusterAreTold() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                RedisServer alone = RedisServer.start()) {
            for (RedisServer node : cluster.nodes()) {
                Run.patient("REDIS_URL", node.url())
                        .mustFail("single: writes", "MOVED", "name it by REDIS_CLUSTER_NODES, not by REDIS_URL");
            }
            Run.patient("REDIS_CLUSTER_NODES", "127.0.0.1:" + alone.port())
                    .mustFail("cluster: slots", "cluster support disabled", "a server alone is named by REDIS_URL");
        }
    }

    @Test
    void aUserWhoMayNotAskForTheNodesIsReadyAsTheClientIs() {
        try (RedisCluster cluster = RedisCluster.start()) {
            cluster.nodes().forEach(node -> node.command("ACL", "SETUSER", "default", "-cluster|nodes"));
            // A replica is told of once it has had something from its master, be it a ping after ten seconds.
            long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (!toldOf(cluster.node(0), 6)) {
                assertTrue(System.nanoTime() - end < 0, "the replicas");
                LockSupport.parkNanos(50_000_000);
            }
            Run run = Run.patient("REDIS_CLUSTER_NODES", cluster.seeds());
            run.mustBeReady("Good");
            assertTrue(run.line("cluster: replicas").contains("each of 3 masters"), run.output());
        }
    }

    private static boolean toldOf(RedisServer node, int nodes) {
        return node.command("CLUSTER", "SLOTS") instanceof List<?> ranges
                && ranges.stream()
                                .mapToInt(range -> ((List<?>) range).size() - 2)
                                .sum()
                        == nodes;
    }
}
