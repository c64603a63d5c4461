package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ClusterStore;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.Traffic;
import dev.holdfast.cache.testkit.TrafficReport;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code Failover( cluster > single > memory )} while the cluster meets its faults, under the calls of eight threads. */
class ClusterFaultsTest {
    private static final Duration COMMAND_TIMEOUT = Duration.ofSeconds(10);
    private static final int SOME = 60;
    private static final AtomicInteger PREFIXES = new AtomicInteger();
    private static final TierPolicy POLICY = TierPolicy.DEFAULT.withMinProbeTimeout(Duration.ofMillis(500));
    private static final FailoverConfig CONFIG = FailoverConfig.DEFAULT
            .withFailoverTimeout(Duration.ofSeconds(20))
            .withGracePeriod(Duration.ofMillis(500))
            .withHealthCheckInterval(Duration.ofSeconds(2))
            .withRetryDelay(Duration.ofMillis(100))
            .withUnknownQuarantine(Duration.ofSeconds(2));

    private static RedisCluster cluster;
    private static RedisServer single;

    private FailoverStore store;
    private Traffic traffic;

    @BeforeAll
    static void startServers() {
        cluster = RedisCluster.builder().requireFullCoverage(false).start();
        single = RedisServer.start();
    }

    @AfterAll
    static void stopServers() {
        cluster.close();
        single.close();
    }

    @BeforeEach
    void startTraffic() {
        // Nodes that came back in the test before may still find out who follows whom.
        cluster.awaitHealthy();
        KeyPrefix prefix = KeyPrefix.of("cluster" + PREFIXES.incrementAndGet());
        store = FailoverStore.builder()
                .name(prefix.toString())
                .config(CONFIG)
                .tier(
                        "cluster",
                        ClusterStore.of(ClusterConfig.of(List.of(cluster.seeds().split(",")))
                                .withKeyPrefix(prefix)
                                .withConnectTimeout(Duration.ofSeconds(2))
                                .withCommandTimeout(COMMAND_TIMEOUT)
                                .withClusterDownRetry(Duration.ofMillis(50))),
                        POLICY)
                .tier(
                        "single",
                        SingleStore.of(SingleConfig.of(single.host(), single.port())
                                .withKeyPrefix(prefix)
                                .withConnectTimeout(Duration.ofSeconds(2))
                                .withCommandTimeout(COMMAND_TIMEOUT)),
                        POLICY)
                .memoryTier("memory", () -> MemoryStore.builder()
                        .maxBytes(16 << 20)
                        .keyPrefix(prefix.toString())
                        .build())
                .build();
        store.start(Duration.ofSeconds(20));
        await("the cluster to serve", this::isClusterClean);
        traffic = Traffic.on(store, 8, 42);
        traffic.awaitCalls(SOME);
    }

    @AfterEach
    void stopTraffic() {
        traffic.close();
        store.close();
    }

    @Test
    void whatMovesInAHealthyClusterIsNoticedByNobody() {
        RedisServer replica = cluster.replicasOf(cluster.masters().get(0)).get(0);
        cluster.failover(replica);
        traffic.awaitCalls(SOME);
        List<RedisServer> masters = cluster.masters();
        cluster.migrateSlots(masters.get(0), masters.get(1), 200);
        cluster.migrateSlots(masters.get(1), masters.get(0), 200);
        traffic.awaitCalls(SOME);

        TrafficReport report = stop();
        assertAll(
                () -> assertEquals(0, report.cameBack(), report::toString),
                () -> assertEquals(0, report.incrementsLost(), report::toString),
                () -> assertEquals(0, report.incrementsTwice(), report::toString));
    }

    @Test
    void aMasterThatHandsOverToItsReplicaCostsNoMiss() throws InterruptedException {
        List<String> keys = IntStream.range(0, 300).mapToObj(i -> "kept:" + i).toList();
        keys.forEach(key -> store.put(key, new byte[10], Duration.ofHours(1)));
        AtomicInteger misses = new AtomicInteger();
        AtomicBoolean over = new AtomicBoolean();
        Thread reader = new Thread(() -> {
            while (!over.get()) {
                keys.forEach(key -> misses.addAndGet(store.get(key) == null ? 1 : 0));
            }
        });
        reader.start();
        for (RedisServer master : cluster.masters()) {
            // As long as a replica takes that is behind.
            master.command("CLIENT", "PAUSE", "600", "WRITE");
            cluster.failover(cluster.replicasOf(master).get(0));
            traffic.awaitCalls(SOME);
        }
        over.set(true);
        reader.join();

        TrafficReport report = stop();
        assertAll(
                () -> assertEquals(0, misses.get(), () -> "misses of keys that are there: " + report),
                () -> assertEquals(0, report.incrementsLost(), report::toString));
    }

    /** Writes that a master had acknowledged and not yet passed on are lost with it: that is the cluster's, and not looked at. */
    @Test
    void mastersThatDieCostOperationsThatAreHarmlessToRepeatNothing() {
        RedisServer killed = cluster.masters().get(0);
        killed.kill();
        await("its replica to take over", () -> !cluster.masters().contains(killed));
        killed.restart(RedisServer.Data.KEEP);
        heal();
        RedisServer frozen = cluster.masters().get(1);
        frozen.freeze();
        await("its replica to take over", () -> !cluster.masters().contains(frozen));
        frozen.thaw();
        heal();

        stop();
    }

    @Test
    void aClusterThatDiesIsFollowedByTheSingleServerAndThenByMemory() {
        cluster.nodes().forEach(RedisServer::kill);
        await("the single server to answer", () -> isServing("single"));
        traffic.awaitCalls(SOME);
        single.kill();
        await("memory to answer", () -> isServing("memory"));
        traffic.awaitCalls(SOME);
        single.restart(RedisServer.Data.KEEP);
        cluster.restart(RedisServer.Data.KEEP);
        heal();

        TrafficReport report = stop();
        assertEquals(0, report.incrementsTwice(), report::toString);
    }

    private void heal() {
        cluster.awaitHealthy();
        await("the cluster to serve, clean", this::isClusterClean);
        traffic.awaitCalls(SOME);
    }

    private TrafficReport stop() {
        await("the cluster to serve, clean", this::isClusterClean);
        TrafficReport report = traffic.stop();
        System.out.println(report.summary());
        assertAll(
                () -> assertEquals(0, report.errors(), () -> "harmless operations that failed: " + report),
                () -> assertEquals(0, report.wrong(), () -> "values of other keys: " + report),
                () -> assertTrue(
                        report.longest().compareTo(COMMAND_TIMEOUT.dividedBy(2)) < 0,
                        () -> "somebody paid for a dead node: " + report));
        return report;
    }

    private boolean isServing(String tier) {
        return tier(tier).serving();
    }

    private boolean isClusterClean() {
        TierHealth tier = tier("cluster");
        return tier.serving() && tier.dirtyKeys() == 0 && tier.dirtyPrefixes() == 0 && tier.dirtyCounters() == 0;
    }

    private TierHealth tier(String wanted) {
        return store.health().tiers().stream()
                .filter(tier -> tier.name().equals(wanted))
                .findFirst()
                .orElseThrow();
    }

    private void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                fail("waited a minute for " + what + "; " + store.health().tiers());
            }
            LockSupport.parkNanos(5_000_000);
        }
    }
}
