package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What takes long because it is much: it arrives as long as it gets on, and others are answered meanwhile. */
class LargeCallsTest {
    private static final Duration TTL = Duration.ofMinutes(1);

    @Test
    void aReplyThatGetsOnMayTakeLongerThanTheCommandTimeoutAndOthersAreAnsweredMeanwhile() throws Exception {
        try (RedisServer server = RedisServer.start();
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                SingleStore direct = SingleStore.of(SingleConfig.of(server.url()));
                SingleStore store = SingleStore.of(
                        SingleConfig.of("127.0.0.1", proxy.port()).withCommandTimeout(Duration.ofMillis(500)))) {
            direct.put("large", new byte[12 << 20], TTL);
            direct.put("k", new byte[1], TTL);
            proxy.throttle(10 << 20);
            AtomicReference<byte @Nullable []> found = new AtomicReference<>();
            AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
            Thread reader = new Thread(() -> {
                try {
                    found.set(store.get("large"));
                } catch (Throwable t) {
                    thrown.set(t);
                }
            });
            long start = System.nanoTime();
            reader.start();
            while (reader.isAlive()) {
                assertEquals(1, store.get("k").length);
            }
            assertEquals(null, thrown.get());
            assertEquals(12 << 20, found.get().length);
            assertTrue(System.nanoTime() - start > Duration.ofMillis(900).toNanos(), "it took its time");
        }
    }

    @Test
    void aValueThatGetsOnSlowlyIsStoredThoughTheServerAnswersOthersMeanwhile() throws Exception {
        try (RedisServer server = RedisServer.start();
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                SingleStore direct = SingleStore.of(SingleConfig.of(server.url()));
                SingleStore store = SingleStore.of(
                        SingleConfig.of("127.0.0.1", proxy.port()).withCommandTimeout(Duration.ofSeconds(30)))) {
            direct.put("k", new byte[1], TTL);
            store.get("k");
            proxy.throttle(12 << 20);
            AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
            Thread writer = new Thread(() -> {
                try {
                    store.put("large", new byte[24 << 20], TTL);
                } catch (Throwable t) {
                    thrown.set(t);
                }
            });
            long start = System.nanoTime();
            writer.start();
            while (writer.isAlive()) {
                assertEquals(1, store.get("k").length);
            }
            assertEquals(null, thrown.get());
            assertEquals(24 << 20, direct.get("large").length);
            assertTrue(System.nanoTime() - start > Duration.ofSeconds(1).toNanos(), "it took its time");
        }
    }

    private static long calls(RedisServer server, String command) {
        return ((String) server.command("INFO", "commandstats"))
                .lines()
                .filter(line -> line.startsWith("cmdstat_" + command + ':'))
                .map(line -> line.replaceFirst(".*:calls=([0-9]+).*", "$1"))
                .mapToLong(Long::parseLong)
                .sum();
    }

    @Test
    void callsWithManyKeysAreCutUpSoThatOthersAreAnsweredInBetween() {
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.url()))) {
            Map<String, byte[]> entries = new HashMap<>();
            for (int i = 0; i < 4_500; i++) {
                entries.put("k" + i, Integer.toString(i).getBytes(StandardCharsets.US_ASCII));
            }
            store.putAll(entries, TTL);
            Map<String, byte[]> found = store.getAll(entries.keySet());
            assertEquals(4_500, found.size());
            found.forEach((key, value) -> assertEquals(key, "k" + new String(value, StandardCharsets.US_ASCII)));
            assertEquals(5, calls(server, "mget"));
            store.removeAll(entries.keySet());
            // A slow machine makes the store ask the server, perhaps with one of its own.
            assertTrue(calls(server, "unlink") >= 5 && calls(server, "unlink") < 10);
            assertEquals(0, store.getAll(entries.keySet()).size());
        }
    }

    @Test
    void aRemovalByPrefixGoesOnWhereItStoppedAndStillSeesEverythingThatIsThere() {
        try (RedisServer server = RedisServer.start();
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port()))) {
            Map<String, byte[]> entries = new HashMap<>();
            for (int i = 0; i < 20_000; i++) {
                entries.put("other" + i, new byte[1]);
            }
            store.putAll(entries, TTL);
            List<String> mine = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                mine.add("mine" + i);
                store.put("mine" + i, new byte[1], TTL);
            }
            proxy.delay(Duration.ofMillis(10));
            long before = calls(server, "scan");
            assertThrows(CacheUnavailableException.class, () -> store.within(Duration.ofMillis(90))
                    .removeByPrefix("mine"));
            long first = calls(server, "scan") - before;
            proxy.pass();
            mine.forEach(key -> store.put(key, new byte[2], TTL));
            assertTrue(first > 0);
            assertEquals(50, store.removeByPrefix("mine"));
            assertEquals(0, store.getAll(mine).size());
            assertNotNull(store.get("other1"));
            assertTrue(calls(server, "scan") - before < 40, "pages grow");
        }
    }
}
