package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.redis.AccessSettings;
import dev.holdfast.cache.redis.AccessVariables;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.StoreProvider;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Makes the tier {@code cluster} from {@code REDIS_CLUSTER_NODES} and its companions. */
public final class ClusterStoreProvider implements StoreProvider {
    private static final String PROBE_TIMEOUT = "REDIS_PROBE_TIMEOUT";
    private static final String NODES = "REDIS_CLUSTER_NODES";
    private static final String READ_FROM = "REDIS_CLUSTER_READ_FROM";
    private static final String ZONE = "REDIS_ZONE";
    private static final String ADDRESSES = "REDIS_CLUSTER_ADDRESSES";

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

    /**
     * Reads what {@link #create} opens, for those who look at a cluster without a store, and contacts nobody.
     *
     * @param settings the settings
     * @return the cluster that they say
     * @throws CacheConfigException if one of them is missing or malformed
     */
    public static ClusterConfig config(Settings settings) {
        AccessSettings access = new AccessSettings(settings, AccessVariables.CLUSTER);
        ClusterConfig config = nodes(settings);
        config = config.withAccess(start -> access.tls(access.login(start), Boolean.TRUE.equals(access.tlsSwitch())));
        config = settings.tls("cluster").map(config::withTls).orElse(config);
        config = limited(settings, config, access)
                .withHealthCheckInterval(Duration.ofMillis(settings.number(
                        "REDIS_HEALTH_CHECK_INTERVAL",
                        config.healthCheckInterval().toMillis(),
                        1,
                        3_600_000)))
                .withMaxFailures(settings.integer("REDIS_MAX_FAILURES", config.maxFailures(), 1, 1_000));
        Duration retry = isFollowed(settings)
                ? RETRY_BEFORE_NEXT_TIER
                : config.connectTimeout().plus(config.commandTimeout());
        return withReadFrom(
                settings, withAddresses(settings, withProbeTimeout(settings, config.withClusterDownRetry(retry))));
    }

    private static ClusterConfig withProbeTimeout(Settings settings, ClusterConfig config) {
        Duration least = settings.millis(PROBE_TIMEOUT, config.minProbeTimeout());
        try {
            return config.withMinProbeTimeout(least);
        } catch (IllegalArgumentException e) {
            throw settings.malformed(PROBE_TIMEOUT, "must be from 1 ms to an hour");
        }
    }

    private static ClusterConfig limited(Settings settings, ClusterConfig config, AccessSettings access) {
        try {
            return config.withAccess(access::limits);
        } catch (IllegalArgumentException e) {
            throw settings.malformed("REDIS_KEY_PREFIX", "must hold a whole {hash tag} or no opening brace");
        }
    }

    private static ClusterConfig withAddresses(Settings settings, ClusterConfig config) {
        List<String> words = settings.list(ADDRESSES);
        try {
            return words.isEmpty() ? config : config.withAddressMapper(AddressMap.of(words, config.seeds()));
        } catch (IllegalArgumentException e) {
            throw settings.malformed(ADDRESSES, String.valueOf(e.getMessage()));
        }
    }

    private static ClusterConfig withReadFrom(Settings settings, ClusterConfig config) {
        ReadFrom readFrom = readFrom(settings);
        Optional<String> zone = settings.text(ZONE);
        if (readFrom == ReadFrom.ZONE && zone.isEmpty()) {
            throw new CacheConfigException(READ_FROM + " is zone, but " + ZONE
                    + " is not set: it must be the availability zone of this process, as the nodes call it");
        }
        ClusterConfig zoned = zone.isPresent() ? config.withZone(zone.get()) : config;
        return zoned.withReadFrom(readFrom);
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

    private static ReadFrom readFrom(Settings settings) {
        List<String> words =
                Arrays.stream(ReadFrom.values()).map(ReadFrom::word).toList();
        String word = settings.choice(READ_FROM, ReadFrom.MASTER.word(), words);
        return Arrays.stream(ReadFrom.values())
                .filter(value -> value.word().equals(word))
                .findFirst()
                .orElseThrow();
    }
}
