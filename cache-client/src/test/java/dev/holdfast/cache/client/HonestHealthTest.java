package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheHealth.Status;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.HealthState;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;

/** Health says what was seen, and says so where nobody has looked or measured. */
class HonestHealthTest {
    private static CacheClient client(String... namesAndValues) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            values.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return CacheClient.from(Settings.of(values));
    }

    private static void assertHas(String json, String... parts) {
        for (String part : parts) {
            assertTrue(json.contains(part), () -> part + " is not in " + json);
        }
    }

    @Test
    void aServerThatNobodyHasLookedAtIsUnknownAndOneThatDidNotAnswerIsDown() {
        try (CacheStore store =
                SingleStore.of(SingleConfig.of("127.0.0.1", 1).withConnectTimeout(Duration.ofMillis(500)))) {
            assertEquals(HealthState.UNKNOWN, store.health().state());
            assertEquals(HealthState.UNKNOWN, store.health().nodes().get(0).state());
            assertThrows(CacheUnavailableException.class, () -> store.probe(Duration.ofMillis(500)));
            assertEquals(HealthState.DOWN, store.health().state());
            assertEquals(HealthState.DOWN, store.health().nodes().get(0).state());
        }
        try (RedisServer redis = RedisServer.start();
                CacheStore store = SingleStore.of(SingleConfig.of(redis.url()))) {
            assertFalse(store.health().available());
            store.put("k", new byte[1], Duration.ofMinutes(1));
            assertEquals(HealthState.UP, store.health().state());
            assertEquals(HealthState.UP, store.health().nodes().get(0).state());
        }
    }

    @Test
    void aTierThatDidNotAnswerAtTheStartSaysWhatFailedAndSinceWhen() {
        Instant before = Instant.now();
        try (CacheClient client = client("REDIS_HOST", "127.0.0.1", "REDIS_PORT", "1")) {
            CacheHealth health = client.health();
            TierHealth single = health.tiers().get(0);
            assertEquals(TierHealth.State.OPEN, single.state());
            assertEquals(TierHealth.Reason.PROBE, single.reason());
            assertEquals(HealthState.DOWN, single.store().state());
            assertNotNull(single.lastFailure());
            for (TierHealth tier : health.tiers()) {
                assertFalse(tier.since().isBefore(before), () -> tier.name() + " since " + tier.since());
            }
            assertEquals(Status.CRITICAL, health.status());
            assertHas(client.healthJson(), "\"available\":false", "\"reason\":\"probe\"");
        }
    }

    @Test
    void theKillSwitchIsNamedAndNothingIsHealthyBehindIt() {
        try (CacheClient client = client("REDIS_URL", "redis://127.0.0.1:1", "REDIS_ENABLED", "false")) {
            assertEquals(Status.DISABLED, client.health().status());
            assertHas(client.healthJson(), "\"status\":\"disabled\"", "the kill switch is on: REDIS_ENABLED is false");
            assertTrue(client.isReady());
        }
        try (CacheClient client = client("CACHE_ENABLED", "false")) {
            assertEquals(Status.DISABLED, client.health().status());
            assertHas(client.healthJson(), "the kill switch is on: CACHE_ENABLED is false");
        }
        try (CacheClient client = client("REDIS_ENABLED", "false")) {
            assertEquals(Status.HEALTHY, client.health().status(), "no server is configured that it could keep out");
            assertNull(client.health().notes());
        }
    }

    @Test
    void whatIsNotMeasuredIsNullInJsonAndJmx() throws Exception {
        try (CacheClient client = CacheClient.builder().name("unmeasured").build()) {
            client.cache("c", String.class, String.class).build().put("k", "v");
            assertHas(client.healthJson(), "\"averageResponseTime\":null", "\"p99\":null");
            MBeanServer server = ManagementFactory.getPlatformMBeanServer();
            ObjectName bean = new ObjectName("dev.holdfast.cache:type=CacheClient,name="
                    + client.management().await());
            assertNull(server.getAttribute(bean, "OperationP99Micros"));
            assertEquals(1L, server.getAttribute(bean, "Operations"));
        }
    }

    @Test
    void aLookupNamesTheTierThatAnswered() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = client("REDIS_URL", redis.url())) {
            Lookup<String> found =
                    client.cache("c", String.class, String.class).build().lookup("k");
            assertEquals("single", found.tier());
            client.forceFailover("single");
            assertEquals(
                    "memory",
                    client.cache("c", String.class, String.class)
                            .build()
                            .lookup("k")
                            .tier());
        }
        try (CacheClient client = client()) {
            assertEquals(
                    "memory",
                    client.cache("c", String.class, String.class)
                            .build()
                            .lookup("k")
                            .tier());
        }
    }
}
