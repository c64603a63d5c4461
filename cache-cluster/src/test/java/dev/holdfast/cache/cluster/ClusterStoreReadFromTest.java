package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Reads by replicas: while all is well, and while masters and replicas are gone. */
class ClusterStoreReadFromTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int SOME = 200;

    private final RedisCluster cluster =
            RedisCluster.builder().requireFullCoverage(false).start();
    private final Map<ReadFrom, ClusterStore> stores = new EnumMap<>(ReadFrom.class);
    private final List<String> keys = new ArrayList<>();

    ClusterStoreReadFromTest() {
        for (ReadFrom from : ReadFrom.values()) {
            stores.put(from, ClusterStore.of(Shards.patient(cluster).withReadFrom(from)));
        }
        ClusterStore writer = store(ReadFrom.MASTER);
        for (RedisServer master : cluster.masters()) {
            String key = Shards.keyOn(master);
            keys.add(key);
            writer.put(key, bytes(key), TTL);
        }
    }

    @AfterEach
    void close() {
        stores.values().forEach(ClusterStore::close);
        cluster.close();
    }

    private ClusterStore store(ReadFrom from) {
        return stores.get(from);
    }

    @Test
    void whoeverIsGoneReadsAreAnsweredByWhoIsThere() {
        eventually(
                "the replicas to have it all",
                () -> store(ReadFrom.REPLICA_PREFERRED).getAll(keys).keySet().equals(Set.copyOf(keys)));
        onlyTheMasterPromisesItsOwnWrites();
        replicasAreAskedOnlyWhereThatIsWanted();

        cluster.replicas().get(0).kill();
        everyStoreReads("a replica is gone");
        cluster.replicas().get(0).restart(RedisServer.Data.KEEP);
        cluster.awaitHealthy();

        RedisServer frozen = cluster.masterOf(keys.get(0));
        frozen.freeze();
        everyStoreThatMayReads("a master is frozen");
        eventually(
                "the replica to be master", () -> !cluster.masterOf(keys.get(0)).equals(frozen));
        everyStoreThatMayReads("a replica was promoted");
        frozen.thaw();
        cluster.awaitHealthy();

        RedisServer killed = cluster.masterOf(keys.get(1));
        killed.kill();
        while (cluster.masterOf(keys.get(1)).equals(killed)) {
            everyStoreThatMayReads("a master is dead");
        }
        everyStoreThatMayReads("a replica was promoted");
    }

    private void onlyTheMasterPromisesItsOwnWrites() {
        stores.forEach((from, store) ->
                assertEquals(from == ReadFrom.MASTER, store.health().readYourWrites(), from::word));
    }

    private void replicasAreAskedOnlyWhereThatIsWanted() {
        assertFalse(replicasAreAskedBy(ReadFrom.MASTER));
        assertFalse(replicasAreAskedBy(ReadFrom.MASTER_PREFERRED));
        assertTrue(replicasAreAskedBy(ReadFrom.REPLICA_PREFERRED));
    }

    private boolean replicasAreAskedBy(ReadFrom from) {
        cluster.replicas().forEach(replica -> replica.command("CONFIG", "RESETSTAT"));
        read(from, "all is well");
        return cluster.replicas().stream().anyMatch(replica -> String.valueOf(replica.command("INFO", "commandstats"))
                .contains("cmdstat_get:"));
    }

    private void everyStoreReads(String when) {
        stores.keySet().forEach(from -> read(from, when));
    }

    private void everyStoreThatMayReads(String when) {
        stores.keySet().stream().filter(from -> from != ReadFrom.MASTER).forEach(from -> read(from, when));
    }

    private void read(ReadFrom from, String when) {
        for (int i = 0; i < SOME; i++) {
            String key = keys.get(i % keys.size());
            byte[] value = store(from).get(key);
            assertArrayEquals(bytes(key), value, () -> from.word() + ", " + when);
        }
        assertEquals(Set.copyOf(keys), store(from).getAll(keys).keySet(), () -> from.word() + ", " + when);
    }
}
