package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.KeyPrefix;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.StoreProvider;
import java.time.Duration;
import java.util.Optional;

/** Makes the tier {@code single} from {@code REDIS_URL}, or {@code REDIS_HOST} and its companions. */
public final class SingleStoreProvider implements StoreProvider {

    /** Creates the provider, as {@link java.util.ServiceLoader} does. */
    public SingleStoreProvider() {}

    @Override
    public String tier() {
        return "single";
    }

    @Override
    public CacheStore create(Settings settings) {
        try {
            return SingleStore.of(config(settings));
        } catch (LinkageError e) {
            throw JedisVersion.unusable(e);
        }
    }

    static SingleConfig config(Settings settings) {
        SingleConfig parts = fromParts(settings);
        Optional<String> url = settings.text("REDIS_URL");
        SingleConfig server = url.isPresent() ? fromUrl(settings, url.get()) : parts;
        if (url.isEmpty() && !settings.isSet("REDIS_HOST")) {
            throw new CacheConfigException("neither REDIS_URL nor REDIS_HOST is set, but the tier single needs one of"
                    + " them: REDIS_URL=redis://[user[:password]@]host[:port][/database]");
        }
        server = settings.tls("single").map(server::withTls).orElse(server);
        Duration connectTimeout = timeout(settings, "REDIS_CONNECT_TIMEOUT", server.connectTimeout());
        Duration commandTimeout = timeout(settings, "REDIS_COMMAND_TIMEOUT", server.commandTimeout());
        return server.withConnectTimeout(connectTimeout)
                .withCommandTimeout(commandTimeout)
                .withPoolSize(settings.integer("REDIS_CONNECTION_POOL_SIZE", server.poolSize(), 1, 10_000))
                .withKeyPrefix(keyPrefix(settings))
                .withMaxValueBytes(settings.number(
                        "CACHE_MAX_VALUE_BYTES",
                        server.maxValueBytes(),
                        SingleConfig.LEAST_MAX_VALUE,
                        SingleConfig.MOST_MAX_VALUE));
    }

    /** Checked even where the URL wins over them: a malformed setting is never passed over. */
    private static SingleConfig fromParts(Settings settings) {
        int port = settings.integer("REDIS_PORT", 6379, 1, 65_535);
        int database = settings.integer("REDIS_DB", 0, 0, Integer.MAX_VALUE);
        SingleConfig config;
        try {
            config = SingleConfig.of(settings.text("REDIS_HOST").orElse("localhost"), port);
        } catch (IllegalArgumentException e) {
            throw settings.malformed("REDIS_HOST", "must be a host name or an IP address, without a port");
        }
        config = config.withDatabase(database);
        config = settings.text("REDIS_USERNAME").map(config::withUsername).orElse(config);
        return settings.secret("REDIS_PASSWORD").map(config::withPassword).orElse(config);
    }

    private static SingleConfig fromUrl(Settings settings, String url) {
        try {
            return SingleConfig.parse(url);
        } catch (IllegalArgumentException e) {
            throw settings.malformed("REDIS_URL", String.valueOf(e.getMessage()));
        }
    }

    private static Duration timeout(Settings settings, String name, Duration byDefault) {
        return Duration.ofMillis(settings.number(name, byDefault.toMillis(), 1, 3_600_000));
    }

    private static KeyPrefix keyPrefix(Settings settings) {
        try {
            return KeyPrefix.of(settings.text("REDIS_KEY_PREFIX").orElse(null));
        } catch (IllegalArgumentException e) {
            throw settings.malformed(
                    "REDIS_KEY_PREFIX", "must have at most 256 characters, without white space and control characters");
        }
    }
}
