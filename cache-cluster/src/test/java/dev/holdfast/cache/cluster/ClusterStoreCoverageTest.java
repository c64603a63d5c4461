package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.eventually;
import static dev.holdfast.cache.cluster.Shards.slotsOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A cluster that refuses all keys while it lacks some ({@code cluster-require-full-coverage yes}, the servers' default). */
class ClusterStoreCoverageTest {
    @Test
    void callsForOtherShardsWaitForTheElectionRatherThanFail() {
        KeyPrefix prefix = KeyPrefix.of("coverage");
        try (RedisCluster cluster =
                        RedisCluster.builder().requireFullCoverage(true).start();
                ClusterStore store = ClusterStore.of(Shards.patient(cluster).withKeyPrefix(prefix));
                Load load = Load.on(store, prefix)) {
            load.awaitCalls(3_000);
            RedisServer master = cluster.masters().get(0);
            BitSet hit = slotsOf(master);
            master.kill();
            eventually("its replica to take over", () -> !cluster.masters().contains(master));
            load.awaitCalls(2_000);

            assertEquals(List.of(), load.failures(slot -> !hit.get(slot)), "failures of other shards");
            assertTrue(load.failures(hit::get).stream().noneMatch(failure -> failure.tookNanos() > 8_000_000_000L));
            assertEquals(List.of(), load.wrong());
        }
    }
}
