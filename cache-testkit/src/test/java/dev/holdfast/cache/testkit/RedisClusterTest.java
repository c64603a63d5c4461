package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer.Data;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RedisClusterTest {
    private static final int KEYS = 100;

    private static RedisCluster cluster;

    @BeforeAll
    static void start() {
        cluster = RedisCluster.builder().requireFullCoverage(false).start();
    }

    @AfterAll
    static void stop() {
        List<RedisServer> nodes = cluster.nodes();
        cluster.close();
        for (RedisServer node : nodes) {
            assertFalse(node.isRunning());
            assertFalse(Files.exists(node.directory()));
        }
    }

    @BeforeEach
    void fillIt() {
        fill(cluster);
    }

    @Test
    void threeMastersWithAReplicaEachServeEverySlot() {
        assertEquals(6, cluster.nodes().size());
        assertEquals(3, cluster.masters().size());
        assertEquals(3, cluster.replicas().size());
        assertEquals(6, cluster.seeds().split(",", -1).length);
        for (RedisServer master : cluster.masters()) {
            assertEquals(1, cluster.replicasOf(master).size());
        }
        assertFilled(cluster);
    }

    @Test
    void afterAFailoverTheReplicaIsMasterAndNothingIsLost() {
        RedisServer master = cluster.masterOf("k1");
        RedisServer replica = cluster.replicasOf(master).get(0);
        cluster.failover(replica);
        assertEquals(replica, cluster.masterOf("k1"));
        assertTrue(cluster.replicas().contains(master));
        assertFilled(cluster);
    }

    @Test
    void ofAKilledAndOfAFrozenMasterTheReplicaTakesOver() throws Exception {
        RedisServer killed = cluster.masterOf("k1");
        killed.kill();
        Eventually.until("a new master", () -> cluster.masterOf("k1") != killed);
        killed.restart(Data.KEEP);
        Eventually.until("the old one as a replica", () -> cluster.replicas().contains(killed));
        cluster.awaitHealthy();

        RedisServer frozen = cluster.masterOf("k1");
        frozen.freeze();
        Eventually.until("a new master", () -> cluster.masterOf("k1") != frozen);
        frozen.thaw();
        Eventually.until("the old one as a replica", () -> cluster.replicas().contains(frozen));
        cluster.awaitHealthy();
        assertFilled(cluster);
    }

    @Test
    void migratedSlotsTakeTheirKeysAlongAndBack() {
        RedisServer from = cluster.masters().get(0);
        RedisServer to = cluster.masters().get(1);
        long before = (Long) from.command("DBSIZE");
        cluster.migrateSlots(from, to, 200);
        assertTrue((Long) from.command("DBSIZE") < before, "no key has moved");
        assertFilled(cluster);
        cluster.migrateSlots(to, from, 200);
        assertFilled(cluster);
        assertThrows(IllegalStateException.class, () -> cluster.migrateSlots(from, to, 16_384));
    }

    @Test
    void aNodeIsAddedGivenSlotsAndRemoved() {
        RedisServer added = cluster.addNode();
        assertFalse(cluster.masters().contains(added));
        RedisServer giver = cluster.masters().get(0);
        cluster.migrateSlots(giver, added, 100);
        assertTrue(cluster.masters().contains(added));
        assertThrows(IllegalStateException.class, () -> cluster.removeNode(added));
        cluster.migrateSlots(added, giver, 100);
        cluster.removeNode(added);
        assertFalse(added.isRunning());
        assertEquals(6, cluster.nodes().size());
        cluster.awaitHealthy();
        assertFilled(cluster);
    }

    @Test
    void restartedAsAWholeItKeepsItsData() {
        String seeds = cluster.seeds();
        cluster.restart(Data.KEEP);
        assertEquals(seeds, cluster.seeds());
        assertFilled(cluster);
        cluster.restartOnOtherPorts();
        Set<String> before = new HashSet<>(List.of(seeds.split(",", -1)));
        Set<String> after = new HashSet<>(List.of(cluster.seeds().split(",", -1)));
        assertNotEquals(before, after);
        after.retainAll(before);
        assertEquals(Set.of(), after);
        assertFilled(cluster);
    }

    static void fill(RedisCluster filled) {
        for (int i = 0; i < KEYS; i++) {
            filled.masterOf("k" + i).command("SET", "k" + i, "v" + i);
        }
    }

    static void assertFilled(RedisCluster filled) {
        filled.awaitHealthy();
        for (int i = 0; i < KEYS; i++) {
            assertEquals("v" + i, filled.masterOf("k" + i).command("GET", "k" + i));
        }
    }
}
