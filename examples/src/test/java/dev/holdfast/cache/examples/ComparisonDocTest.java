package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Ticker;
import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheEvent;
import dev.holdfast.cache.CacheEvent.TierLost;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.testkit.FakeClock;
import dev.holdfast.cache.testkit.RecordingListener;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.upstash.UpstashConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** The snippets of {@code docs/comparison.md}, compiled and run, each as long as the table there says. */
class ComparisonDocTest {
    private static final Duration LONG = Duration.ofSeconds(30);

    /** A key. */
    record PriceKey(String shop, long number) {}

    /** A value. */
    record Price(int cents) {}

    @Test
    void aClientWithAllTiers() {
        try (RedisServer redis = RedisServer.start()) {
            String nodes = "127.0.0.1:" + redis.port();
            String url = redis.url();
            String rest = "http://127.0.0.1:" + redis.port();
            Secret token = Secret.of("token");
            // doc
            CacheClient client = CacheClient.builder()
                    .tier(ClusterConfig.of(nodes))
                    .tier(SingleConfig.of(url))
                    .tier(UpstashConfig.of(rest, token))
                    .build(); // and this process's memory behind them
            // end
            try (client) {
                assertEquals(
                        List.of("cluster", "single", "upstash", "memory"),
                        client.health().tiers().stream()
                                .map(tier -> tier.name())
                                .toList());
                assertTrue(client.awaitServing("single", LONG), "the one of them that is what it was said to be");
            }
        }
    }

    @Test
    void aCacheOfRecordsByRecords() {
        try (CacheClient client = CacheClient.builder().build()) {
            // doc
            Cache<PriceKey, Price> prices =
                    client.cache("prices", PriceKey.class, Price.class).build();
            prices.put(new PriceKey("a", 1), new Price(250));
            Price price = prices.get(new PriceKey("a", 1));
            // end
            assertEquals(new Price(250), price);
        }
    }

    @Test
    void aValueThatOutlivesItsSourceAndACallerWhoDoesNotWait() throws Exception {
        FakeClock clock = new FakeClock();
        AtomicInteger source = new AtomicInteger();
        CountDownLatch slow = new CountDownLatch(1);
        try (CacheClient client = CacheClient.builder().clock(clock).build()) {
            var described = client.cache("c", String.class, String.class)
                            .ttl(Duration.ofMinutes(5))
                            // doc
                            .staleIfError(Duration.ofHours(1))
                            .loadSoftTimeout(Duration.ofMillis(80))
                    // end
                    ;
            LoadingCache<String, String> cache = described.build(key -> {
                if (source.incrementAndGet() == 2) {
                    slow.await();
                }
                if (source.get() == 3) {
                    throw new IOException("the source is broken");
                }
                return "v" + source.get();
            });
            assertEquals("v1", cache.get("k"));
            clock.advance(Duration.ofMinutes(6));
            assertEquals("v1", cache.get("k"), "while a load takes too long");
            slow.countDown();
            long end = System.nanoTime() + LONG.toNanos();
            while (!"v2".equals(cache.get("k")) && System.nanoTime() - end < 0) {
                Thread.onSpinWait();
            }
            clock.advance(Duration.ofMinutes(6));
            assertEquals("v2", cache.get("k"), "where the load fails");
        }
    }

    @Test
    void anExpiry() {
        // doc
        FakeClock clock = new FakeClock();
        CacheClient client = CacheClient.builder().clock(clock).build();
        Cache<String, String> cache = client.cache("c", String.class, String.class)
                .ttl(Duration.ofMinutes(5))
                .build();
        cache.put("k", "v");
        clock.advance(Duration.ofMinutes(5));
        assertNull(cache.get("k"));
        // end
        client.close();
    }

    @Test
    void anExpiryOfCaffeines() {
        // doc
        AtomicLong nanos = new AtomicLong();
        Ticker ticker = nanos::get;
        com.github.benmanes.caffeine.cache.Cache<String, String> cache = Caffeine.newBuilder()
                .ticker(ticker)
                .expireAfterWrite(Duration.ofMinutes(5))
                .build();
        cache.put("k", "v");
        nanos.addAndGet(Duration.ofMinutes(5).toNanos());
        assertNull(cache.getIfPresent("k"));
        // end
    }

    @Test
    void aLoadOfCaffeines() {
        Supplier<Price> source = () -> new Price(250);
        // doc
        com.github.benmanes.caffeine.cache.LoadingCache<PriceKey, Price> prices =
                Caffeine.newBuilder().maximumSize(10_000).build(key -> source.get());
        Map<PriceKey, Price> some = prices.getAll(List.of(new PriceKey("a", 1)));
        Price price = prices.get(new PriceKey("a", 2));
        // end
        assertEquals(new Price(250), price);
        assertEquals(1, some.size());
    }

    @Test
    void anOutage() {
        try (RedisServer redis = RedisServer.start()) {
            RecordingListener events = new RecordingListener();
            try (CacheClient client = CacheClient.builder()
                    .tier(SingleConfig.of(redis.url()))
                    .on(CacheEvent.class, events)
                    .build()) {
                LoadingCache<String, String> cache =
                        client.cache("c", String.class, String.class).build(key -> "of " + key);
                // doc
                redis.kill();
                assertEquals("of a", cache.get("a"));
                assertEquals("single", events.await(TierLost.class).tier());
                redis.restart(RedisServer.Data.EMPTY);
                // end
                assertTrue(client.awaitServing("single", LONG));
            }
        }
    }

    /** What a row of the table counts, by the method that has the snippet. */
    private static final Map<String, String> ROWS = Map.of(
            "aClientWithAllTiers", "| a client with every tier, by code | %d | ",
            "aCacheOfRecordsByRecords", "| records by records: a cache, a write, a read | %d | ",
            "aValueThatOutlivesItsSourceAndACallerWhoDoesNotWait",
                    "| the last value where the source fails or is slow | %d | ",
            "anExpiry",
                    "| a test that an entry expires after five minutes, the clock and the cache included | %d | %d | ",
            "anOutage", "| a test of an outage, the server included | %d | ");

    @Test
    void theDocumentHasTheseSnippetsAndCountsTheirLines() throws IOException {
        Snippets.assertAreIn("comparison.md", ComparisonDocTest.class);
        String text = Files.readString(Path.of("../docs/comparison.md"));
        List<String> source = Files.readAllLines(
                Path.of("src/test/java", ComparisonDocTest.class.getName().replace('.', '/') + ".java"));
        ROWS.forEach((method, row) -> {
            String expected = row.formatted(lines(source, method), lines(source, method + "OfCaffeines"));
            assertTrue(text.contains(expected), () -> "comparison.md lacks: " + expected);
        });
    }

    /** How long the snippet of a method is; 0 if there is none. */
    private static long lines(List<String> source, String method) {
        return source.stream()
                .dropWhile(line -> !line.contains("void " + method + "()"))
                .dropWhile(line -> !line.strip().equals("// doc"))
                .skip(1)
                .takeWhile(line -> !line.strip().equals("// end"))
                .count();
    }
}
