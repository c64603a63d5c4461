package dev.holdfast.spring.boot;

import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.EnumerablePropertySource;
import org.springframework.core.env.PropertySource;
import org.springframework.core.env.SystemEnvironmentPropertySource;

/** The sources of the client's variables, and which of them wins. */
final class VariableLayers {
    private static final Pattern VARIABLE = Pattern.compile("[A-Z][A-Z0-9]*(_[A-Z0-9]+)+");
    private static final String TRUE = "true";

    private VariableLayers() {}

    /**
     * Joins layers: of what is about servers all is the first layer's that says anything about one, so that the password of one source
     * never goes to the host of another; of the rest each variable is the first layer's that sets it.
     *
     * @param layers the first wins
     * @return all in one, named for the source of the servers
     */
    static VariableLayer join(List<VariableLayer> layers) {
        VariableLayer servers =
                layers.stream().filter(VariableLayer::hasServers).findFirst().orElse(layers.get(layers.size() - 1));
        VariableLayer joined = new VariableLayer(servers.source());
        for (int i = layers.size() - 1; i >= 0; i--) {
            joined.override(layers.get(i), variable -> !VariableLayer.isServer(variable));
        }
        joined.override(servers, VariableLayer::isServer);
        return joined;
    }

    /** Whatever looks like a variable, in any source of properties: a store of one's own may read names that are not known here. */
    static VariableLayer environment(ConfigurableEnvironment environment) {
        VariableLayer layer = new VariableLayer("the environment");
        for (PropertySource<?> source : environment.getPropertySources()) {
            if (source instanceof EnumerablePropertySource<?> enumerable) {
                for (String name : enumerable.getPropertyNames()) {
                    if (VARIABLE.matcher(name).matches() && !layer.values().containsKey(name)) {
                        layer.set(name, name, value(environment, source, name));
                    }
                }
            }
        }
        return layer;
    }

    /** As it stands where placeholders are not meant or can't be had: a password may look like one. */
    private static @Nullable Object value(ConfigurableEnvironment environment, PropertySource<?> source, String name) {
        if (source instanceof SystemEnvironmentPropertySource) {
            return source.getProperty(name);
        }
        try {
            return environment.getProperty(name);
        } catch (IllegalArgumentException e) {
            return source.getProperty(name);
        }
    }

    static VariableLayer details(HoldfastConnectionDetails details) {
        String origin = "the connection details";
        return new VariableLayer(origin)
                .set("REDIS_HOST", origin, details.getHost())
                .set("REDIS_PORT", origin, details.getPort())
                .set("REDIS_DB", origin, details.getDatabase())
                .set("REDIS_USERNAME", origin, details.getUsername())
                .set("REDIS_PASSWORD", origin, details.getPassword());
    }

    static VariableLayer redis(RedisProperties redis) {
        String prefix = RedisProperties.PREFIX + '.';
        VariableLayer layer = new VariableLayer(prefix + '*')
                .setMillis("REDIS_COMMAND_TIMEOUT", prefix + "timeout", redis.timeout())
                .setMillis("REDIS_CONNECT_TIMEOUT", prefix + "connect-timeout", redis.connectTimeout());
        if (redis.sentinel().isWanted()) {
            return sentinel(layer, redis);
        }
        if (redis.cluster().nodes() != null) {
            return layer.set("REDIS_CLUSTER_ENABLED", prefix + "cluster.nodes", TRUE)
                    .set(
                            "REDIS_CLUSTER_NODES",
                            prefix + "cluster.nodes",
                            redis.cluster().nodes())
                    .set("REDIS_CLUSTER_USERNAME", prefix + "username", redis.username())
                    .set("REDIS_CLUSTER_PASSWORD", prefix + "password", redis.password());
        }
        if (redis.url() != null) {
            return layer.set("REDIS_URL", prefix + "url", RedisUrls.ofSpring(redis.url()));
        }
        layer.set("REDIS_HOST", prefix + "host", redis.host())
                .set("REDIS_PORT", prefix + "port", redis.port())
                .set("REDIS_USERNAME", prefix + "username", redis.username())
                .set("REDIS_PASSWORD", prefix + "password", redis.password())
                .set("REDIS_DB", prefix + "database", redis.database());
        if (layer.hasServers() && redis.host() == null) {
            layer.set("REDIS_HOST", prefix + "host", "localhost");
        }
        return layer;
    }

    /** Sets nothing where the sentinels or the name of the master are missing: the password is not for any other server. */
    private static VariableLayer sentinel(VariableLayer layer, RedisProperties redis) {
        RedisProperties.Sentinel sentinel = redis.sentinel();
        String prefix = RedisProperties.PREFIX + ".sentinel.";
        if (sentinel.master() == null || sentinel.nodes() == null) {
            return layer;
        }
        return layer.set(
                        "REDIS_URL",
                        prefix + "nodes",
                        RedisUrls.ofSentinels(sentinel.master(), sentinel.nodes(), redis))
                .set("REDIS_SENTINEL_USERNAME", prefix + "username", sentinel.username())
                .set("REDIS_SENTINEL_PASSWORD", prefix + "password", sentinel.password());
    }

    static VariableLayer holdfast(HoldfastProperties holdfast) {
        VariableLayer layer = new VariableLayer("holdfast.*");
        single(layer, holdfast.single());
        cluster(layer, holdfast.cluster());
        layer.set(
                        "UPSTASH_REDIS_REST_URL",
                        "holdfast.upstash.url",
                        holdfast.upstash().url())
                .set(
                        "UPSTASH_REDIS_REST_TOKEN",
                        "holdfast.upstash.token",
                        holdfast.upstash().token())
                .set("REDIS_ENABLED", "holdfast.enabled", holdfast.enabled())
                .set("REDIS_KEY_PREFIX", "holdfast.key-prefix", holdfast.keyPrefix())
                .set("CACHE_TIERS", "holdfast.tiers", holdfast.tiers())
                .set("CACHE_STRICT_START", "holdfast.strict-start", holdfast.strictStart())
                .setSeconds("CACHE_TTL", "holdfast.ttl", holdfast.ttl());
        if (holdfast.maxValueSize() != null) {
            layer.set(
                    "CACHE_MAX_VALUE_BYTES",
                    "holdfast.max-value-size",
                    holdfast.maxValueSize().toBytes());
        }
        if (holdfast.memory().maxSize() != null) {
            layer.set(
                    "CACHE_MEMORY_MAX_BYTES",
                    "holdfast.memory.max-size",
                    holdfast.memory().maxSize().toBytes());
        }
        calls(layer, holdfast.connection(), holdfast.failover());
        return monitoring(layer, holdfast.monitoring());
    }

    private static void single(VariableLayer layer, HoldfastProperties.Single single) {
        layer.set("REDIS_URL", "holdfast.single.url", single.url())
                .set("REDIS_HOST", "holdfast.single.host", single.host())
                .set("REDIS_PORT", "holdfast.single.port", single.port())
                .set("REDIS_USERNAME", "holdfast.single.username", single.username())
                .set("REDIS_PASSWORD", "holdfast.single.password", single.password())
                .set("REDIS_DB", "holdfast.single.database", single.database());
        require(layer, single.url() != null || single.host() != null, "holdfast.single.url");
    }

    private static void cluster(VariableLayer layer, HoldfastProperties.Cluster cluster) {
        VariableLayer own = new VariableLayer(layer.source())
                .set("REDIS_CLUSTER_NODES", "holdfast.cluster.nodes", cluster.nodes())
                .set("REDIS_CLUSTER_USERNAME", "holdfast.cluster.username", cluster.username())
                .set("REDIS_CLUSTER_PASSWORD", "holdfast.cluster.password", cluster.password())
                .set("REDIS_CLUSTER_ENABLED", "holdfast.cluster.nodes", cluster.nodes() == null ? null : TRUE);
        require(own, cluster.nodes() != null, "holdfast.cluster.nodes");
        layer.override(own, variable -> true);
        layer.set("REDIS_CLUSTER_READ_FROM", "holdfast.cluster.read-from", cluster.readFrom());
    }

    private static void require(VariableLayer layer, boolean placed, String place) {
        if (!placed && layer.hasServers()) {
            String property = layer.properties().values().iterator().next();
            throw new HoldfastConfigurationException(
                    property + " is set, but not where the server is",
                    "Set " + place + ", or remove " + property + '.',
                    null);
        }
    }

    private static void calls(
            VariableLayer layer, HoldfastProperties.Connection connection, HoldfastProperties.Failover failover) {
        layer.set("REDIS_CONNECTION_POOL_SIZE", "holdfast.connection.pool-size", connection.poolSize())
                .setMillis("REDIS_CONNECT_TIMEOUT", "holdfast.connection.connect-timeout", connection.connectTimeout())
                .setMillis("REDIS_COMMAND_TIMEOUT", "holdfast.connection.command-timeout", connection.commandTimeout())
                .setMillis("REDIS_FAILOVER_TIMEOUT", "holdfast.failover.timeout", failover.timeout())
                .set("REDIS_MAX_FAILURES", "holdfast.failover.max-failures", failover.maxFailures())
                .set("REDIS_MAX_RETRIES", "holdfast.failover.max-retries", failover.maxRetries())
                .setMillis("REDIS_RETRY_DELAY", "holdfast.failover.retry-delay", failover.retryDelay())
                .setMillis(
                        "REDIS_HEALTH_CHECK_INTERVAL",
                        "holdfast.failover.health-check-interval",
                        failover.healthCheckInterval())
                .setMillis("REDIS_PROBE_TIMEOUT", "holdfast.failover.probe-timeout", failover.probeTimeout());
    }

    private static VariableLayer monitoring(VariableLayer layer, HoldfastProperties.Monitoring monitoring) {
        layer.set("REDIS_MONITORING_TOKEN", "holdfast.monitoring.token", monitoring.token());
        // Mounted, it needs no server of its own.
        return layer.set(
                "REDIS_MONITORING_ENABLED", "holdfast.monitoring.enabled", monitoring.enabled() ? "false" : null);
    }
}
