package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CachedServiceTest {
    private static HttpResponse<String> get(CachedService service, String path) throws Exception {
        URI uri = URI.create("http://127.0.0.1:" + service.port() + path);
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static CachedService start(String redis) {
        Map<String, String> variables = new HashMap<>(Map.of(
                "PORT", "0",
                "REDIS_MONITORING_ENABLED", "true",
                "REDIS_MONITORING_PORT", "0",
                "REDIS_HOST", "127.0.0.1",
                "REDIS_PORT", redis));
        return CachedService.start(variables);
    }

    @Test
    void itAnswersFromItsCacheAndOnItsProbes() throws Exception {
        try (RedisServer redis = RedisServer.start();
                CachedService service = start("" + redis.port())) {
            assertEquals(
                    "https://a-1.example/hook", get(service, "/endpoint/a-1").body());
            assertEquals(
                    "single",
                    get(service, "/endpoint/a-1")
                            .headers()
                            .firstValue("X-Served-By")
                            .orElseThrow());
            assertEquals(400, get(service, "/endpoint/A%20").statusCode());
            assertEquals("OK", get(service, "/health").body());
            assertEquals("READY", get(service, "/ready").body());
            assertTrue(get(service, "/api/monitoring/health/redis").body().startsWith("{\"status\":\"healthy\""));
            assertEquals(404, get(service, "/metrics").statusCode());
        }
    }

    @Test
    void withoutAnyRedisItIsReadyAndServes() throws Exception {
        try (CachedService service = start("1")) {
            assertEquals("READY", get(service, "/ready").body());
            assertEquals("OK", get(service, "/health").body());
            assertEquals(
                    "memory",
                    get(service, "/endpoint/a")
                            .headers()
                            .firstValue("X-Served-By")
                            .orElseThrow());
            assertEquals(503, get(service, "/api/monitoring/health/redis").statusCode());
        }
    }

    @Test
    void aServiceLinkOfKubernetesIsPassedOver() throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            try (CachedService service = CachedService.start(Map.of(
                    "PORT", "0",
                    "REDIS_MONITORING_PORT", "0",
                    "REDIS_URL", redis.url(),
                    "REDIS_PORT", "tcp://10.96.0.11:6379"))) {
                assertEquals(
                        "single",
                        get(service, "/endpoint/a")
                                .headers()
                                .firstValue("X-Served-By")
                                .orElseThrow());
            }
        }
    }
}
