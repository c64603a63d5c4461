package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ClusterStore;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A server that is healthy and far away, with the limits that suit one that is near. */
@Execution(ExecutionMode.CONCURRENT)
class FarAwayTest {
    private static final Duration TTL = Duration.ofMinutes(5);

    private final List<TcpProxy> proxies = new ArrayList<>();

    @AfterEach
    void close() {
        proxies.forEach(TcpProxy::close);
    }

    private TcpProxy far(RedisServer server, int millis) {
        TcpProxy proxy = TcpProxy.to(server.host(), server.port());
        proxy.delay(Duration.ofMillis(millis / 2));
        proxies.add(proxy);
        return proxy;
    }

    private static FailoverStore over(CacheStore far) {
        return FailoverStore.builder()
                .tier("far", far)
                .memoryTier("memory", () -> MemoryStore.builder().build())
                .config(FailoverConfig.DEFAULT
                        .withGracePeriod(Duration.ofMillis(500))
                        .withHealthCheckInterval(Duration.ofSeconds(1)))
                .build();
    }

    /** Calls it for a while, and then expects it to serve all the while. */
    private static void assertSettles(FailoverStore store) {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        long since = System.nanoTime();
        for (int i = 0; System.nanoTime() - since < Duration.ofSeconds(3).toNanos(); i++) {
            store.put("k" + i, new byte[1], TTL);
            since = store.tierName().equals("far") ? since : System.nanoTime();
            if (System.nanoTime() - end > 0) {
                fail("it did not serve for three seconds in a row: "
                        + store.health().tiers().get(0));
            }
            LockSupport.parkNanos(100_000_000);
        }
        assertEquals("far", store.tierName());
    }

    @Test
    void aSingleServerServes() {
        try (RedisServer server = RedisServer.start();
                FailoverStore store = over(SingleStore.of(
                        SingleConfig.of("127.0.0.1", far(server, 260).port())))) {
            store.start(Duration.ofSeconds(10));
            assertSettles(store);
        }
    }

    @Test
    void aSingleServerThatWasDownAtTheStartJoins() {
        try (RedisServer server = RedisServer.start();
                FailoverStore store = over(SingleStore.of(
                        SingleConfig.of("127.0.0.1", far(server, 120).port())))) {
            server.kill();
            store.start(Duration.ofSeconds(2));
            server.restart(RedisServer.Data.KEEP);
            assertSettles(store);
        }
    }

    @Test
    void aClusterServes() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                FailoverStore store = over(ClusterStore.of(far(cluster, 300)))) {
            store.start(Duration.ofSeconds(10));
            assertSettles(store);
        }
    }

    /** To connect and to ask for the topology takes longer than a probe may. */
    @Test
    void aClusterThatTheFirstCallsConnectToIsNotTakenForFrozen() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                FailoverStore store = over(ClusterStore.of(far(cluster, 120)))) {
            long end = System.nanoTime() + Duration.ofSeconds(3).toNanos();
            for (int i = 0; System.nanoTime() - end < 0; i++) {
                store.put("k" + i, new byte[1], TTL);
                assertEquals(
                        "far",
                        store.tierName(),
                        () -> String.valueOf(store.health().tiers().get(0)));
                LockSupport.parkNanos(50_000_000);
            }
        }
    }

    private ClusterConfig far(RedisCluster cluster, int millis) {
        Map<String, String> reached = new HashMap<>();
        cluster.nodes()
                .forEach(node -> reached.put(
                        node.host() + ':' + node.port(),
                        "127.0.0.1:" + far(node, millis).port()));
        return ClusterConfig.of(List.of(cluster.seeds().split(",")))
                .withAddressMapper(address -> reached.getOrDefault(address, address));
    }
}
