package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A verdict about a server needs evidence about the server: one connection, one request or one replica is not it. */
class EvidenceTest {
    private static final Duration TTL = Duration.ofHours(1);

    /** What is promised is half a second; the rest is for a busy machine. */
    private static final long LONGEST_MILLIS = 500 + 500;

    private static RedisCluster cluster;
    private final Map<String, TcpProxy> proxies = new HashMap<>();
    private final List<Thread> threads = new ArrayList<>();
    private final ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
    private final AtomicLong longestNanos = new AtomicLong();
    private final AtomicLong calls = new AtomicLong();
    private volatile boolean stopped;

    @BeforeAll
    static void startCluster() {
        cluster = RedisCluster.builder()
                .requireFullCoverage(false)
                .line("cluster-node-timeout 60000")
                .start();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    @AfterEach
    void closeProxies() throws InterruptedException {
        stop();
        proxies.values().forEach(TcpProxy::close);
    }

    @Test
    void aReplicaThatLostItsMasterIsPassedOver() throws InterruptedException {
        RedisServer replica = cluster.replicas().get(0);
        RedisServer master = masterOf(replica);
        String key = Shards.keyOn(master);
        try (ClusterStore store = ClusterStore.of(Shards.config(cluster).withReadFrom(ReadFrom.REPLICA_PREFERRED))) {
            store.put(key, bytes("here"), TTL);
            eventually("the replica to have it", () -> store.get(key) != null);
            replica.command("CONFIG", "SET", "replica-serve-stale-data", "no");
            replica.command("CONFIG", "SET", "masterauth", "wrong");
            start(store, key, 4);
            replica.command("CLIENT", "KILL", "TYPE", "master");
            eventually("the replica to refuse", () -> refuses(replica));
            awaitCalls(calls.get() + 500);

            stop();
            assertEquals(List.of(), List.copyOf(failures));
            assertTrue(longestMillis() <= LONGEST_MILLIS, () -> longestMillis() + " ms");
        } finally {
            replica.command("CONFIG", "SET", "masterauth", "");
            replica.command("CONFIG", "SET", "replica-serve-stale-data", "yes");
        }
    }

    @Test
    void aReplicaThatAcceptsConnectionsAndSaysNothingIsPassedOver() {
        RedisServer replica = cluster.replicas().get(0);
        String key = Shards.keyOn(masterOf(replica));
        try (ClusterStore store = ClusterStore.of(Shards.config(cluster).withReadFrom(ReadFrom.REPLICA_PREFERRED))) {
            // So that the topology is known.
            store.put(key, bytes("here"), TTL);
            replica.freeze();
            for (int i = 0; i < 20; i++) {
                timed(() -> assertArrayEquals(bytes("here"), store.get(key)));
            }
            assertTrue(longestMillis() <= LONGEST_MILLIS, () -> longestMillis() + " ms");
        } finally {
            replica.thaw();
        }
    }

    @Test
    void aFlowThatWasForgottenWhileItIdledCostsNoCallAndNoHalfSecond() throws InterruptedException {
        try (ClusterStore store = ClusterStore.of(proxied().withIdleProof(Duration.ofMillis(300)))) {
            List<String> keys = cluster.masters().stream().map(Shards::keyOn).toList();
            for (int round = 0; round < 2; round++) {
                for (String key : keys) {
                    store.put(key, bytes(key), TTL);
                    start(store, key, 3);
                }
                awaitCalls(calls.get() + 500);
                stop();
                proxies.values().forEach(proxy -> proxy.dropIdle(Duration.ofMillis(400)));
                LockSupport.parkNanos(700_000_000);
            }
            for (String key : keys) {
                start(store, key, 3);
            }
            awaitCalls(calls.get() + 500);
            stop();

            assertEquals(List.of(), List.copyOf(failures));
            assertTrue(longestMillis() <= LONGEST_MILLIS, () -> longestMillis() + " ms");
            assertTrue(store.session.topology.map().nodes().stream().allMatch(Node::isUp), "a node was blamed");
        }
    }

    /** Each that is tried by itself costs another pause. */
    @Test
    void manyForgottenConnectionsCostACallerNoMoreThanOne() {
        try (ClusterStore store = ClusterStore.of(proxied())) {
            RedisServer master = cluster.masters().get(0);
            String key = Shards.keyOn(master);
            store.put(key, bytes(key), TTL);
            TcpProxy proxy = proxies.get(at(master));
            Node node =
                    store.session.topology.map().shard(RedisCluster.slotOf(key)).master();
            long shortest = Long.MAX_VALUE;
            for (int round = 0; round < 3; round++) {
                openAll(node);
                proxy.clientPorts().forEach(proxy::swallow);
                long start = System.nanoTime();
                for (int i = 0; i < 3; i++) {
                    assertArrayEquals(bytes(key), store.get(key));
                }
                shortest = Math.min(shortest, System.nanoTime() - start);
            }
            long took = shortest / 1_000_000;
            assertTrue(took < 500, () -> took + " ms at the least");
        }
    }

    private static void openAll(Node node) {
        Set<Link> links = new HashSet<>();
        int size = node.pool().health(0).max();
        while (links.size() < size) {
            Link link = node.pool().link(true);
            if (links.add(link)) {
                link.enter(1, 1 << 20);
                link.opened().join();
            }
        }
        links.forEach(link -> link.exit(1, 1 << 20, true));
    }

    @Test
    void aConnectionThatFallsSilentWhileItsNodeAnswersIsReplaced() throws InterruptedException {
        try (ClusterStore store = ClusterStore.of(proxied())) {
            RedisServer master = cluster.masters().get(0);
            String key = Shards.keyOn(master);
            store.put(key, bytes(key), TTL);
            start(store, key, 4);
            awaitCalls(200);
            TcpProxy proxy = proxies.get(at(master));
            Node node =
                    store.session.topology.map().shard(RedisCluster.slotOf(key)).master();
            for (int i = 0; i < 3; i++) {
                var wire = node.pool().link(false).opened().join();
                assertTrue(proxy.swallow(
                        ((java.net.InetSocketAddress) wire.channel().localAddress()).getPort()));
                eventually("the connection to be closed", () -> !wire.isOpen());
                awaitCalls(calls.get() + 100);
            }
            stop();

            assertEquals(List.of(), List.copyOf(failures));
            assertTrue(longestMillis() <= LONGEST_MILLIS, () -> longestMillis() + " ms");
            assertTrue(node.isUp());
        }
    }

    @Test
    void aCommandThatHangsOnAnOpenLinkTimesOutAndTheLinkIsDropped() {
        RedisServer master = cluster.masters().get(2);
        String key = Shards.keyOn(master);
        try (ClusterStore store = ClusterStore.of(Shards.config(cluster).withCommandTimeout(Duration.ofMillis(500)))) {
            store.put(key, bytes(key), TTL);
            Node node =
                    store.session.topology.map().shard(RedisCluster.slotOf(key)).master();
            Wire wire = node.pool().link(false).opened().join();
            master.command("CLIENT", "PAUSE", "10000", "WRITE");
            long start = System.nanoTime();

            CacheTimeoutException e =
                    assertThrows(CacheTimeoutException.class, () -> store.put(key, bytes("late"), TTL));

            long millis = (System.nanoTime() - start) / 1_000_000;
            assertTrue(millis >= 490 && millis < 3_000, () -> millis + " ms");
            assertTrue(e.outcomeUnknown());
            eventually("the link to be dropped", () -> !wire.isOpen());
            assertArrayEquals(bytes(key), store.get(key));
            master.command("CLIENT", "UNPAUSE");
            assertArrayEquals(bytes(key), store.get(key), "what hung went with its link");
        } finally {
            master.command("CLIENT", "UNPAUSE");
        }
    }

    @Test
    void aValueThatIsNotTakenIsItsOwnCallersFailure() throws InterruptedException {
        try (PeerCluster peer = PeerCluster.start((command, caller) -> {
                    if (command.get(0).equals("SET") && command.get(2).length() > 1_000) {
                        caller.reset();
                    } else if (command.get(0).equals("SET")) {
                        caller.lines("+OK");
                    } else {
                        PeerCluster.bulk(caller, command.get(1));
                    }
                });
                ClusterStore store = ClusterStore.of(peer.config())) {
            start(store, "small", 4);
            awaitCalls(100);
            for (int i = 0; i < 5; i++) {
                CacheRejectedException e =
                        assertThrows(CacheRejectedException.class, () -> store.put("large", new byte[2_000], TTL));
                assertTrue(String.valueOf(e.getMessage()).contains("2000 bytes"), () -> String.valueOf(e.getMessage()));
            }
            awaitCalls(calls.get() + 100);
            stop();

            assertEquals(List.of(), List.copyOf(failures));
            assertTrue(store.session.topology.map().nodes().stream().allMatch(Node::isUp), "the node was blamed");
        }
    }

    @Test
    void aNodeThatIsFullIsDialledNoMoreThanTenTimesASecond() throws InterruptedException {
        RedisServer master = cluster.masters().get(1);
        String key = Shards.keyOn(master);
        try (ClusterStore store = ClusterStore.of(Shards.config(cluster).withPoolSize(50))) {
            store.put(key, bytes(key), TTL);
            master.command("CONFIG", "SET", "maxclients", "1");
            long before = rejected(master);
            // More than one connection takes, so that others are wanted.
            start(store, key, 64);
            awaitCalls(500);
            long start = System.nanoTime();
            LockSupport.parkNanos(2_000_000_000L);
            stop();
            double seconds = 1 + (System.nanoTime() - start) / 1e9;

            master.command("CONFIG", "SET", "maxclients", "10000");
            long refused = rejected(master) - before;
            assertTrue(refused > 0 && refused <= 10 * seconds, () -> refused + " in " + seconds + " s");
            assertEquals(List.of(), List.copyOf(failures));
            assertTrue(store.health().pool().failedDials() >= refused);
        } finally {
            master.command("CONFIG", "SET", "maxclients", "10000");
        }
    }

    private static boolean refuses(RedisServer server) {
        try {
            server.command("PING");
            return false;
        } catch (IllegalStateException e) {
            return String.valueOf(e.getMessage()).contains("MASTERDOWN");
        }
    }

    private static long rejected(RedisServer server) {
        return String.valueOf(server.command("INFO", "stats"))
                .lines()
                .filter(line -> line.startsWith("rejected_connections:"))
                .mapToLong(line ->
                        Long.parseLong(line.substring(line.indexOf(':') + 1).strip()))
                .sum();
    }

    private ClusterConfig proxied() {
        cluster.nodes().forEach(node -> proxies.put(at(node), TcpProxy.to(node.host(), node.port())));
        return Shards.config(cluster)
                .withAddressMapper(
                        announced -> "127.0.0.1:" + proxies.get(announced).port());
    }

    private static String at(RedisServer server) {
        return server.host() + ':' + server.port();
    }

    private static RedisServer masterOf(RedisServer replica) {
        return cluster.masters().stream()
                .filter(master -> cluster.replicasOf(master).contains(replica))
                .findFirst()
                .orElseThrow();
    }

    private void start(ClusterStore store, String key, int count) {
        stopped = false;
        for (int i = 0; i < count; i++) {
            Thread thread = new Thread(() -> {
                while (!stopped) {
                    timed(() -> {
                        if (store.get(key) == null) {
                            throw new IllegalStateException("a miss of what is there");
                        }
                    });
                    LockSupport.parkNanos(2_000_000);
                }
            });
            threads.add(thread);
            thread.start();
        }
    }

    private void timed(Runnable call) {
        long start = System.nanoTime();
        try {
            call.run();
        } catch (CacheException | IllegalStateException e) {
            failures.add(e.toString());
        }
        longestNanos.accumulateAndGet(System.nanoTime() - start, Math::max);
        calls.incrementAndGet();
    }

    private void awaitCalls(long count) {
        eventually(count + " calls", () -> calls.get() >= count);
    }

    private void stop() throws InterruptedException {
        stopped = true;
        for (Thread thread : threads) {
            thread.join();
        }
        threads.clear();
    }

    private long longestMillis() {
        return longestNanos.get() / 1_000_000;
    }
}
