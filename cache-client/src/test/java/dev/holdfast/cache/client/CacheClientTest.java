package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheHealth.Status;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TypeRef;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class CacheClientTest {
    enum Colour {
        RED {
            @Override
            public String toString() {
                return "a warm colour";
            }
        }
    }

    public record User(long id, String name) {}

    private static CacheClient memory() {
        return CacheClient.from(Settings.of(Map.of()));
    }

    @Test
    void withNothingSetEntriesLiveInMemory() {
        try (CacheClient client = memory()) {
            Cache<String, String> cache =
                    client.cache("greetings", String.class, String.class).build();
            assertNull(cache.get("en"));
            assertEquals("hello", cache.get("en", key -> "hello"));
            assertEquals("hello", cache.get("en"));
            assertEquals("in-memory", client.health().type());
            assertEquals(Status.HEALTHY, client.health().status());
            assertTrue(client.isReady());
            assertEquals(Duration.ofMinutes(5), client.policy().ttl());
        }
    }

    @Test
    void theEnvironmentOfThisProcessIsEnoughToStart() {
        try (CacheClient client = CacheClient.fromEnvironment()) {
            assertTrue(client.isAlive());
        }
    }

    @Test
    void settingsSayHowLongValuesLive() {
        try (CacheClient client = CacheClient.from(Settings.of(Map.of("CACHE_TTL", "7")))) {
            assertEquals(Duration.ofSeconds(7), client.policy().ttl());
            assertEquals(
                    Duration.ofSeconds(7),
                    client.cache("c", String.class, String.class)
                            .build()
                            .policy()
                            .ttl());
        }
        CachePolicy policy = CachePolicy.of(Duration.ofSeconds(3));
        try (CacheClient client = CacheClient.builder()
                .settings(Settings.of(Map.of("CACHE_TTL", "7")))
                .policy(policy)
                .build()) {
            assertEquals(policy, client.policy());
        }
    }

    @Test
    void switchedOffItIsDisabledAndWorks() {
        Settings off = Settings.of(Map.of("CACHE_ENABLED", "false", "REDIS_URL", "redis://127.0.0.1:1"));
        try (CacheClient client = CacheClient.from(off)) {
            assertEquals(Status.DISABLED, client.health().status());
            assertTrue(client.healthJson().contains("\"status\":\"disabled\""));
            assertEquals(
                    5, client.counter("n").ttl(Duration.ofMinutes(1)).build().increment(5));
        }
    }

    @Test
    void theSameNameWithEqualArgumentsIsTheSameCache() {
        Function<UUID, String> keys = UUID::toString;
        try (CacheClient client = memory()) {
            Cache<String, String> cache =
                    client.cache("a", String.class, String.class).build();
            assertSame(cache, client.cache("a", String.class, String.class).build());
            assertSame(
                    cache,
                    client.cache("a", String.class, String.class)
                            .policy(client.policy())
                            .build());
            assertSame(
                    client.cache("b", UUID.class, String.class)
                            .keys(keys)
                            .codec(Codec.string())
                            .build(),
                    client.cache("b", UUID.class, String.class)
                            .keys(keys)
                            .codec(Codec.string())
                            .build());
            Cache<String, List<String>> lists = client.cache("l", String.class, new TypeRef<List<String>>() {})
                    .build();
            assertSame(
                    lists,
                    client.cache("l", String.class, new TypeRef<List<String>>() {})
                            .build());

            IllegalStateException e =
                    assertThrows(IllegalStateException.class, () -> client.cache("a", String.class, Long.class)
                            .build());
            assertTrue(e.getMessage().contains("a ") && e.getMessage().contains("Long"), e.getMessage());
            assertThrows(IllegalStateException.class, () -> client.cache("a", Long.class, String.class)
                    .build());
            assertThrows(IllegalStateException.class, () -> client.cache("a", String.class, String.class)
                    .policy(CachePolicy.of(Duration.ofSeconds(1)))
                    .build());
            assertThrows(IllegalStateException.class, () -> client.cache("b", UUID.class, String.class)
                    .keys((UUID uuid) -> "x" + uuid)
                    .codec(Codec.string())
                    .build());

            cache.close();
            assertNotSame(cache, client.cache("a", Long.class, Long.class).build());
        }
    }

    @Test
    void namesAreOfAFewCharacters() {
        try (CacheClient client = memory()) {
            client.cache("A-Za_z.09", String.class, String.class).build();
            for (String name : new String[] {"", "a:b", "#", "ä", "a b", "x".repeat(65), "a\n"}) {
                assertThrows(
                        IllegalArgumentException.class,
                        () -> client.cache(name, String.class, String.class).build(),
                        name);
            }
        }
    }

    @Test
    void keysOfTheUsualTypesMapThemselves() {
        try (CacheClient client = memory()) {
            UUID uuid = UUID.randomUUID();
            Cache<UUID, String> byUuid =
                    client.cache("u", UUID.class, String.class).build();
            byUuid.put(uuid, "x");
            assertEquals("x", byUuid.get(uuid));
            assertEquals("RED", KeyMappers.of(Colour.class).apply(Colour.RED));
            assertEquals("-5", KeyMappers.of(Long.class).apply(-5L));
            assertThrows(IllegalArgumentException.class, () -> client.cache("o", Object.class, String.class)
                    .build());
            assertThrows(IllegalArgumentException.class, () -> client.cache("o", Double.class, String.class)
                    .build());
        }
    }

    @Test
    void valuesOfEveryKindHaveACodec() {
        try (CacheClient client = memory()) {
            client.cache("s", String.class, byte[].class).build().put("k", new byte[] {1, 2});
            assertArrayEquals(
                    new byte[] {1, 2},
                    client.cache("s", String.class, byte[].class).build().get("k"));
            Cache<String, User> users =
                    client.cache("r", String.class, User.class).build();
            users.put("k", new User(1, "Ada"));
            assertEquals(new User(1, "Ada"), users.get("k"));
            Cache<String, List<User>> lists = client.cache("lists", String.class, new TypeRef<List<User>>() {})
                    .build();
            lists.put("k", List.of(new User(1, "Ada")));
            assertEquals(List.of(new User(1, "Ada")), lists.get("k"));
            CacheConfigException e =
                    assertThrows(CacheConfigException.class, () -> client.cache("x", String.class, Object.class)
                            .build());
            assertTrue(e.getMessage().contains("java.lang.Object"), e.getMessage());
        }
    }

    @Test
    void countersAreApartFromCaches() {
        try (CacheClient client = memory()) {
            assertEquals(0, client.counter("visits").build().get());
            assertEquals(
                    3,
                    client.counter("visits").ttl(Duration.ofMinutes(1)).build().increment(3));
            assertEquals(
                    1,
                    client.counter("visits").ttl(Duration.ofMinutes(1)).build().increment(-2));
            assertEquals(1, client.counter("visits").build().get());
            assertThrows(
                    IllegalArgumentException.class,
                    () -> client.counter("").ttl(Duration.ofMinutes(1)).build().increment(1));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> client.counter("c").ttl(Duration.ZERO).build().increment(1));
        }
    }

    @Test
    void aClosedClientSaysSo() {
        CacheClient client = memory();
        Cache<String, String> cache =
                client.cache("a", String.class, String.class).build();
        client.close();
        client.close();
        assertFalse(client.isAlive());
        assertFalse(client.isReady());
        assertThrows(IllegalStateException.class, () -> cache.get("k"));
        assertThrows(IllegalStateException.class, () -> client.cache("b", UUID.class, String.class)
                .build());
        assertThrows(IllegalStateException.class, client::health);
        assertThrows(
                IllegalStateException.class, () -> client.counter("c").build().get());
        assertThrows(IllegalStateException.class, client::forceFailback);
    }

    @Test
    void oneTierHasNothingToGoTo() {
        try (CacheClient client = memory()) {
            assertThrows(IllegalStateException.class, () -> client.forceFailover("memory"));
            assertThrows(IllegalStateException.class, client::forceFailback);
        }
    }

    @Test
    void aBuilderBuildsOneClient() {
        CacheClientBuilder builder = CacheClient.builder();
        builder.build().close();
        assertThrows(IllegalStateException.class, builder::build);
        assertThrows(IllegalArgumentException.class, () -> CacheClient.builder().name(" "));
        assertThrows(IllegalArgumentException.class, () -> CacheClient.builder().startTimeout(Duration.ZERO));
    }

    @Test
    void onRedisEntriesHaveNameAndPrefix() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client =
                        CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "app")))) {
            client.cache("users", Long.class, String.class).build().put(42L, "Ada");
            client.counter("visits").ttl(Duration.ofMinutes(1)).build().increment(2);
            Function<String, String> keys = Function.identity();
            client.cache("raw", String.class, String.class)
                    .keys(keys)
                    .codec(Codec.raw(Codec.string()))
                    .build()
                    .put("plain", "text");
            assertEquals(1L, redis.command("EXISTS", "app:users:42"));
            assertEquals("2", redis.command("GET", "app:#:visits"));
            assertEquals("text", redis.command("GET", "app:plain"));
            assertEquals(
                    List.of("single", "memory"),
                    client.health().tiers().stream().map(t -> t.name()).toList());
            assertEquals("native-redis", client.health().type());
            assertTrue(client.health().distributed());
        }
    }

    @Test
    void tiersFromCodeFailOverAndComeBack() throws Exception {
        StoreProviders stores = StoreProviders.find();
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.builder()
                        .name("code")
                        .tier("primary", stores.make("single", Settings.of(Map.of("REDIS_URL", redis.url()))))
                        .memory(() -> stores.make("memory", Settings.of(Map.of())))
                        .failover(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofMillis(100)))
                        .build()) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).build();
            cache.put("k", "1");
            client.forceFailover("primary");
            assertEquals(Status.CRITICAL, client.health().status());
            assertTrue(client.isReady());
            assertNull(cache.get("k"));
            cache.remove("k");
            client.forceFailback();
            await("failback", () -> client.health().status() == Status.HEALTHY);
            assertNull(cache.get("k"), "removed while the tier was out");
            assertThrows(IllegalArgumentException.class, () -> client.forceFailover("nonsense"));
        }
    }

    @Test
    void aServerThatIsDownAtStartJoinsLater() throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            redis.kill();
            try (CacheClient client = CacheClient.builder()
                    .settings(Settings.of(Map.of("REDIS_URL", redis.url())))
                    .failover(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofMillis(100)))
                    .build()) {
                assertEquals(Status.CRITICAL, client.health().status());
                assertEquals(
                        1,
                        client.counter("n").ttl(Duration.ofMinutes(1)).build().increment(1));
                redis.restart(RedisServer.Data.KEEP);
                await("failback", () -> client.health().status() == Status.HEALTHY);
            }
        }
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "waited in vain: " + what);
            Thread.sleep(20);
        }
    }
}
