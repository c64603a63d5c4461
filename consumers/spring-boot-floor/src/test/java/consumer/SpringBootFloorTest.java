package consumer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.SpringBootVersion;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.cache.annotation.Cacheable;
import org.springframework.cache.annotation.EnableCaching;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;

/** An application with the starter and a property, on the lowest Spring Boot. */
class SpringBootFloorTest {
    private static RedisServer redis;
    private static ConfigurableApplicationContext context;

    public record User(long id, String name) {}

    public static class Users {
        final AtomicInteger calls = new AtomicInteger();

        @Cacheable(cacheNames = "users", sync = true)
        public User find(long id) {
            calls.incrementAndGet();
            return new User(id, "Ada");
        }

        public int calls() {
            return calls.get();
        }
    }

    @SpringBootApplication(proxyBeanMethods = false)
    @EnableCaching
    static class Application {
        @Bean
        Users users() {
            return new Users();
        }
    }

    @BeforeAll
    static void start() {
        redis = RedisServer.start();
        context = new SpringApplicationBuilder(Application.class)
                .properties(
                        "server.port=0",
                        "server.address=127.0.0.1",
                        "spring.data.redis.url=" + redis.url(),
                        "holdfast.monitoring.enabled=true",
                        "management.endpoint.health.show-details=always",
                        "management.endpoints.web.exposure.include=health,prometheus,caches")
                .run();
    }

    @AfterAll
    static void stop() {
        context.close();
        redis.close();
    }

    private static String get(String path) throws Exception {
        String port = context.getEnvironment().getProperty("local.server.port");
        HttpRequest request =
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
        HttpResponse<String> response =
                HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        assertEquals(200, response.statusCode(), response::body);
        return response.body();
    }

    @Test
    void theVersionIsTheLowest() {
        assertEquals("4.0.9", SpringBootVersion.getVersion());
    }

    @Test
    void aMethodIsCachedOnTheServer() {
        Users users = context.getBean(Users.class);
        int before = users.calls();
        assertEquals(new User(1, "Ada"), users.find(1));
        assertEquals(new User(1, "Ada"), users.find(1));
        assertEquals(1, users.calls() - before);
        assertEquals("native-redis", context.getBean(CacheClient.class).health().type());
    }

    @Test
    void healthMetricsCachesAndMonitoringAnswer() throws Exception {
        context.getBean(Users.class).find(2);
        assertTrue(get("/actuator/health").contains("\"holdfast\""), "health");
        assertTrue(get("/actuator/caches").contains("\"users\""), "caches");
        assertTrue(
                get("/actuator/prometheus").lines().anyMatch(line -> line.startsWith("cache_gets_total{")
                        && line.contains("cache=\"users\"")),
                "metrics");
        assertTrue(get("/api/health/cache").contains("\"native-redis\""), "monitoring");
    }
}
