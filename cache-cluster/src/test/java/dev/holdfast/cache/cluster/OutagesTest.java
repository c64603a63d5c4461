package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.spi.PartialOutage;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Nobody reads where a master was out before those who have to make up for that have done it. */
class OutagesTest {
    private static final Duration TTL = Duration.ofHours(1);

    private final Outages outages = new Outages();

    @Test
    void whereNobodyAsksNobodyIsWaitedFor() {
        outages.out(slots(7));
        outages.lost();

        assertFalse(outages.holds(7));
        assertTrue(outages.takeLoss(), "the probe tells it then");
        assertFalse(outages.takeLoss());
    }

    @Test
    void slotsThatWereOutAreHeldUntilThatIsSettled() {
        assertNull(asked());
        outages.out(slots(7));
        assertTrue(outages.holds(7));
        assertFalse(outages.holds(8));

        PartialOutage first = asked();
        PartialOutage second = asked();

        assertNotNull(first);
        assertSame(first, second, "whoever asks meanwhile has to know of it too, before he forgets anything");
        assertTrue(first.keys().test("7"));
        assertFalse(first.keys().test("8"));
        assertTrue(outages.holds(7));
        first.settled().run();
        assertFalse(outages.holds(7));
        second.settled().run();
        assertNull(asked());
    }

    @Test
    void whatHappensWhileItIsSettledIsNotSettledWithIt() {
        assertNull(asked());
        outages.out(slots(7));
        PartialOutage first = asked();
        assertNotNull(first);
        outages.out(slots(7));

        first.settled().run();

        assertTrue(outages.holds(7));
        PartialOutage again = asked();
        assertNotNull(again);
        again.settled().run();
        assertFalse(outages.holds(7));
    }

    @Test
    void aLossHoldsEverythingAndIsToldInOnePlace() {
        assertNull(asked());
        outages.lost();

        assertTrue(outages.holds(0));
        assertFalse(outages.takeLoss());
        PartialOutage told = asked();
        assertNotNull(told);
        assertTrue(told.wentBack());
        told.settled().run();
        assertFalse(outages.holds(0));
    }

    @Test
    void aMasterThatIsBackBeforeItsOutageIsSettledIsNotReadYet() {
        try (RedisCluster cluster = RedisCluster.builder()
                        .replicasPerMaster(0)
                        .requireFullCoverage(false)
                        .line("save 3600 100000")
                        .start();
                ClusterStore store = ClusterStore.of(Shards.config(cluster))) {
            RedisServer victim = cluster.masters().get(1);
            String key = Shards.keyOn(victim);
            String elsewhere = Shards.keyOn(cluster.masters().get(2));
            assertNull(store.outage());
            store.put(key, bytes("old"), TTL);
            store.put(elsewhere, bytes("v"), TTL);
            Path older = victim.saveSnapshot();
            store.remove(key);
            Node node = store.session.topology.map().shard(Slots.of(bytes(key))).master();
            victim.kill();
            assertThrows(CacheUnavailableException.class, () -> store.get(key));
            eventually("the master to be out", () -> !node.isUp());
            victim.restart(older);
            eventually("the master to be back", node::isFit);

            CacheUnavailableException held = assertThrows(CacheUnavailableException.class, () -> store.get(key));

            assertEquals(Reason.PARTIAL, held.reason());
            assertFalse(held.outcomeUnknown());
            assertNotNull(store.get(elsewhere));
            PartialOutage outage = store.outage();
            assertNotNull(outage);
            assertTrue(outage.keys().test(key));
            assertFalse(outage.keys().test(elsewhere));
            outage.settled().run();
            assertNotNull(store.get(key), "the snapshot's: no test else of what is held back");
        }
    }

    @Test
    void aMasterThatDiesWhileNobodyCallsIsOut() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                ClusterStore store = ClusterStore.of(Shards.config(cluster))) {
            RedisServer victim = cluster.masters().get(1);
            String key = Shards.keyOn(victim);
            store.put(key, bytes("v"), TTL);
            Node node = store.session.topology.map().shard(Slots.of(bytes(key))).master();
            long start = System.nanoTime();

            victim.kill();

            eventually("the master to be out", () -> !node.isUp());
            long millis = (System.nanoTime() - start) / 1_000_000;
            assertTrue(millis < 15_000, () -> millis + " ms: by a health check only");
        }
    }

    /** A replica that lacks what its master had acknowledged takes over, and nothing tells the client but where the slots are now. */
    @ParameterizedTest
    @CsvSource({
        "false, false, false",
        "false, false, true",
        "true, false, false",
        "true, true, false",
        "false, true, false"
    })
    void aNewMasterIsReadOnlyOnceItHasShownThatItLacksNothing(
            boolean lacksSomething, boolean refusesWrites, boolean bulk) {
        try (RedisCluster cluster = RedisCluster.builder().start();
                ClusterStore store = ClusterStore.of(Shards.config(cluster))) {
            RedisServer master = cluster.masters().get(1);
            RedisServer replica = cluster.replicasOf(master).get(0);
            String key = Shards.keyOn(master);
            assertNull(store.outage());
            store.put(key, bytes("v"), TTL);
            for (int i = 0; i < 2; i++) {
                assertTrue(store.probe(Duration.ofSeconds(5)).followsAll());
                store.put(key, bytes("v"), TTL);
            }
            List<String> canaries = strings(master.command("KEYS", "*#canary:*"));
            assertEquals(1, canaries.size());
            master.command("WAIT", "1", "5000");
            replica.command("CLUSTER", "FAILOVER", "TAKEOVER");
            eventually("the replica to take over", () -> String.valueOf(replica.command("ROLE"))
                    .contains("master"));
            if (lacksSomething) {
                replica.command("SET", canaries.get(0), "1");
            }
            if (refusesWrites) {
                replica.command("CONFIG", "SET", "min-replicas-to-write", "3");
            }

            AtomicReference<byte @Nullable []> read = new AtomicReference<>();
            eventually("the new master to be asked, or held back", () -> {
                try {
                    read.set(bulk ? store.getAll(List.of(key, "elsewhere")).get(key) : store.get(key));
                    return true;
                } catch (CacheUnavailableException e) {
                    return store.outage() != null;
                }
            });

            PartialOutage outage = store.outage();
            assertEquals(lacksSomething, outage != null);
            assertEquals(lacksSomething, read.get() == null);
            if (outage != null) {
                assertTrue(outage.wentBack());
                outage.settled().run();
                assertArrayEquals(bytes("v"), store.get(key));
            }
        }
    }

    private static List<String> strings(@Nullable Object reply) {
        return ((List<?>) Objects.requireNonNull(reply))
                .stream().map(String::valueOf).toList();
    }

    @Test
    void aMasterThatComesBackFullIsRead() {
        try (RedisCluster cluster = RedisCluster.builder()
                        .replicasPerMaster(0)
                        .requireFullCoverage(false)
                        .start();
                ClusterStore store = ClusterStore.of(Shards.config(cluster))) {
            RedisServer victim = cluster.masters().get(1);
            String key = Shards.keyOn(victim);
            store.put(key, bytes("v"), TTL);
            Node node = store.session.topology.map().shard(Slots.of(bytes(key))).master();
            victim.command("CONFIG", "SET", "maxmemory", "1");
            victim.freeze();
            assertThrows(CacheUnavailableException.class, () -> store.get(key));
            eventually("the master to be out", () -> !node.isUp());
            victim.thaw();
            eventually("the master to be back", node::isUp);

            assertArrayEquals(bytes("v"), store.get(key));
            assertFalse(node.isFit(), "it takes no canary");
            assertThrows(CacheException.class, () -> store.put(key, bytes("w"), TTL));
            assertArrayEquals(bytes("v"), store.get(key));

            victim.command("CONFIG", "SET", "maxmemory", "0");
            eventually("the master to be well", node::isFit);
            store.put(key, bytes("w"), TTL);
        }
    }

    private @Nullable PartialOutage asked() {
        return outages.ask(Integer::valueOf);
    }

    private static BitSet slots(int slot) {
        BitSet slots = new BitSet();
        slots.set(slot);
        return slots;
    }
}
