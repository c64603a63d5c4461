package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** A master that hands its slots over to its replica holds writes back for a while, and is well. */
class HandoverTest {
    private static final Duration TTL = Duration.ofHours(1);

    @Test
    void aMasterThatHoldsWritesBackIsStillReadAndNoWriteFails() throws Exception {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                ClusterStore store = ClusterStore.of(Shards.config(cluster))) {
            RedisServer master = cluster.masters().get(1);
            String key = Shards.keyOn(master);
            store.put(key, bytes("before"), TTL);
            Node node = store.session.topology.map().shard(Slots.of(bytes(key))).master();
            long longest = 0;
            for (int round = 0; round < 3; round++) {
                byte[] value = bytes("round " + round);
                master.command("CLIENT", "PAUSE", "2500", "WRITE");
                CompletableFuture<Void> put = CompletableFuture.runAsync(() -> store.put(key, value, TTL));
                while (!put.isDone()) {
                    long start = System.nanoTime();
                    assertNotNull(store.get(key));
                    longest = Math.max(longest, System.nanoTime() - start);
                    assertTrue(node.isUp(), () -> String.valueOf(node.outage()));
                    LockSupport.parkNanos(5_000_000);
                }
                put.get(1, TimeUnit.SECONDS);
                assertArrayEquals(value, store.get(key));
                assertFalse(store.session.topology.outages().takeLoss());
            }
            long millis = TimeUnit.NANOSECONDS.toMillis(longest);
            assertTrue(millis < 2_000, () -> "a read waited behind a write for " + millis + " ms");
            Shards.eventually("the master to be known to be well", node::isFit);
        }
    }

    @Test
    void manyReadsBehindAWriteThatIsHeldBackAreNoConnectionStorm() throws Exception {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                ClusterStore store = ClusterStore.of(Shards.config(cluster).withPoolSize(2))) {
            RedisServer master = cluster.masters().get(1);
            String key = Shards.keyOn(master);
            store.put(key, bytes("v"), TTL);
            long before = accepted(master);
            master.command("CLIENT", "PAUSE", "2000", "WRITE");
            CompletableFuture<Void> put = CompletableFuture.runAsync(() -> store.put(key, bytes("w"), TTL));
            List<Thread> readers = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                Thread reader = new Thread(() -> {
                    while (!put.isDone()) {
                        store.get(key);
                    }
                });
                readers.add(reader);
                reader.start();
            }
            put.get(10, TimeUnit.SECONDS);
            for (Thread reader : readers) {
                reader.join();
            }
            long opened = accepted(master) - before;
            // Two at a time; without a bound there were 832.
            assertTrue(opened < 400, () -> opened + " connections were opened");
        }
    }

    private static long accepted(RedisServer server) {
        return String.valueOf(server.command("INFO", "stats"))
                .lines()
                .filter(line -> line.startsWith("total_connections_received:"))
                .mapToLong(line -> Long.parseLong(line.substring(line.indexOf(':') + 1)))
                .sum();
    }
}
