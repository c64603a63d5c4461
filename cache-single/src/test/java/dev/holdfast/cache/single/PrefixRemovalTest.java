package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A prefix that takes many pages to remove: nothing is believed of one process that another said. */
class PrefixRemovalTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int KEYS = 20_000;

    private static SingleStore filled(RedisServer server) {
        SingleStore store = SingleStore.of(SingleConfig.parse(server.url()));
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
    void aServerThatWasRestartedBetweenTwoAttemptsIsGoneOverFromTheBeginning() {
        try (RedisServer server = RedisServer.start();
                SingleStore direct = filled(server);
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port()))) {
            for (int i = 0; i < 400; i++) {
                direct.put("gone:" + i, new byte[1], TTL);
            }
            Path before = server.saveSnapshot();
            proxy.delay(Duration.ofMillis(10));
            for (long millis = 60; (Long) keys(server) > KEYS + 300; millis += 20) {
                CacheStore shorter = store.within(Duration.ofMillis(millis));
                assertThrows(CacheUnavailableException.class, () -> shorter.removeByPrefix("gone:"));
            }
            server.restart(before);
            assertEquals(KEYS + 400L, keys(server));

            // By calls of which each for itself does not come to the end.
            CacheStore hurried = store.within(Duration.ofMillis(150));
            Eventually.until("the removal", () -> isRemovedBy(hurried, "gone:"));

            assertEquals((long) KEYS, keys(server));
        }
    }

    @Test
    void whatNeverFitsIntoOneCallEndsAfterAFew() {
        try (RedisServer server = RedisServer.start();
                SingleStore direct = filled(server);
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port()))) {
            direct.put("gone:1", new byte[1], TTL);
            proxy.delay(Duration.ofMillis(10));
            // Seven pages: half of them fit into a call.
            CacheStore hurried = store.within(Duration.ofMillis(100));
            int attempts = 1;
            while (attempts < 20 && !isRemovedBy(hurried, "gone:")) {
                attempts++;
            }
            assertTrue(attempts < 20, "it never came to an end");
            assertTrue(attempts > 1, "all of it fitted into a call");
            assertEquals((long) KEYS, keys(server));
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
