package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A prefix that takes longer to remove than one call may take. */
class UpstashPrefixRemovalTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int KEYS = 40_000;
    private static final int SOME = 400;
    private static final String TOKEN = "secret";

    private final RedisServer redis = RedisServer.start();
    private final TcpProxy proxy = TcpProxy.to(redis.host(), redis.port());
    private final UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + proxy.port(), TOKEN);
    private final UpstashStore store = UpstashStore.create(UpstashConfig.of(gateway.url(), Secret.of(TOKEN)));

    @AfterEach
    void close() {
        store.close();
        gateway.close();
        proxy.close();
        redis.close();
    }

    private void fill(String prefix, int count) {
        Map<String, byte[]> entries = new HashMap<>();
        for (int i = 0; i < count; i++) {
            entries.put(prefix + i, new byte[] {1});
        }
        store.putAll(entries, TTL);
    }

    private long keys() {
        return (Long) redis.command("DBSIZE");
    }

    @Test
    void whatNeverFitsIntoOneCallEndsAfterAFew() {
        fill("other:", KEYS);
        store.put("gone:1", new byte[] {1}, TTL);
        proxy.delay(Duration.ofMillis(15));

        // Nine pages: half of them fit into a call.
        CacheStore hurried = store.within(Duration.ofMillis(200));
        int attempts = 1;
        while (attempts < 20 && !isRemoved(hurried, "gone:")) {
            attempts++;
        }

        assertTrue(attempts < 20, "it never came to an end");
        assertTrue(attempts > 1, "all of it fitted into a call");
        assertEquals(KEYS, keys());
    }

    @Test
    void whatIsWrittenBetweenTwoAttemptsIsRemovedByTheSecond() {
        fill("p:", KEYS);
        proxy.delay(Duration.ofMillis(15));
        CacheStore hurried = store.within(Duration.ofMillis(200));
        assertThrows(CacheUnavailableException.class, () -> hurried.removeByPrefix("p:"));
        proxy.pass();
        fill("p:", KEYS);

        assertEquals(KEYS, store.removeByPrefix("p:"));

        assertEquals(0, keys());
    }

    @Test
    void aServerThatWasRestartedBetweenTwoAttemptsIsGoneOverFromTheBeginning() {
        fill("other:", KEYS);
        fill("p:", SOME);
        Path before = redis.saveSnapshot();
        proxy.delay(Duration.ofMillis(15));
        for (long millis = 150; keys() > KEYS + SOME * 3 / 4; millis += 50) {
            CacheStore shorter = store.within(Duration.ofMillis(millis));
            assertThrows(CacheUnavailableException.class, () -> shorter.removeByPrefix("p:"));
        }
        redis.restart(before);
        assertEquals(KEYS + SOME, keys());
        // The gateway finds out that its connections are gone.
        for (int i = 0; i < 20; i++) {
            isFound("p:1");
        }

        // By calls of which each for itself does not come to the end.
        CacheStore hurried = store.within(Duration.ofMillis(200));
        int attempts = 1;
        while (attempts < 100 && !isRemoved(hurried, "p:")) {
            attempts++;
        }

        assertTrue(attempts < 100, "it never came to an end");
        assertEquals(KEYS, keys());
    }

    private void isFound(String key) {
        try {
            store.contains(key);
        } catch (CacheUnavailableException e) {
            // Once for each connection.
        }
    }

    private static boolean isRemoved(CacheStore store, String prefix) {
        try {
            store.removeByPrefix(prefix);
            return true;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }
}
