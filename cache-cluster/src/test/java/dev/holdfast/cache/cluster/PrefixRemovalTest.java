package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A prefix that takes longer to remove than one call may take. */
class PrefixRemovalTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int KEYS = 600;

    /** So many that lose their connections at the third page have gone over all keys: five would do. */
    private static final int ATTEMPTS = 7;

    private final RedisCluster cluster =
            RedisCluster.builder().replicasPerMaster(0).start();
    private final Map<String, TcpProxy> proxies = new HashMap<>();
    private final ClusterStore store = ClusterStore.of(Shards.patient(cluster)
            .withAddressMapper(announced -> "127.0.0.1:" + proxyOf(announced))
            .withCommandTimeout(Duration.ofSeconds(20)));

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

    /** Lets a removal go over two pages of each master, about; then it loses its connections, and gets no others. */
    private void removeSome() {
        proxies.values().forEach(proxy -> proxy.delay(Duration.ofMillis(20)));
        long before = scans();
        CompletableFuture<Boolean> removal = CompletableFuture.supplyAsync(() -> isRemoved(store));
        while (scans() - before < 9) {
            assertFalse(removal.isDone(), "it was over before its third page");
        }
        proxies.values().forEach(TcpProxy::refuse);
        proxies.values().forEach(TcpProxy::reset);
        assertFalse(removal.join(), "it was over before it lost its connections");
        proxies.values().forEach(TcpProxy::pass);
        Shards.eventually("connections", this::isRead);
    }

    private long scans() {
        return cluster.nodes().stream()
                .mapToLong(node -> statistics(node, "scan", "calls"))
                .sum();
    }

    private static long statistics(RedisServer node, String command, String what) {
        return ((String) node.command("INFO", "commandstats"))
                .lines()
                .filter(line -> line.startsWith("cmdstat_" + command + ':'))
                .map(line -> line.replaceFirst(".*[:,]" + what + "=([0-9]+).*", "$1"))
                .mapToLong(Long::parseLong)
                .sum();
    }

    private long keys() {
        return cluster.nodes().stream()
                .mapToLong(node -> ((List<?>) node.command("KEYS", "p:*")).size())
                .sum();
    }

    private boolean isRead() {
        List<String> keys = IntStream.range(0, KEYS).mapToObj(i -> "p:" + i).toList();
        try {
            store.getAll(keys);
            return true;
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
    void eachKeysTurnComesThoughEveryAttemptLosesItsConnections() {
        for (int attempts = 0; attempts < ATTEMPTS; attempts++) {
            removeSome();
        }

        assertEquals(0, keys(), "keys that none of the attempts came to");
        assertTrue(store.contains("other:1"));
    }

    @Test
    void aCallThatDoesNotComeToWhatItsPredecessorsHadGoneOverIsNotAnswered() {
        for (int attempts = 0; attempts < ATTEMPTS; attempts++) {
            removeSome();
        }
        put("p:", KEYS);
        // Once more over all of it takes longer than the call may.
        proxies.values().forEach(proxy -> proxy.delay(Duration.ofMillis(100)));
        CacheStore hurried = store.within(Duration.ofSeconds(2));

        CacheTimeoutException failure = assertThrows(CacheTimeoutException.class, () -> hurried.removeByPrefix("p:"));

        assertTrue(failure.outcomeUnknown());
        assertTrue(keys() > 0, "all of it fitted into a call");
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

        Shards.eventually("connections", this::isRead);

        // By calls of which each for itself comes not far.
        proxies.values().forEach(proxy -> proxy.delay(Duration.ofMillis(10)));
        AtomicLong millis = new AtomicLong(60);
        Shards.eventually("the removal", () -> isRemoved(store.within(Duration.ofMillis(millis.getAndAdd(10)))));

        assertEquals(0, keys());
    }

    @Test
    void whoMayNotAskForNamesRemovesAllTheSameAndIsRefusedOnce() {
        cluster.nodes().forEach(node -> node.command("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-info"));
        try (ClusterStore nameless =
                ClusterStore.of(Shards.patient(cluster).withUsername("app").withPassword(Secret.of("secret")))) {
            nameless.removeByPrefix("p:");
            assertEquals(0, keys());

            nameless.removeByPrefix("other:");
        }
        cluster.nodes().forEach(node -> assertEquals(1, statistics(node, "info", "rejected_calls"), node::toString));
    }
}
