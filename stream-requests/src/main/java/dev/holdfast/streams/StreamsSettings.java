package dev.holdfast.streams;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TlsConfig;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;

/** The variables of a {@link StreamsConfig}. */
final class StreamsSettings {
    private StreamsSettings() {}

    static StreamsConfig read(Settings settings) {
        StreamsConfig config = settings.flag("REDIS_CLUSTER_ENABLED", settings.isSet("REDIS_CLUSTER_NODES"))
                ? cluster(settings)
                : single(settings);
        return bounds(settings, config);
    }

    private static StreamsConfig cluster(Settings settings) {
        StreamsConfig config;
        try {
            config = StreamsConfig.cluster(settings.list("REDIS_CLUSTER_NODES"));
        } catch (IllegalArgumentException e) {
            throw settings.malformed("REDIS_CLUSTER_NODES", "must be host:port,host:port");
        }
        if (settings.flag("REDIS_CLUSTER_TLS", false)) {
            config = config.withTls(TlsConfig.system().context());
        }
        return login(config, settings.text("REDIS_CLUSTER_USERNAME"), settings.secret("REDIS_CLUSTER_PASSWORD"));
    }

    private static StreamsConfig single(Settings settings) {
        Optional<String> url = settings.text("REDIS_URL");
        if (url.isPresent()) {
            try {
                return StreamsConfig.single(url.get());
            } catch (IllegalArgumentException e) {
                throw new CacheConfigException("REDIS_URL: " + e.getMessage(), e);
            }
        }
        String host = settings.text("REDIS_HOST")
                .orElseThrow(
                        () -> new CacheConfigException(
                                "no Redis is named: set REDIS_URL, REDIS_HOST, or REDIS_CLUSTER_ENABLED and REDIS_CLUSTER_NODES"));
        int port = settings.integer("REDIS_PORT", 6379, 1, 65_535);
        StreamsConfig config;
        try {
            config = StreamsConfig.single("redis://" + new ServerAddress(host, port));
        } catch (IllegalArgumentException e) {
            throw settings.malformed("REDIS_HOST", "must be a host name or an IP address");
        }
        return login(config, settings.text("REDIS_USERNAME"), settings.secret("REDIS_PASSWORD"))
                .withDatabase(settings.integer("REDIS_DB", 0, 0, Integer.MAX_VALUE));
    }

    private static StreamsConfig login(StreamsConfig config, Optional<String> username, Optional<Secret> password) {
        StreamsConfig named = username.map(config::withUsername).orElse(config);
        return password.map(named::withPassword).orElse(named);
    }

    private static StreamsConfig bounds(Settings settings, StreamsConfig from) {
        StreamsConfig counts = from.withPartitions(settings.integer("STREAMS_PARTITIONS", from.partitions(), 1, 1_024))
                .withMaxDeliveries(settings.integer("STREAMS_MAX_DELIVERIES", from.maxDeliveries(), 1, 1_000))
                .withMaxInFlight(settings.integer("STREAMS_MAX_IN_FLIGHT", from.maxInFlight(), 1, 1_000_000))
                .withMaxQueueLength(settings.integer("STREAMS_MAX_QUEUE_LENGTH", from.maxQueueLength(), 1, 100_000_000))
                .withMaxPayloadBytes(
                        settings.integer("STREAMS_MAX_PAYLOAD_BYTES", from.maxPayloadBytes(), 1, 256 << 20));
        StreamsConfig named = derived(
                "STREAMS_NAME", counts::withName, settings.text("STREAMS_NAME").orElse(from.name()));
        StreamsConfig claiming = millis(settings, "STREAMS_CLAIM_IDLE", named::withClaimIdle, from.claimIdle());
        StreamsConfig keeping =
                seconds(settings, "STREAMS_REPLY_WINDOW", claiming::withReplyWindow, from.replyWindow());
        StreamsConfig ending = seconds(settings, "STREAMS_GRACE", keeping::withGrace, from.grace());
        StreamsConfig connecting =
                millis(settings, "REDIS_CONNECT_TIMEOUT", ending::withConnectTimeout, from.connectTimeout());
        return millis(settings, "REDIS_COMMAND_TIMEOUT", connecting::withCommandTimeout, from.commandTimeout());
    }

    private static StreamsConfig millis(
            Settings settings, String variable, Function<Duration, StreamsConfig> wither, Duration byDefault) {
        return derived(variable, wither, settings.millis(variable, byDefault));
    }

    private static StreamsConfig seconds(
            Settings settings, String variable, Function<Duration, StreamsConfig> wither, Duration byDefault) {
        return derived(variable, wither, settings.seconds(variable, byDefault));
    }

    /** What the wither derives; what it refuses is refused by the name of the variable. */
    private static <T> StreamsConfig derived(String variable, Function<T, StreamsConfig> wither, T value) {
        try {
            return wither.apply(value);
        } catch (IllegalArgumentException e) {
            throw new CacheConfigException(variable + ": " + e.getMessage(), e);
        }
    }
}
