package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.KeyPrefix;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a fault costs, under load, on a cluster that serves what it has ({@code cluster-require-full-coverage no}). */
class ClusterStoreFaultTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final AtomicInteger PREFIXES = new AtomicInteger();
    private static RedisCluster cluster;

    private ClusterStore store;
    private Load load;

    @BeforeAll
    static void startCluster() {
        cluster = RedisCluster.builder().requireFullCoverage(false).start();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    @BeforeEach
    void startLoad() {
        KeyPrefix prefix = KeyPrefix.of("fault" + PREFIXES.incrementAndGet());
        store = ClusterStore.of(
                ClusterConfig.of(List.of(cluster.seeds().split(","))).withKeyPrefix(prefix));
        load = Load.on(store, prefix);
        load.awaitCalls(3_000);
        load.forget();
    }

    @AfterEach
    void stopLoad() {
        load.close();
        store.close();
    }

    @Test
    void aKilledMasterCostsItsShardAnElectionAndTheOthersNothing() {
        RedisServer master = cluster.masters().get(0);
        BitSet hit = ClusterFaults.slotsOf(master);
        master.kill();

        outlives(hit);
        master.restart(RedisServer.Data.KEEP);
        cluster.awaitHealthy();
    }

    @Test
    void aFrozenMasterCostsItsShardAnElectionAndTheOthersNothing() {
        RedisServer master = cluster.masters().get(0);
        BitSet hit = ClusterFaults.slotsOf(master);
        master.freeze();

        outlives(hit);
        master.thaw();
        cluster.awaitHealthy();
        load.awaitCalls(2_000);
        assertEquals(List.of(), load.wrong());
    }

    private void outlives(BitSet hit) {
        String key = keyIn(hit);
        eventually("calls for the hit shard that fail at once", () -> {
            long start = System.nanoTime();
            CacheUnavailableException e = failureOf(key);
            return e != null
                    && e.reason() == Reason.PARTIAL
                    && !e.outcomeUnknown()
                    && System.nanoTime() - start < 100_000_000
                    && !store.health().available();
        });
        String other = keyIn(complementOf(hit));
        store.put(other, bytes("1"), TTL);
        CacheUnavailableException several =
                assertThrows(CacheUnavailableException.class, () -> store.getAll(List.of(key, other)));
        assertEquals(Set.of(key), several.failedKeys());
        assertEquals(Set.of(other), several.partialResult().keySet());
        assertEquals(ProbeResult.OK, store.probe(Duration.ofSeconds(5)), "a third of the slots are out");

        eventually("the replica to serve", () -> failureOf(key) == null);
        load.awaitCalls(2_000);
        assertEquals(List.of(), load.failures(slot -> !hit.get(slot)), "failures of other shards");
        assertEquals(List.of(), load.wrong());
        eventually("health", () -> store.health().available());
    }

    @Test
    void aFailoverOnPurposeCostsNothing() {
        RedisServer master = cluster.masters().get(0);
        cluster.failover(cluster.replicasOf(master).get(0));

        load.awaitCalls(3_000);
        assertEquals("{}", load.summary());
        assertEquals(List.of(), load.wrong());
        cluster.awaitHealthy();
    }

    @Test
    void slotsThatMoveCostNothing() {
        List<RedisServer> masters = cluster.masters();
        cluster.migrateSlots(masters.get(0), masters.get(1), 300);
        cluster.migrateSlots(masters.get(1), masters.get(0), 300);

        load.awaitCalls(1_000);
        assertEquals("{}", load.summary());
        assertEquals(List.of(), load.wrong());
    }

    @Test
    void aNodeThatComesAndGoesCostsNothing() {
        RedisServer old = cluster.masters().get(0);
        RedisServer added = cluster.addNode();
        cluster.migrateSlots(old, added, 200);
        String address = added.host() + ':' + added.port();
        eventually("the new node in health", () -> slotsByNode().getOrDefault(address, 0) == 200);
        cluster.migrateSlots(added, old, 200);
        // A node that is shut down before clients have seen its last slot leave costs a call that was on its way to it.
        eventually(
                "the slots back where they were, in health", () -> slotsByNode().getOrDefault(address, 0) == 0);
        cluster.removeNode(added);

        load.awaitCalls(2_000);
        assertEquals("{}", load.summary());
        assertEquals(List.of(), load.wrong());
    }

    @Test
    void aPasswordThatIsChangedCostsNothingOnOpenConnections() {
        cluster.setPassword("rotated");
        load.awaitCalls(2_000);
        cluster.setPassword(null);

        assertEquals("{}", load.summary());
    }

    @Test
    void aClusterThatRestartsIsFoundAgain() {
        cluster.restart(RedisServer.Data.KEEP);

        eventually("a call for every shard", () -> cluster.masters().stream()
                .allMatch(master -> failureOf(keyIn(ClusterFaults.slotsOf(master))) == null));
        eventually("health", () -> store.health().available());
        assertEquals(ProbeResult.OK, store.probe(Duration.ofSeconds(5)));
    }

    private Map<String, Integer> slotsByNode() {
        Map<String, Integer> slots = new TreeMap<>();
        for (NodeHealth node : store.health().nodes()) {
            slots.put(node.address(), node.slots());
        }
        return slots;
    }

    private CacheUnavailableException failureOf(String key) {
        try {
            store.put(key, bytes("1"), TTL);
            return null;
        } catch (CacheUnavailableException e) {
            return e;
        }
    }

    /** A key that has one of these slots by its tag. */
    private static String keyIn(BitSet slots) {
        return '{' + Slots.tagOf(slots.nextSetBit(0)) + '}';
    }

    private static BitSet complementOf(BitSet slots) {
        BitSet others = (BitSet) slots.clone();
        others.flip(0, Slots.COUNT);
        return others;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void eventually(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + 30_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, () -> "waited 30 s in vain for " + what);
            LockSupport.parkNanos(5_000_000);
        }
    }
}
