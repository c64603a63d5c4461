package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static dev.holdfast.cache.cluster.Shards.complementOf;
import static dev.holdfast.cache.cluster.Shards.eventually;
import static dev.holdfast.cache.cluster.Shards.keyIn;
import static dev.holdfast.cache.cluster.Shards.keyOn;
import static dev.holdfast.cache.cluster.Shards.slotsOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
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
    private Traces before;

    @BeforeAll
    static void startCluster() {
        cluster = RedisCluster.builder()
                .requireFullCoverage(false)
                .line("cluster-allow-reads-when-down yes")
                .start();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    @BeforeEach
    void startLoad() {
        before = Traces.of(cluster);
        start(Shards.config(cluster));
    }

    private void start(ClusterConfig config) {
        KeyPrefix prefix = KeyPrefix.of("fault" + PREFIXES.incrementAndGet());
        store = ClusterStore.of(config.withKeyPrefix(prefix));
        load = Load.on(store, prefix);
        load.awaitCalls(3_000);
        load.forget();
    }

    @AfterEach
    void nothingIsLeaked() {
        int most = Shards.config(cluster).poolSize() + 1;
        eventually("no more than " + most + " connections to a node", () -> cluster.nodes().stream()
                .allMatch(node -> Traces.connections(node) <= most));
        stop();
        AtomicReference<Traces> now = new AtomicReference<>();
        try {
            eventually("what there was before", () -> {
                now.set(Traces.of(cluster));
                return now.get().connections() <= before.connections()
                        && now.get().threads() <= before.threads()
                        && now.get().buffers() <= before.buffers();
            });
        } catch (AssertionError e) {
            String clients = cluster.nodes().stream()
                    .filter(RedisServer::isRunning)
                    .map(node -> String.valueOf(node.command("CLIENT", "LIST")))
                    .collect(Collectors.joining());
            throw new AssertionError(before + " before, now " + now + "\n" + clients, e);
        }
    }

    private void stop() {
        load.close();
        store.close();
    }

    @Test
    void aKilledMasterCostsItsShardAnElectionAndTheOthersNothing() {
        RedisServer master = cluster.masters().get(0);
        BitSet hit = slotsOf(master);
        master.kill();

        outlives(hit);
        master.restart(RedisServer.Data.KEEP);
        cluster.awaitHealthy();
    }

    @Test
    void aFrozenMasterCostsItsShardAnElectionAndTheOthersNothing() {
        RedisServer master = cluster.masters().get(0);
        BitSet hit = slotsOf(master);
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
        ProbeResult most = store.probe(Duration.ofSeconds(5));
        assertTrue(most.writable() && !most.wentBack(), "a third of the slots are out");

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
        // Slots that move after the last redirection that a caller has met are known with the next look at the
        // topology.
        stop();
        start(Shards.config(cluster).withTopologyRefresh(Duration.ofSeconds(5)));
        RedisServer old = cluster.masters().get(0);
        RedisServer added = cluster.addNode();
        cluster.migrateSlots(old, added, 200);
        String address = added.host() + ':' + added.port();
        eventually("the new node in health", () -> slotsByNode().getOrDefault(address, 0) == 200);
        cluster.migrateSlots(added, old, 200);
        // Before anybody has told the client that the last slot has left.
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
    void aPasswordThatIsChangedRefusesNewConnectionsUntilItIsKnown() {
        cluster.setPassword("rotated");
        cluster.nodes().forEach(node -> node.command("CLIENT", "KILL", "USER", "default"));

        try {
            eventually("a refusal that says what to check", () -> {
                CacheUnavailableException e = failureOf("any");
                return e != null
                        && !e.outcomeUnknown()
                        && e.reason() == Reason.REFUSED
                        && String.valueOf(e.getMessage()).contains("withPassword");
            });
        } finally {
            cluster.setPassword(null);
        }
        answersAgain();
        assertEquals(List.of(), load.wrong());
    }

    @Test
    void aMasterThatIsLeftAloneIsReadAndRefusesWritesItself() {
        stop();
        Duration deadline = Duration.ofSeconds(2);
        start(Shards.config(cluster)
                .withConnectTimeout(deadline.dividedBy(2))
                .withCommandTimeout(deadline.dividedBy(2))
                .withClusterDownRetry(deadline));
        List<RedisServer> masters = cluster.masters();
        RedisServer survivor = masters.get(0);
        BitSet left = slotsOf(survivor);
        masters.subList(1, masters.size()).forEach(RedisServer::kill);
        eventually(
                "the survivor to see that it is no majority",
                () -> String.valueOf(survivor.command("CLUSTER", "INFO")).contains("cluster_state:fail"));

        CacheUnavailableException refused = failureOf(keyIn(left));
        assertEquals(Reason.SERVER_STATE, refused.reason());
        assertFalse(refused.outcomeUnknown());
        load.awaitCalls(100);
        masters.subList(1, masters.size()).forEach(master -> master.restart(RedisServer.Data.KEEP));
        cluster.awaitHealthy();
        answersAgain();
        List<Load.Failure> ofSurvivor = load.failures(left::get);
        assertEquals(List.of(), ofSurvivor.stream().filter(Load.Failure::read).toList(), "failed reads");
        assertEquals(
                List.of(),
                ofSurvivor.stream()
                        .filter(failure ->
                                !String.valueOf(failure.why().getMessage()).contains("CLUSTERDOWN"))
                        .toList(),
                "writes that failed for another reason than the node's own refusal");
        assertEquals(List.of(), load.wrong());
        // The time of a busy machine included.
        assertTrue(load.longestMillis() < deadline.multipliedBy(2).toMillis(), () -> load.longestMillis() + " ms");
    }

    @Test
    void aClusterThatRestartsIsFoundAgain() {
        cluster.restart(RedisServer.Data.KEEP);

        answersAgain();
    }

    @Test
    void aClusterThatComesBackOnOtherPortsIsFoundByAnAddressThatStillLeadsToIt() {
        RedisServer node = cluster.node(0);
        try (TcpProxy seed = TcpProxy.to(node.host(), node.port())) {
            stop();
            start(ClusterConfig.of(List.of("127.0.0.1:" + seed.port())));
            cluster.restartOnOtherPorts();
            assertFalse(failureOf("any").outcomeUnknown(), "nobody knows where it is");

            seed.redirect(node.host(), node.port());
            answersAgain();
            assertEquals(List.of(), load.wrong());
        }
    }

    private void answersAgain() {
        eventually("a call for every shard", () -> cluster.masters().stream()
                .allMatch(master -> failureOf(keyOn(master)) == null));
        eventually("health", () -> store.health().available());
        assertEquals(ProbeResult.OK, store.probe(Duration.ofSeconds(5)));
        load.awaitCalls(1_000);
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
}
