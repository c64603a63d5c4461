package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A prefix that takes longer to remove than one call may take. */
class PrefixRemovalTest {
    private static final Duration TTL = Duration.ofHours(1);

    @Test
    void whatRanOutOfTimeIsGoneOnWithWhereItStopped() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start()) {
            Map<String, TcpProxy> proxies = new HashMap<>();
            cluster.nodes()
                    .forEach(node ->
                            proxies.put(node.host() + ':' + node.port(), TcpProxy.to(node.host(), node.port())));
            ClusterConfig config = Shards.config(cluster)
                    .withAddressMapper(
                            announced -> "127.0.0.1:" + proxies.get(announced).port());
            try (ClusterStore store = ClusterStore.of(config)) {
                Map<String, byte[]> others = new HashMap<>();
                for (int i = 0; i < 40_000; i++) {
                    others.put("other:" + i, bytes("1"));
                }
                store.putAll(others, TTL);
                store.putAll(Map.of("gone:1", bytes("1"), "gone:2", bytes("1"), "gone:3", bytes("1")), TTL);
                proxies.values().forEach(proxy -> proxy.delay(Duration.ofMillis(10)));

                // Seven pages of each master, and a question before: less than that fits into a call.
                CacheStore hurried = store.within(Duration.ofMillis(150));
                assertThrows(CacheUnavailableException.class, () -> hurried.removeByPrefix("gone:"));
                int attempts = 1;
                while (attempts < 20 && !isRemoved(hurried)) {
                    attempts++;
                }

                assertTrue(attempts < 20, "it never came to an end");
                assertEquals(
                        0, store.getAll(List.of("gone:1", "gone:2", "gone:3")).size());
                assertTrue(store.contains("other:1"));
            } finally {
                proxies.values().forEach(TcpProxy::close);
            }
        }
    }

    private static boolean isRemoved(CacheStore store) {
        try {
            store.removeByPrefix("gone:");
            return true;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }
}
