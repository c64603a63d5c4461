package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A prefix that takes longer to remove than one call may take. */
class PrefixRemovalTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int KEYS = 600;

    private final RedisCluster cluster =
            RedisCluster.builder().replicasPerMaster(0).start();
    private final Map<String, TcpProxy> proxies = new HashMap<>();
    private final ClusterStore store = ClusterStore.of(Shards.config(cluster)
            .withAddressMapper(announced -> "127.0.0.1:" + proxyOf(announced))
            .withCommandTimeout(Duration.ofSeconds(20)));

    /** Seven pages of each master, and a question before: less than that fits into a call. */
    private final CacheStore hurried = store.within(Duration.ofMillis(150));

    private synchronized int proxyOf(String announced) {
        int colon = announced.lastIndexOf(':');
        return proxies.computeIfAbsent(
                        announced,
                        node -> TcpProxy.to(node.substring(0, colon), Integer.parseInt(node.substring(colon + 1))))
                .port();
    }

    @BeforeEach
    void fill() {
        put("other:", 40_000);
        put("p:", KEYS);
    }

    @AfterEach
    void close() {
        store.close();
        proxies.values().forEach(TcpProxy::close);
        cluster.close();
    }

    private void put(String prefix, int count) {
        Map<String, byte[]> entries = new HashMap<>();
        for (int i = 0; i < count; i++) {
            entries.put(prefix + i, bytes("1"));
        }
        store.putAll(entries, TTL);
    }

    /** Two pages of each master, about: what the first had named is known to be gone. */
    private void removeSome() {
        proxies.values().forEach(proxy -> proxy.delay(Duration.ofMillis(10)));
        for (long millis = 100; keys() > KEYS * 3 / 4; millis += 25) {
            CacheStore shorter = store.within(Duration.ofMillis(millis));
            assertThrows(CacheUnavailableException.class, () -> shorter.removeByPrefix("p:"));
        }
        proxies.values().forEach(TcpProxy::pass);
    }

    private long keys() {
        return cluster.nodes().stream()
                .mapToLong(node -> ((List<?>) node.command("KEYS", "p:*")).size())
                .sum();
    }

    private boolean isRead(int count) {
        List<String> keys = IntStream.range(0, count).mapToObj(i -> "p:" + i).toList();
        try {
            return store.getAll(keys).size() == count;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }

    private static boolean isRemoved(CacheStore store) {
        try {
            store.removeByPrefix("p:");
            return true;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }

    @Test
    void whatRanOutOfTimeIsGoneOnWithWhereItStopped() {
        proxies.values().forEach(proxy -> proxy.delay(Duration.ofMillis(10)));
        assertThrows(CacheUnavailableException.class, () -> hurried.removeByPrefix("p:"));
        int attempts = 1;
        while (attempts < 20 && !isRemoved(hurried)) {
            attempts++;
        }

        assertTrue(attempts < 20, "it never came to an end");
        assertEquals(0, keys());
        assertTrue(store.contains("other:1"));
    }

    @Test
    void whatIsWrittenBetweenTwoAttemptsIsRemovedByTheSecond() {
        removeSome();
        put("p:", KEYS);

        store.removeByPrefix("p:");

        assertEquals(0, keys());
    }

    @Test
    void aMasterThatWasRestartedBetweenTwoAttemptsIsGoneOverFromTheBeginning() {
        Map<RedisServer, Path> before = new HashMap<>();
        cluster.nodes().forEach(node -> before.put(node, node.saveSnapshot()));
        removeSome();
        before.forEach(RedisServer::restart);
        cluster.awaitHealthy();
        assertEquals(KEYS, keys());

        Shards.eventually("connections", () -> isRead(KEYS));

        // By calls of which each for itself comes not far.
        proxies.values().forEach(proxy -> proxy.delay(Duration.ofMillis(10)));
        AtomicLong millis = new AtomicLong(60);
        Shards.eventually("the removal", () -> isRemoved(store.within(Duration.ofMillis(millis.getAndAdd(10)))));

        assertEquals(0, keys());
    }
}
