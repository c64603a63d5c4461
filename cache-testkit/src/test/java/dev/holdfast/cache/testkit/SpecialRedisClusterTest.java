package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer.Data;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Clusters that are set up otherwise than most, each for one test. */
@Execution(ExecutionMode.CONCURRENT)
class SpecialRedisClusterTest {
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
    void withTlsAndARotatedPasswordReplicationMigrationAndFailoverGoOn() {
        Certificates certificates = Certificates.create();
        try (RedisCluster secured =
                RedisCluster.builder().tls(certificates).password("first").start()) {
            assertTrue(secured.node(0).url().startsWith("rediss://:first@"));
            RedisClusterTest.fill(secured);
            secured.setPassword("second");
            RedisServer old = secured.masterOf("k1");
            secured.failover(secured.replicasOf(old).get(0));
            assertNotSame(old, secured.masterOf("k1"));
            secured.migrateSlots(secured.masterOf("k1"), secured.masterOf("k2"), 50);
            secured.restart(Data.KEEP);
            RedisClusterTest.assertFilled(secured);
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
}
