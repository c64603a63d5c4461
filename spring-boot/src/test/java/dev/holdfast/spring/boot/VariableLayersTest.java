package dev.holdfast.spring.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.MapConfigurationPropertySource;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;

/** Which variables each source sets, and which source wins. */
class VariableLayersTest {

    private static <T> T bound(Class<T> type, String prefix, Map<String, String> properties) {
        return new Binder(new MapConfigurationPropertySource(properties)).bindOrCreate(prefix, type);
    }

    private static VariableLayer holdfast(Map<String, String> properties) {
        return VariableLayers.holdfast(bound(HoldfastProperties.class, "holdfast", properties));
    }

    private static VariableLayer redis(Map<String, String> properties) {
        return VariableLayers.redis(bound(RedisProperties.class, "spring.data.redis", properties));
    }

    private static VariableLayer environment(Map<String, Object> variables, Map<String, Object> properties) {
        StandardEnvironment environment = new StandardEnvironment();
        environment
                .getPropertySources()
                .replace("systemEnvironment", new SystemEnvironmentPropertySource("systemEnvironment", variables));
        environment.getPropertySources().addFirst(new MapPropertySource("application", properties));
        return VariableLayers.environment(environment);
    }

    @Test
    void everyPropertySetsItsVariable() {
        assertEquals(
                Map.ofEntries(
                        Map.entry("REDIS_URL", "redis://h"),
                        Map.entry("REDIS_CLUSTER_NODES", "a:1,b:2"),
                        Map.entry("REDIS_CLUSTER_ENABLED", "true"),
                        Map.entry("REDIS_CLUSTER_READ_FROM", "nearest"),
                        Map.entry("UPSTASH_REDIS_REST_URL", "https://u"),
                        Map.entry("UPSTASH_REDIS_REST_TOKEN", "t"),
                        Map.entry("REDIS_ENABLED", "true"),
                        Map.entry("REDIS_KEY_PREFIX", "p"),
                        Map.entry("CACHE_TIERS", "single,memory"),
                        Map.entry("CACHE_STRICT_START", "false"),
                        Map.entry("CACHE_TTL", "300"),
                        Map.entry("CACHE_MAX_VALUE_BYTES", "1048576"),
                        Map.entry("CACHE_MEMORY_MAX_BYTES", "2097152"),
                        Map.entry("REDIS_CONNECTION_POOL_SIZE", "7"),
                        Map.entry("REDIS_CONNECT_TIMEOUT", "1000"),
                        Map.entry("REDIS_COMMAND_TIMEOUT", "500"),
                        Map.entry("REDIS_FAILOVER_TIMEOUT", "9000"),
                        Map.entry("REDIS_MAX_FAILURES", "4"),
                        Map.entry("REDIS_MAX_RETRIES", "1"),
                        Map.entry("REDIS_RETRY_DELAY", "50"),
                        Map.entry("REDIS_HEALTH_CHECK_INTERVAL", "60000"),
                        Map.entry("REDIS_PROBE_TIMEOUT", "2000")),
                holdfast(Map.ofEntries(
                                Map.entry("holdfast.single.url", "redis://h"),
                                Map.entry("holdfast.cluster.nodes", "a:1,b:2"),
                                Map.entry("holdfast.cluster.read-from", "nearest"),
                                Map.entry("holdfast.upstash.url", "https://u"),
                                Map.entry("holdfast.upstash.token", "t"),
                                Map.entry("holdfast.enabled", "true"),
                                Map.entry("holdfast.key-prefix", "p"),
                                Map.entry("holdfast.tiers", "single,memory"),
                                Map.entry("holdfast.strict-start", "false"),
                                Map.entry("holdfast.ttl", "5m"),
                                Map.entry("holdfast.max-value-size", "1MB"),
                                Map.entry("holdfast.memory.max-size", "2MB"),
                                Map.entry("holdfast.connection.pool-size", "7"),
                                Map.entry("holdfast.connection.connect-timeout", "1s"),
                                Map.entry("holdfast.connection.command-timeout", "500ms"),
                                Map.entry("holdfast.failover.timeout", "9s"),
                                Map.entry("holdfast.failover.max-failures", "4"),
                                Map.entry("holdfast.failover.max-retries", "1"),
                                Map.entry("holdfast.failover.retry-delay", "50ms"),
                                Map.entry("holdfast.failover.health-check-interval", "1m"),
                                Map.entry("holdfast.failover.probe-timeout", "2s")))
                        .values());
    }

    @Test
    void springsClusterAndTimeoutsAreTaken() {
        assertEquals(
                Map.of(
                        "REDIS_CLUSTER_ENABLED", "true",
                        "REDIS_CLUSTER_NODES", "a:1,b:2",
                        "REDIS_CLUSTER_USERNAME", "u",
                        "REDIS_CLUSTER_PASSWORD", "p",
                        "REDIS_COMMAND_TIMEOUT", "2000",
                        "REDIS_CONNECT_TIMEOUT", "100"),
                redis(Map.of(
                                "spring.data.redis.cluster.nodes", "a:1,b:2",
                                "spring.data.redis.username", "u",
                                "spring.data.redis.password", "p",
                                "spring.data.redis.timeout", "2s",
                                "spring.data.redis.connect-timeout", "100ms"))
                        .values());
        assertFalse(redis(Map.of("spring.data.redis.timeout", "2s")).hasServers());
    }

    @Test
    void ofServersTheFirstSourceCountsAndOfTheRestEachVariablesFirst() {
        VariableLayer joined = VariableLayers.join(List.of(
                holdfast(Map.of("holdfast.ttl", "1m")),
                redis(Map.of("spring.data.redis.url", "redis://spring")),
                environment(
                        Map.of(
                                "REDIS_URL",
                                "redis://env",
                                "REDIS_PASSWORD",
                                "x",
                                "CACHE_TTL",
                                "9",
                                "REDIS_KEY_PREFIX",
                                "p"),
                        Map.of())));

        assertEquals("redis://spring", joined.values().get("REDIS_URL"));
        assertNull(joined.values().get("REDIS_PASSWORD"));
        assertEquals("60", joined.values().get("CACHE_TTL"));
        assertEquals("p", joined.values().get("REDIS_KEY_PREFIX"));
        assertEquals("spring.data.redis.*", joined.source());
        assertEquals("spring.data.redis.url", joined.properties().get("REDIS_URL"));
        assertEquals("holdfast.ttl", joined.properties().get("CACHE_TTL"));
    }

    @Test
    void nothingThatIsForOneSourcesServerGoesToAnothers() {
        List<VariableLayer> others = List.of(
                holdfast(Map.of("holdfast.single.url", "redis://h")),
                redis(Map.of("spring.data.redis.host", "h")),
                VariableLayers.details(new HoldfastConnectionDetails() {
                    @Override
                    public String getHost() {
                        return "h";
                    }

                    @Override
                    public int getPort() {
                        return 1;
                    }
                }));
        for (String variable : List.of(
                "REDIS_PASSWORD",
                "REDIS_PASSWORD_FILE",
                "REDIS_CLUSTER_PASSWORD_FILE",
                "REDIS_SENTINEL_USERNAME",
                "REDIS_SENTINEL_PASSWORD",
                "REDIS_SENTINEL_PASSWORD_FILE",
                "REDIS_SENTINEL_TLS",
                "REDIS_TLS",
                "REDIS_TLS_CA_FILE",
                "REDIS_TLS_CERT_FILE",
                "REDIS_TLS_KEY_FILE",
                "REDIS_TLS_KEY_PASSWORD",
                "REDIS_TLS_KEY_PASSWORD_FILE",
                "REDIS_TLS_VERIFY",
                "UPSTASH_REDIS_REST_TOKEN",
                "UPSTASH_REDIS_REST_TOKEN_FILE",
                "UPSTASH_TLS_CA_FILE",
                "UPSTASH_TLS_KEY_PASSWORD",
                "KV_REST_API_TOKEN",
                "KV_REST_API_TOKEN_FILE")) {
            VariableLayer environment = environment(Map.of(variable, "x"), Map.of());
            for (VariableLayer other : others) {
                VariableLayer joined = VariableLayers.join(List.of(other, environment));
                assertNull(joined.values().get(variable), variable + " beside " + other.source());
            }
            VariableLayer alone = VariableLayers.join(List.of(redis(Map.of()), environment));
            assertEquals("x", alone.values().get(variable), variable);
        }
    }

    @Test
    void springsSentinelsAreAUrl() {
        assertEquals(
                Map.of(
                        "REDIS_URL", "redis-sentinel://a%40b:p%2F%3A%20%25@s1:26379,s2:26379/my%20master/3",
                        "REDIS_SENTINEL_USERNAME", "watcher",
                        "REDIS_SENTINEL_PASSWORD", "w"),
                redis(Map.of(
                                "spring.data.redis.sentinel.master", "my master",
                                "spring.data.redis.sentinel.nodes", "s1:26379,s2:26379",
                                "spring.data.redis.sentinel.username", "watcher",
                                "spring.data.redis.sentinel.password", "w",
                                "spring.data.redis.username", "a@b",
                                "spring.data.redis.password", "p/: %",
                                "spring.data.redis.database", "3"))
                        .values());
        assertEquals(
                Map.of("REDIS_URL", "redis-sentinel://:p@s1:1/m"),
                redis(Map.of(
                                "spring.data.redis.sentinel.master", "m",
                                "spring.data.redis.sentinel.nodes", "s1:1",
                                "spring.data.redis.password", "p"))
                        .values());
    }

    @Test
    void aPasswordOfHalfASentinelGoesNowhere() {
        for (String half : List.of("master", "nodes")) {
            VariableLayer layer = redis(Map.of(
                    "spring.data.redis.sentinel." + half,
                    "s1:1",
                    "spring.data.redis.password",
                    "p",
                    "spring.data.redis.timeout",
                    "2s"));
            assertEquals(Map.of("REDIS_COMMAND_TIMEOUT", "2000"), layer.values(), half);
        }
    }

    @Test
    void aPasswordInTheEnvironmentMayLookLikeAPlaceholder() {
        VariableLayer layer = environment(
                Map.of("REDIS_PASSWORD", "a${b}c", "lower", "x"),
                Map.of("OTHER_THING", "${missing}", "REDIS_KEY_PREFIX", "${name}", "name", "shop"));

        assertEquals("a${b}c", layer.values().get("REDIS_PASSWORD"));
        assertEquals("shop", layer.values().get("REDIS_KEY_PREFIX"));
        assertEquals("${missing}", layer.values().get("OTHER_THING"));
        assertNull(layer.values().get("lower"));
    }
}
