package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.KeyPrefix;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.StoreProvider;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/** Makes the tier {@code cluster} from {@code REDIS_CLUSTER_NODES} and its companions. */
public final class ClusterStoreProvider implements StoreProvider {
    private static final String NODES = "REDIS_CLUSTER_NODES";
    private static final String READ_FROM = "REDIS_CLUSTER_READ_FROM";
    private static final String MAX_VALUE_BYTES = "CACHE_MAX_VALUE_BYTES";
    private static final String KEY_PREFIX = "REDIS_KEY_PREFIX";

    /** With another tier behind it, a call is better off there than waiting for an election. */
    private static final Duration RETRY_BEFORE_NEXT_TIER = Duration.ofMillis(50);

    /** Creates the provider, as {@link java.util.ServiceLoader} does. */
    public ClusterStoreProvider() {}

    @Override
    public String tier() {
        return "cluster";
    }

    @Override
    public CacheStore create(Settings settings) {
        return ClusterStore.of(config(settings));
    }

    static ClusterConfig config(Settings settings) {
        ClusterConfig config = nodes(settings);
        config = settings.text("REDIS_CLUSTER_USERNAME")
                .map(config::withUsername)
                .orElse(config);
        config = settings.secret("REDIS_CLUSTER_PASSWORD")
                .map(config::withPassword)
                .orElse(config);
        if (settings.flag("REDIS_CLUSTER_TLS", false)) {
            config = config.withTls();
        }
        config = settings.tls("cluster").map(config::withTls).orElse(config);
        config = config.withConnectTimeout(timeout(settings, "REDIS_CONNECT_TIMEOUT", config.connectTimeout()))
                .withCommandTimeout(timeout(settings, "REDIS_COMMAND_TIMEOUT", config.commandTimeout()))
                .withHealthCheckInterval(timeout(settings, "REDIS_HEALTH_CHECK_INTERVAL", config.healthCheckInterval()))
                .withPoolSize(settings.integer("REDIS_CONNECTION_POOL_SIZE", config.poolSize(), 1, 1_000))
                .withMaxFailures(settings.integer("REDIS_MAX_FAILURES", config.maxFailures(), 1, 1_000))
                .withMaxValueBytes(
                        settings.number(MAX_VALUE_BYTES, config.maxValueBytes(), 1024, 2L * 1024 * 1024 * 1024 - 1024))
                .withReadFrom(readFrom(settings));
        if (isFollowed(settings)) {
            config = config.withClusterDownRetry(RETRY_BEFORE_NEXT_TIER);
        } else {
            config = config.withClusterDownRetry(config.connectTimeout().plus(config.commandTimeout()));
        }
        return withKeyPrefix(settings, config);
    }

    private static ClusterConfig nodes(Settings settings) {
        List<String> nodes = settings.list(NODES);
        if (nodes.isEmpty()) {
            throw new CacheConfigException(NODES + " is not set, but the tier cluster needs it: host:port,host:port,…");
        }
        try {
            return ClusterConfig.of(nodes);
        } catch (IllegalArgumentException e) {
            throw settings.malformed(
                    NODES, "must be host:port,host:port,…, an IPv6 address in brackets: " + e.getMessage());
        }
    }

    /** Every order of tiers but one that ends with this has another behind it: by default at least the memory. */
    private static boolean isFollowed(Settings settings) {
        List<String> tiers = settings.list("CACHE_TIERS");
        return tiers.isEmpty() || !tiers.get(tiers.size() - 1).equalsIgnoreCase("cluster");
    }

    private static Duration timeout(Settings settings, String name, Duration byDefault) {
        return Duration.ofMillis(settings.number(name, byDefault.toMillis(), 1, 3_600_000));
    }

    private static ReadFrom readFrom(Settings settings) {
        List<String> words =
                Arrays.stream(ReadFrom.values()).map(ReadFrom::word).toList();
        String word = settings.choice(READ_FROM, ReadFrom.MASTER.word(), words);
        return Arrays.stream(ReadFrom.values())
                .filter(value -> value.word().equals(word))
                .findFirst()
                .orElseThrow();
    }

    private static ClusterConfig withKeyPrefix(Settings settings, ClusterConfig config) {
        try {
            return config.withKeyPrefix(KeyPrefix.of(settings.text(KEY_PREFIX).orElse(null)));
        } catch (IllegalArgumentException e) {
            throw settings.malformed(
                    KEY_PREFIX,
                    "must have at most 256 characters, no white space, no control characters, and with an opening brace a"
                            + " whole {hash tag}");
        }
    }
}
