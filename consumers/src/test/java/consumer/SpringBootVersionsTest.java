package consumer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Every store opens and serves where Spring Boot has chosen the versions of the libraries that it is made of. */
class SpringBootVersionsTest {
    public record User(String name, List<String> roles) {}

    private static final User ADA = new User("Ada", List.of("reader", "writer"));

    private static String jarOf(String className) throws ClassNotFoundException {
        return Class.forName(className)
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .getPath();
    }

    private static void putGetAndRemove(Map<String, String> settings, String tier) {
        try (CacheClient client = CacheClient.from(Settings.of(settings))) {
            Cache<String, User> users = client.cache("users", String.class, User.class).build();

            users.put("ada", ADA);
            assertEquals(ADA, users.get("ada"));
            assertTrue(users.remove("ada"));
            assertNull(users.get("ada"));

            assertTrue(client.health().type().contains(tier), () -> "" + client.health());
        }
    }

    @Test
    void theVersionsAreThoseOfSpringBoot() throws ClassNotFoundException {
        assertTrue(jarOf("redis.clients.jedis.Jedis").endsWith("/jedis-7.4.1.jar"));
        assertTrue(jarOf("io.lettuce.core.RedisClient").endsWith("/lettuce-core-7.5.2.RELEASE.jar"));
        assertTrue(jarOf("com.github.benmanes.caffeine.cache.Caffeine").endsWith("/caffeine-3.2.4.jar"));
        assertTrue(jarOf("tools.jackson.databind.ObjectMapper").endsWith("/jackson-databind-3.1.7.jar"));
    }

    @Test
    void memoryServes() {
        putGetAndRemove(Map.of(), "memory");
    }

    @Test
    void aSingleServerServes() {
        try (RedisServer redis = RedisServer.start()) {
            putGetAndRemove(Map.of("REDIS_URL", redis.url(), "CACHE_TIERS", "single"), "native-redis");
        }
    }

    @Test
    void aClusterServes() {
        try (RedisCluster cluster = RedisCluster.start()) {
            putGetAndRemove(
                    Map.of(
                            "REDIS_CLUSTER_ENABLED",
                            "true",
                            "REDIS_CLUSTER_NODES",
                            cluster.seeds(),
                            "CACHE_TIERS",
                            "cluster"),
                    "cluster");
        }
    }

    @Test
    void upstashServes() {
        try (RedisServer redis = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + redis.port(), "t")) {
            putGetAndRemove(
                    Map.of(
                            "UPSTASH_REDIS_REST_URL",
                            gateway.url(),
                            "UPSTASH_REDIS_REST_TOKEN",
                            "t",
                            "CACHE_TIERS",
                            "upstash"),
                    "upstash");
        }
    }
}
