package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer.Data;
import java.nio.file.Files;
import java.time.Duration;
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
    void slotsAreThoseOfTheServer() {
        try (RedisCluster one =
                RedisCluster.builder().masters(1).replicasPerMaster(0).start()) {
            for (String key : List.of("", "k", "{tag}a", "a{tag}b", "{}k", "a{b", "grün", "}{x}")) {
                assertEquals((long) RedisCluster.slotOf(key), one.node(0).command("CLUSTER", "KEYSLOT", key), key);
            }
        }
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

    @Test
    void withTlsAndARotatedPasswordReplicationMigrationAndFailoverGoOn() {
        Certificates certificates = Certificates.create();
        try (RedisCluster secured =
                RedisCluster.builder().tls(certificates).password("first").start()) {
            assertTrue(secured.node(0).url().startsWith("rediss://:first@"));
            fill(secured);
            secured.setPassword("second");
            RedisServer old = secured.masterOf("k1");
            secured.failover(secured.replicasOf(old).get(0));
            assertNotSame(old, secured.masterOf("k1"));
            secured.migrateSlots(secured.masterOf("k1"), secured.masterOf("k2"), 50);
            secured.restart(Data.KEEP);
            assertFilled(secured);
            secured.removeNode(secured.replicas().get(0));
            secured.awaitHealthy();
            assertEquals(2, secured.replicas().size());
        }
    }

    /** As every node of a large cluster is for minutes, whenever a replica takes all data of its master. */
    @Test
    void aNodeThatStillLoadsIsWaitedForUntilItAnswersAReadAndTheOthersServeMeanwhile() throws Exception {
        try (RedisCluster loading = RedisCluster.builder()
                .requireFullCoverage(false)
                .line("key-load-delay 20000")
                .line("loading-process-events-interval-bytes 1024")
                .line("rdbcompression no")
                .persistence(RedisServer.Persistence.RDB)
                .start()) {
            RedisServer master = loading.masterOf("k");
            RedisServer replica = loading.replicasOf(master).get(0);
            for (int i = 0; i < 50; i++) {
                master.command("SET", "{k}" + i, "x".repeat(1000));
            }
            replica.restartWithoutWaiting(Data.EMPTY);
            Eventually.until("the replica to load what its master has", () -> isRefusedAsLoading(replica));

            assertEquals(master, loading.masterOf("k"));
            loading.awaitHealthy();

            try (RespConnection reader = RespConnection.open(replica.port(), null, Duration.ofSeconds(30))) {
                reader.call("READONLY");
                assertNotNull(reader.call("GET", "{k}1"));
            }
        }
    }

    private static boolean isRefusedAsLoading(RedisServer server) {
        try {
            // With a key it would name the key's master.
            server.command("DBSIZE");
            return false;
        } catch (IllegalStateException e) {
            return String.valueOf(e.getMessage()).startsWith("LOADING");
        }
    }

    private static void fill(RedisCluster filled) {
        for (int i = 0; i < KEYS; i++) {
            filled.masterOf("k" + i).command("SET", "k" + i, "v" + i);
        }
    }

    private static void assertFilled(RedisCluster filled) {
        filled.awaitHealthy();
        for (int i = 0; i < KEYS; i++) {
            assertEquals("v" + i, filled.masterOf("k" + i).command("GET", "k" + i));
        }
    }
}
