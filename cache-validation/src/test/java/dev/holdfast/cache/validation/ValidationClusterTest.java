package dev.holdfast.cache.validation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
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
            int first = ClusterNodes.parse(String.valueOf(seed.command("CLUSTER", "NODES")))
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
}
