package dev.holdfast.examples.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The application over a real server: its figures are those of {@link Figures}, here are the bounds that always hold. */
class ApplicationTest {
    private static final double GENEROUS_MILLIS = 3_000;

    private static RedisServer redis;
    private static RunningApplication application;

    @BeforeAll
    static void start() {
        redis = RedisServer.start();
        application = new RunningApplication("spring.data.redis.url=" + redis.url());
    }

    @AfterAll
    static void stop() {
        application.close();
        redis.close();
    }

    @Test
    void aProductIsAskedForOnceAndForgottenWhenItChanges() {
        SlowOrigin origin = application.bean(SlowOrigin.class);
        long before = origin.calls();
        String product = application.get("/products/7777");
        assertEquals("{\"id\":7777,\"name\":\"Product 7777\",\"cents\":777700}", product);
        assertEquals(product, application.get("/products/7777"));
        assertEquals(1, origin.calls() - before);
        assertEquals(200, application.ask("DELETE", "/products/7777/cached").statusCode());
        application.get("/products/7777");
        assertEquals(2, origin.calls() - before);
        assertEquals(404, application.ask("GET", "/products/-5").statusCode());
        assertEquals(404, application.ask("GET", "/products/-5").statusCode());
        assertEquals(3, origin.calls() - before, "that there is none is remembered");
    }

    @Test
    void actuatorKnowsTheCachesAndTheirHealth() {
        String caches = application.get("/actuator/caches");
        assertTrue(caches.contains("\"products\"") && caches.contains("\"first-products\""), caches);
        String health = application.get("/actuator/health");
        assertTrue(health.contains("\"holdfast\"") && health.contains("\"healthy\""), health);
        Products products = application.bean(Products.class);
        assertEquals(3, products.first(3).size());
        assertEquals(products.first(3), products.first(3));
    }

    @Test
    void aKilledServerHarmsNobody() throws InterruptedException {
        harmsNobody(Outage.killed(application, redis));
    }

    @Test
    void aFrozenServerHarmsNobody() throws InterruptedException {
        harmsNobody(Outage.frozen(application, redis));
    }

    private static void harmsNobody(Outage.Seen seen) {
        assertEquals(0, seen.exceptions(), seen::toString);
        assertEquals(0, seen.cameBack(), seen::toString);
        assertTrue(seen.longestMillis() < GENEROUS_MILLIS, seen::toString);
        assertEquals("UP critical", seen.healthDuring());
    }
}
