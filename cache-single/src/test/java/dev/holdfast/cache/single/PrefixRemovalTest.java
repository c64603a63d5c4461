package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** A prefix that takes many pages to remove: nothing is believed of one process that another said. */
class PrefixRemovalTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int KEYS = 20_000;
    private static final int SOME = 400;

    /** So many that lose their connection at the fifth page have gone over all keys: three would do. */
    private static final int ATTEMPTS = 7;

    private static SingleStore filled(RedisServer server) {
        SingleStore store = SingleStore.of(SingleConfig.of(server.url()));
        Map<String, byte[]> entries = new HashMap<>();
        for (int i = 0; i < KEYS; i++) {
            entries.put("p:" + i, new byte[1]);
        }
        store.putAll(entries, TTL);
        return store;
    }

    private static long calls(RedisServer server, String command) {
        return ((String) server.command("INFO", "commandstats"))
                .lines()
                .filter(line -> line.startsWith("cmdstat_" + command + ':'))
                .map(line -> line.replaceFirst(".*:calls=([0-9]+).*", "$1"))
                .mapToLong(Long::parseLong)
                .sum();
    }

    private static Object keys(RedisServer server) {
        return server.command("DBSIZE");
    }

    @Test
    void anotherServerAtTheSameAddressIsGoneOverFromTheBeginning() throws Exception {
        try (RedisServer first = RedisServer.start();
                RedisServer second = RedisServer.start();
                SingleStore one = filled(first);
                SingleStore other = filled(second);
                TcpProxy proxy = TcpProxy.to(first.host(), first.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port()))) {
            proxy.delay(Duration.ofMillis(20));
            CompletableFuture<Long> removal = CompletableFuture.supplyAsync(() -> store.removeByPrefix("p:"));
            while (calls(first, "scan") < 2) {
                assertEquals(false, removal.isDone(), "it was over before its second page");
            }
            proxy.redirect(second.host(), second.port());
            proxy.reset();
            proxy.pass();

            removal.get(60, TimeUnit.SECONDS);

            assertEquals(0L, keys(second), "keys that are left on the server that answered the last page");
        }
    }

    @Test
    void aServerThatWasRestartedBetweenTwoAttemptsIsGoneOverFromTheBeginning() throws Exception {
        try (RedisServer server = RedisServer.start();
                SingleStore direct = filled(server);
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port()))) {
            put(direct, "gone:");
            Path before = server.saveSnapshot();
            removeSome(store, proxy, server);
            assertTrue((Long) keys(server) < KEYS + SOME, "nothing was removed");
            server.restart(before);
            assertEquals((long) KEYS + SOME, keys(server));

            // By calls of which each for itself comes not far.
            proxy.delay(Duration.ofMillis(10));
            AtomicLong millis = new AtomicLong(60);
            Eventually.until(
                    "the removal", () -> isRemovedBy(store.within(Duration.ofMillis(millis.getAndAdd(10))), "gone:"));

            assertEquals((long) KEYS, keys(server));
        }
    }

    @Test
    void eachKeysTurnComesThoughEveryAttemptLosesItsConnection() throws Exception {
        try (RedisServer server = RedisServer.start();
                SingleStore direct = filled(server);
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port()))) {
            put(direct, "gone:");
            for (int attempts = 0; attempts < ATTEMPTS; attempts++) {
                removeSome(store, proxy, server);
            }

            assertEquals((long) KEYS, keys(server), "keys that none of the attempts came to");
        }
    }

    @Test
    void aCallThatDoesNotComeToWhatItsPredecessorsHadGoneOverIsNotAnswered() throws Exception {
        try (RedisServer server = RedisServer.start();
                SingleStore direct = filled(server);
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port()))) {
            for (int attempts = 0; attempts < ATTEMPTS; attempts++) {
                removeSome(store, proxy, server);
            }
            put(direct, "gone:");
            Eventually.until("a connection", () -> isAnswered(store));
            CacheStore hurried = store.within(Duration.ofSeconds(2));
            // Once more over all of it takes longer than that.
            proxy.delay(Duration.ofMillis(100));

            CacheTimeoutException failure =
                    assertThrows(CacheTimeoutException.class, () -> hurried.removeByPrefix("gone:"));

            assertTrue(failure.outcomeUnknown());
            assertTrue((Long) keys(server) > KEYS, "all of it fitted into a call");
            long now = System.nanoTime();
            assertThrows(CacheTimeoutException.class, () -> hurried.resumeRemovalByPrefix("gone:", now));
            proxy.pass();
            store.removeByPrefix("gone:");
            assertEquals((long) KEYS, keys(server));
        }
    }

    private static void put(SingleStore store, String prefix) {
        Map<String, byte[]> entries = new HashMap<>();
        for (int i = 0; i < SOME; i++) {
            entries.put(prefix + i, new byte[1]);
        }
        store.putAll(entries, TTL);
    }

    /** Lets a removal go over a fifth of the keys and more; then it loses its connection, and gets no other. */
    private static void removeSome(SingleStore store, TcpProxy proxy, RedisServer server) throws Exception {
        Eventually.until("a connection", () -> isAnswered(store));
        proxy.delay(Duration.ofMillis(20));
        long before = calls(server, "scan");
        CompletableFuture<Boolean> removal = CompletableFuture.supplyAsync(() -> isRemovedBy(store, "gone:"));
        while (calls(server, "scan") - before < 5) {
            assertFalse(removal.isDone(), "it was over before its fifth page");
        }
        proxy.refuse();
        proxy.reset();
        assertFalse(removal.get(60, TimeUnit.SECONDS), "it was over before it lost its connection");
        proxy.pass();
    }

    private static boolean isAnswered(CacheStore store) {
        try {
            store.get("other");
            return true;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }

    private static boolean isRemovedBy(CacheStore store, String prefix) {
        try {
            store.removeByPrefix(prefix);
            return true;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }
}
