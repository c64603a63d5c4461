package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Nodes are reached where they are announced, or where a mapper says. */
class ClusterStoreAddressTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int SOME = 100;
    private static RedisCluster cluster;

    @BeforeAll
    static void startCluster() {
        cluster = RedisCluster.builder().replicasPerMaster(0).start();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    @Test
    void behindAnAddressTranslationNothingIsCalledDirectly() {
        Map<String, TcpProxy> proxies = new HashMap<>();
        cluster.nodes()
                .forEach(node -> proxies.put(node.host() + ':' + node.port(), TcpProxy.to(node.host(), node.port())));
        ClusterConfig config = ClusterConfig.of(
                        List.of(at(proxies.values().iterator().next())))
                .withAddressMapper(announced -> at(proxies.get(announced)));
        try (ClusterStore store = ClusterStore.of(config)) {
            callAll(store, "mapped");
            List<RedisServer> masters = cluster.masters();
            cluster.migrateSlots(masters.get(0), masters.get(1), 20);
            callAll(store, "moved");

            assertTrue(proxies.values().stream().allMatch(proxy -> proxy.openConnections() > 0));
            eventually(
                    "as many connections at the nodes as through the proxies",
                    () -> cluster.nodes().stream()
                                    .mapToLong(Traces::connections)
                                    .sum()
                            == proxies.values().stream()
                                    .mapToLong(TcpProxy::openConnections)
                                    .sum());
        }
        proxies.values().forEach(TcpProxy::close);
    }

    @Test
    void hostNamesAreUsedWhereTheClusterPrefersThem() {
        cluster.nodes().forEach(node -> {
            node.command("CONFIG", "SET", "cluster-announce-hostname", "localhost");
            node.command("CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname");
        });
        try (ClusterStore store = ClusterStore.of(Shards.patient(cluster))) {
            TreeSet<String> announced = new TreeSet<>();
            cluster.nodes().forEach(node -> announced.add("localhost:" + node.port()));
            eventually("host names in health: " + announced, () -> {
                callAll(store, "named");
                TreeSet<String> used = new TreeSet<>();
                store.health().nodes().stream().map(NodeHealth::address).forEach(used::add);
                return used.equals(announced);
            });
        } finally {
            cluster.nodes().forEach(node -> node.command("CONFIG", "SET", "cluster-preferred-endpoint-type", "ip"));
        }
    }

    private static void callAll(ClusterStore store, String prefix) {
        Map<String, byte[]> entries = new HashMap<>();
        for (int i = 0; i < SOME; i++) {
            entries.put(prefix + i, bytes(prefix + i));
        }
        store.putAll(entries, TTL);
        assertEquals(entries.keySet(), store.getAll(entries.keySet()).keySet());
    }

    private static String at(TcpProxy proxy) {
        return "127.0.0.1:" + proxy.port();
    }
}
