package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.spi.StoreProvider;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Settings, and what a cluster that can't be used looks like from the start. */
class ClusterStoreStartTest {
    private static final String NODES = "REDIS_CLUSTER_NODES";

    private static ClusterConfig config(String... pairs) {
        Map<String, String> values = new HashMap<>(Map.of(NODES, "a:1,[::1]:2"));
        for (int i = 0; i < pairs.length; i += 2) {
            values.put(pairs[i], pairs[i + 1]);
        }
        return ClusterStoreProvider.config(Settings.of(values));
    }

    @Test
    void everySettingArrives() {
        ClusterConfig config = config(
                "REDIS_CLUSTER_USERNAME", "app",
                "REDIS_CLUSTER_PASSWORD", "secret",
                "REDIS_CLUSTER_TLS", "true",
                "REDIS_CLUSTER_READ_FROM", "Replica-Preferred",
                "REDIS_CONNECT_TIMEOUT", "1",
                "REDIS_COMMAND_TIMEOUT", "2",
                "REDIS_HEALTH_CHECK_INTERVAL", "4",
                "REDIS_PROBE_TIMEOUT", "2s",
                "REDIS_CONNECTION_POOL_SIZE", "5",
                "REDIS_MAX_FAILURES", "6",
                "CACHE_MAX_VALUE_BYTES", "2048",
                "REDIS_KEY_PREFIX", "{p}");

        assertEquals(List.of("a:1", "[::1]:2"), config.nodes());
        assertEquals("app", config.username());
        assertEquals(Secret.of("secret"), config.password());
        assertNotNull(config.tls());
        assertEquals(ReadFrom.REPLICA_PREFERRED, config.readFrom());
        assertEquals(Duration.ofMillis(1), config.connectTimeout());
        assertEquals(Duration.ofMillis(2), config.commandTimeout());
        assertEquals(Duration.ofMillis(4), config.healthCheckInterval());
        assertEquals(Duration.ofSeconds(2), config.minProbeTimeout());
        assertEquals(5, config.poolSize());
        assertEquals(6, config.maxFailures());
        assertEquals(2048, config.maxValueBytes());
        assertEquals("{p}:", config.keyPrefix().toString());
        assertFalse(config.toString().contains("secret"));
    }

    @Test
    void aProbeTimeoutThatIsTooLongIsNamed() {
        CacheConfigException refused =
                assertThrows(CacheConfigException.class, () -> config("REDIS_PROBE_TIMEOUT", "3600001"));
        assertTrue(refused.getMessage().contains("REDIS_PROBE_TIMEOUT"), refused.getMessage());
    }

    @Test
    void electionsAreWaitedForOnlyWhereNothingElseCanAnswer() {
        assertEquals(Duration.ofMillis(50), config().clusterDownRetry());
        assertEquals(
                Duration.ofMillis(50), config("CACHE_TIERS", "cluster,memory").clusterDownRetry());
        assertEquals(Duration.ofSeconds(8), config("CACHE_TIERS", "cluster").clusterDownRetry());
    }

    @Test
    void aMalformedNodeListNamesItsVariable() {
        for (String nodes :
                List.of("a", "a:0", "a:65536", "a:x", ":1", "a:1,,b:2", "a b:1", "::1:7", "[a]:1", "a:1/2")) {
            CacheConfigException e = assertThrows(CacheConfigException.class, () -> config(NODES, nodes), nodes);
            assertTrue(String.valueOf(e.getMessage()).startsWith(NODES), () -> String.valueOf(e.getMessage()));
        }
        for (String nodes : List.of("redis://:s3cret@h:1", "h:1,s3cret", "s3cret@h:1", "[s3cret]:1", "h:s3cret")) {
            CacheConfigException e = assertThrows(CacheConfigException.class, () -> config(NODES, nodes), nodes);
            assertFalse(String.valueOf(e.getMessage()).contains("s3cret"), () -> String.valueOf(e.getMessage()));
            assertNull(e.getCause());
        }
        assertThrows(CacheConfigException.class, () -> config(NODES, ""));
        assertThrows(CacheConfigException.class, () -> config("REDIS_KEY_PREFIX", "a{b"));
        assertThrows(CacheConfigException.class, () -> config("REDIS_CLUSTER_READ_FROM", "replica"));
    }

    @Test
    void theProviderStandsWhereBothWaysOfLoadingLook() throws IOException {
        Module module = ClusterStoreProvider.class.getModule();
        try (InputStream services = module.getResourceAsStream("META-INF/services/" + StoreProvider.class.getName())) {
            assertEquals(
                    ClusterStoreProvider.class.getName(),
                    new String(services.readAllBytes(), StandardCharsets.UTF_8).strip());
        }
        if (module.isNamed()) {
            assertTrue(module.getDescriptor().provides().stream()
                    .anyMatch(provides -> provides.providers().contains(ClusterStoreProvider.class.getName())));
        }
    }

    @Test
    void theProviderConnectsToNothing() {
        StoreProvider provider = new ClusterStoreProvider();

        assertEquals("cluster", provider.tier());
        provider.create(Settings.of(Map.of(NODES, "192.0.2.1:1"))).close();
    }

    @Test
    void aLettuceThatIsTooOldIsToldInOneSentence() {
        CacheConfigException e =
                assertThrows(CacheConfigException.class, () -> LettuceVersion.require(new ClassLoader(null) {}));

        assertEquals(
                "the cluster tier needs Lettuce 6.8 or later, found none (managed by Spring Boot? set <lettuce.version>)",
                e.getMessage());
    }

    @Test
    void aServerThatIsNoClusterIsNamed() {
        try (RedisServer server = RedisServer.start()) {
            refuses(server, ClusterConfig.of(List.of(at(server))), "not in cluster mode");
        }
    }

    @Test
    void aWrongPasswordIsNamed() {
        try (RedisServer server = RedisServer.builder().password("right").start()) {
            ClusterConfig config = ClusterConfig.of(List.of(at(server)));
            refuses(server, config, "withPassword");
            refuses(server, config.withPassword(Secret.of("wrong")), "withPassword");
        }
    }

    private static void refuses(RedisServer server, ClusterConfig config, String says) {
        try (ClusterStore store = ClusterStore.of(config)) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertEquals(Reason.REFUSED, e.reason());
            assertTrue(String.valueOf(e.getMessage()).contains(says), () -> String.valueOf(e.getMessage()));
            assertTrue(String.valueOf(e.getMessage()).contains(at(server)), () -> String.valueOf(e.getMessage()));
            assertThrows(CacheUnavailableException.class, () -> store.probe(Duration.ofSeconds(5)));
            assertFalse(store.health().available());
        }
    }

    @Test
    void noNodeThatCanBeReachedIsSaidSoon() {
        try (ClusterStore store = ClusterStore.of(ClusterConfig.of(List.of("127.0.0.1:1", "localhost:1")))) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));

            assertEquals(Reason.CONNECTION, e.reason());
            assertTrue(String.valueOf(e.getMessage()).contains("127.0.0.1:1"), () -> String.valueOf(e.getMessage()));
            assertFalse(e.outcomeUnknown());
        }
    }

    @Test
    void closingEndsEveryThread() {
        long before = ours();
        ClusterStore store = ClusterStore.of(ClusterConfig.of(List.of("127.0.0.1:1")));
        assertThrows(CacheUnavailableException.class, () -> store.get("k"));
        assertTrue(ours() > before);

        store.close();

        long end = System.nanoTime() + 10_000_000_000L;
        while (ours() > before) {
            assertTrue(System.nanoTime() - end < 0, "threads are left after 10 s");
            LockSupport.parkNanos(5_000_000);
        }
    }

    private static long ours() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("holdfast-cluster-"))
                .count();
    }

    private static String at(RedisServer server) {
        return server.host() + ':' + server.port();
    }
}
