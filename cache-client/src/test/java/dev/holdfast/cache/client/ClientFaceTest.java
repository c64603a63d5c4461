package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Counter;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.StoreConfig;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What a user writes to have a client, its caches and its counters. */
class ClientFaceTest {

    /** A key of several parts. */
    record Sku(String shop, long number, Kind kind) {}

    /** A part of a key. */
    enum Kind {
        BOOK {
            @Override
            public String toString() {
                return "not its name";
            }
        },
        TOY
    }

    /** A key that has no text of its own. */
    record Price(double amount) {}

    @Test
    void optionsMayComeInAnyOrderAndGoBeforeThePolicy() {
        CachePolicy base = CachePolicy.of(Duration.ofMinutes(1)).withMaxLoads(3);
        try (CacheClient client = CacheClient.builder().build()) {
            Cache<String, String> one = client.cache("one", String.class, String.class)
                    .ttl(Duration.ofMinutes(2))
                    .staleIfError(Duration.ofHours(1))
                    .loadSoftTimeout(Duration.ofMillis(50))
                    .policy(base)
                    .build();
            Cache<String, String> other = client.cache("other", String.class, String.class)
                    .loadSoftTimeout(Duration.ofMillis(50))
                    .policy(base)
                    .staleIfError(Duration.ofHours(1))
                    .ttl(Duration.ofMinutes(2))
                    .build();
            assertEquals(one.policy(), other.policy());
            assertEquals(3, one.policy().maxLoads());
            assertEquals(Duration.ofMinutes(2), one.policy().ttl());
            IllegalArgumentException e =
                    assertThrows(IllegalArgumentException.class, () -> client.cache("bad", String.class, String.class)
                            .loadSoftTimeout(Duration.ofMillis(50))
                            .build());
            assertTrue(e.getMessage().contains("staleIfError"), e.getMessage());
            assertThrows(IllegalArgumentException.class, () -> client.cache("bad", String.class, String.class)
                    .ttl(Duration.ZERO));
        }
    }

    @Test
    void aCacheThatIsOpenIsAskedForWithTheSameLoaderOrToldTheOneDifference() {
        CacheLoader<String, String> loader = key -> "of " + key;
        try (CacheClient client = CacheClient.builder().build()) {
            LoadingCache<String, String> cache =
                    client.cache("c", String.class, String.class).build(loader);
            assertSame(cache, client.cache("c", String.class, String.class).build(loader));
            CacheBuilder<String, String> again = client.cache("c", String.class, String.class);
            String other = assertThrows(IllegalStateException.class, () -> again.build(key -> "x"))
                    .getMessage();
            assertTrue(other.contains("another loader") && !other.contains("ttl"), other);
            String none =
                    assertThrows(IllegalStateException.class, again::build).getMessage();
            assertTrue(none.contains("one of the two has a loader"), none);
            String ttl = assertThrows(IllegalStateException.class, () -> client.cache("c", String.class, String.class)
                            .ttl(Duration.ofMinutes(7))
                            .build(loader))
                    .getMessage();
            assertTrue(ttl.contains("ttl=PT5M, now PT7M") && !ttl.contains("maxLoads"), ttl);
            CacheLoader.Adaptive<String, String> adaptive = (key, context) -> "v";
            assertSame(
                    client.cache("a", String.class, String.class).build(adaptive),
                    client.cache("a", String.class, String.class).build(adaptive));
        }
    }

    @Test
    void recordsOfPlainPartsMakeTextsThatDiffer() {
        assertEquals("s\\:1:42:BOOK", KeyMappers.of(Sku.class).apply(new Sku("s:1", 42, Kind.BOOK)));
        assertEquals("s\\\\:1:TOY", KeyMappers.of(Sku.class).apply(new Sku("s\\", 1, Kind.TOY)));
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> KeyMappers.of(Price.class));
        assertTrue(e.getMessage().contains("keys(key -> ...)"), e.getMessage());
        NullPointerException missing = assertThrows(
                NullPointerException.class, () -> KeyMappers.of(Sku.class).apply(nullShop()));
        assertTrue(missing.getMessage().contains("shop"), missing.getMessage());
        try (CacheClient client = CacheClient.builder().build()) {
            Cache<Sku, String> cache =
                    client.cache("c", Sku.class, String.class).build();
            cache.put(new Sku("a", 1, Kind.TOY), "v");
            assertEquals("v", cache.get(new Sku("a", 1, Kind.TOY)));
            assertNull(cache.get(new Sku("a", 1, Kind.BOOK)));
            Cache<Price, String> own = client.cache("own", Price.class, String.class)
                    .keys(price -> Double.toString(price.amount()))
                    .build();
            own.put(new Price(1.5), "v");
            assertEquals("v", own.get(new Price(1.5)));
        }
    }

    @SuppressWarnings("NullAway") // a key with a hole
    private static Sku nullShop() {
        return new Sku(null, 1, Kind.TOY);
    }

    @Test
    void memoryStandsBelowServersUnlessItIsLeftOut() {
        try (RedisServer redis = RedisServer.start()) {
            Settings settings = Settings.of(Map.of("REDIS_URL", redis.url()));
            CacheStore server = StoreProviders.find().make("single", settings);
            try (CacheClient client =
                    CacheClient.builder().tier("single", server).memory(2 << 20).build()) {
                assertEquals(
                        List.of("single", "memory"),
                        client.health().tiers().stream()
                                .map(tier -> tier.name())
                                .toList());
                client.forceFailover("single");
                assertEquals(
                        2 << 20, client.health().tiers().get(1).store().memory().maxBytes());
            }
            try (CacheClient client =
                    CacheClient.builder().settings(settings).withoutMemory().build()) {
                assertEquals(1, client.health().tiers().size());
            }
        }
        assertThrows(
                CacheConfigException.class,
                () -> CacheClient.builder().withoutMemory().build());
        assertThrows(IllegalArgumentException.class, () -> CacheClient.builder().memory(1_000));
    }

    @Test
    void aConfigurationTakesTheClientsNameAndPrefixWhereItHasNoneOfItsOwn() {
        try (RedisServer redis = RedisServer.start()) {
            SingleConfig config = SingleConfig.of(redis.url());
            try (CacheClient client = CacheClient.builder()
                    .tier(config)
                    .tier("own", config.withKeyPrefix(KeyPrefix.of("mine")).withClientName("my-name"))
                    .name("the shop")
                    .keyPrefix("shop")
                    .build()) {
                Cache<String, String> cache =
                        client.cache("c", String.class, String.class).build();
                cache.put("k", "v");
                assertEquals(List.of("shop:c:k"), keys(redis));
                String first = text(redis.command("CLIENT", "LIST"));
                assertTrue(first.contains("name=the-shop "), first);
                client.forceFailover("single");
                cache.put("k", "w");
                assertTrue(keys(redis).contains("mine:c:k"), () -> keys(redis).toString());
                String second = text(redis.command("CLIENT", "LIST"));
                assertTrue(second.contains("name=my-name "), second);
            }
        }
        CacheClientBuilder twice = CacheClient.builder().tier(SingleConfig.of("redis://127.0.0.1:1"));
        assertThrows(IllegalArgumentException.class, () -> twice.tier(SingleConfig.of("redis://127.0.0.1:2")));
    }

    private static List<String> keys(RedisServer redis) {
        List<String> keys = new ArrayList<>();
        for (Object key : (List<?>) Objects.requireNonNull(redis.command("KEYS", "*:c:*"))) {
            keys.add(text(key));
        }
        return keys;
    }

    private static String text(@Nullable Object reply) {
        return reply instanceof byte[] bytes ? new String(bytes, StandardCharsets.UTF_8) : String.valueOf(reply);
    }

    @Test
    void aStoreThatIsGivenIsClosedWhereAConfigurationCantBeOpened() {
        AtomicInteger closings = new AtomicInteger();
        CacheStore given = MemoryStore.create(1 << 20);
        StoreConfig broken = new StoreConfig() {
            @Override
            public String tier() {
                return "broken";
            }

            @Override
            public CacheStore open(String client, KeyPrefix keyPrefix) {
                closings.incrementAndGet();
                throw new CacheConfigException("a file that can't be read");
            }
        };
        CacheClientBuilder builder = CacheClient.builder().tier("given", given).tier(broken);
        assertThrows(CacheConfigException.class, builder::build);
        assertEquals(1, closings.get());
        assertThrows(IllegalStateException.class, () -> given.get("k"), "it is closed");
    }

    @Test
    void aTestSetsTheTime() {
        AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));
        AtomicInteger loads = new AtomicInteger();
        try (CacheClient client = CacheClient.builder().clock(now::get).build()) {
            LoadingCache<String, String> cache = client.cache("c", String.class, String.class)
                    .ttl(Duration.ofMinutes(5))
                    .build(key -> "v" + loads.incrementAndGet());
            Counter counter = client.counter("n").ttl(Duration.ofMinutes(1)).build();
            assertEquals("v1", cache.get("k"));
            assertEquals(1, counter.increment());
            now.set(now.get().plus(Duration.ofMinutes(5)).minusMillis(1));
            assertEquals("v1", cache.get("k"));
            assertEquals(0, counter.get(), "its minute is over, in this process's memory too");
            now.set(now.get().plusMillis(1));
            assertEquals("v2", cache.get("k"));
        }
    }

    @Test
    void whatIsOpenIsNamedAndClearedAtOnce() {
        try (CacheClient client = CacheClient.builder().build()) {
            Cache<UUID, String> users =
                    client.cache("users", UUID.class, String.class).build();
            Cache<String, String> leads =
                    client.cache("leads", String.class, String.class).build();
            Counter counter = client.counter("n").build();
            UUID key = UUID.randomUUID();
            users.put(key, "u");
            leads.put("l", "v");
            assertEquals(1, counter.increment());
            assertEquals(new TreeSet<>(List.of("leads", "users")), client.caches());
            client.clearAll();
            assertNull(users.get(key));
            assertNull(leads.get("l"));
            assertEquals(1, counter.get());
            leads.close();
            assertEquals(new TreeSet<>(List.of("users")), client.caches());
            assertThrows(IllegalArgumentException.class, () -> client.awaitServing("single", Duration.ofSeconds(1)));
            assertTrue(client.awaitServing("memory", Duration.ZERO));
        }
    }

    @Test
    void nodesAloneAskForTheClusterTier() {
        Map<String, String> nodes = Map.of("REDIS_CLUSTER_NODES", "127.0.0.1:1");
        StoreProviders stores = new StoreProviders(List.of());
        assertEquals(
                List.of("cluster", "memory"),
                TierPlan.of(Settings.of(nodes), stores).tiers());
        Settings off = Settings.of(nodes).with("REDIS_CLUSTER_ENABLED", "false");
        assertEquals(List.of("memory"), TierPlan.of(off, stores).tiers());
    }

    @Test
    void countersCloseWithTheirClient() {
        CacheClient client =
                CacheClient.builder().memory(() -> MemoryStore.create(1 << 20)).build();
        Counter counter = client.counter("n").build();
        client.close();
        assertThrows(IllegalStateException.class, counter::increment);
        assertThrows(IllegalStateException.class, () -> counter.async().get());
        assertFalse(client.isReady());
    }

    @Test
    void aMemoryOfOnesOwnLeavesTheServersOfTheSettings() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.builder()
                        .settings(Settings.of(Map.of("REDIS_URL", redis.url())))
                        .memory(() -> MemoryStore.create(1 << 20))
                        .build()) {
            assertEquals(2, client.health().tiers().size());
            assertTrue(client.health().tiers().get(0).serving());
        }
    }

    @Test
    void aClockThatIsBehindSeesWhatIsStoredOnALowerServer() {
        AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2020-01-01T00:00:00Z"));
        try (CacheClient client = CacheClient.builder()
                .tier("one", MemoryStore.create(1 << 20))
                .tier("two", MemoryStore.create(1 << 20))
                .clock(now::get)
                .build()) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).build();
            client.forceFailover("one");
            cache.put("k", "v");
            assertEquals("v", cache.get("k"));
        }
    }
}
