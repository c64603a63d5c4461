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
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Every store opens and serves, and a monitor answers, where Spring Boot has chosen the versions of the libraries that it is made of. */
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
        assertTrue(jarOf("io.prometheus.metrics.model.snapshots.MetricSnapshots")
                .endsWith("/prometheus-metrics-model-1.7.0.jar"));
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
    void aMonitorAnswersByTheVariableAlone() throws IOException {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        Map<String, String> settings = Map.of(
                "REDIS_MONITORING_ENABLED",
                "true",
                "REDIS_MONITORING_PORT",
                "" + port,
                "REDIS_ALERT_WEBHOOK_URL",
                "http://127.0.0.1:1/never",
                "REDIS_ALERT_SMTP_URL",
                "smtp://127.0.0.1:1?from=a@example.com&to=b@example.com");
        try (CacheClient client = CacheClient.from(Settings.of(settings))) {
            client.cache("users", String.class, User.class).build().put("ada", ADA);
            assertEquals("OK", answer(port, "/health"));
            assertTrue(answer(port, "/metrics").contains("holdfast_status{"), "metrics");
            assertTrue(answer(port, "/api/monitoring/alerts").contains("\"channel\":\"email\""), "both channels");
            assertTrue(answer(port, "/").startsWith("<!DOCTYPE html>"), "the page");
        }
    }

    private static String answer(int port, String path) throws IOException {
        URL url = URI.create("http://127.0.0.1:" + port + path).toURL();
        try (InputStream in = url.openStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
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
