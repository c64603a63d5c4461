package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.redis.AccessSettings;
import dev.holdfast.cache.redis.AccessVariables;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.StoreProvider;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/** Makes the tier {@code single} from {@code REDIS_URL}, or {@code REDIS_HOST} and its companions. */
public final class SingleStoreProvider implements StoreProvider {
    private static final String TIER = "single";
    private static final String URL = "REDIS_URL";
    private static final String HOST = "REDIS_HOST";
    private static final String PASSWORD = "REDIS_PASSWORD";

    /** Creates the provider, as {@link java.util.ServiceLoader} does. */
    public SingleStoreProvider() {}

    @Override
    public String tier() {
        return TIER;
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
        AccessSettings access = new AccessSettings(settings, AccessVariables.SINGLE);
        // Checked even where the URL wins over them: a malformed setting is never passed over.
        SingleConfig parts = fromParts(settings, access);
        Optional<String> url = settings.text(URL);
        if (url.isEmpty() && !settings.isSet(HOST)) {
            throw new CacheConfigException("neither REDIS_URL nor REDIS_HOST is set, but the tier single needs one of"
                    + " them: REDIS_URL=redis://[user[:password]@]host[:port][/database]");
        }
        SingleConfig server = url.isPresent() ? fromUrl(settings, access, url.get()) : parts;
        server = settings.tls(TIER).map(server::withTls).orElse(server);
        return withSentinels(settings, server.with(access::limits));
    }

    private static SingleConfig fromParts(Settings settings, AccessSettings access) {
        int port = settings.integer("REDIS_PORT", 6379, 1, 65_535);
        int database = settings.integer("REDIS_DB", 0, 0, Integer.MAX_VALUE);
        SingleConfig config;
        try {
            config = SingleConfig.of(settings.text(HOST).orElse("localhost"), port);
        } catch (IllegalArgumentException e) {
            throw settings.malformed(HOST, "must be a host name or an IP address, without a port");
        }
        boolean encrypted = Boolean.TRUE.equals(access.tlsSwitch());
        boolean used = !settings.isSet(URL);
        return config.withDatabase(database)
                .with(access::login)
                .with(start -> used ? access.tls(start, encrypted) : start);
    }

    private static SingleConfig fromUrl(Settings settings, AccessSettings access, String url) {
        SingleConfig config;
        try {
            config = RedisUrl.parse(url);
        } catch (IllegalArgumentException e) {
            throw settings.malformed(URL, String.valueOf(e.getMessage()));
        }
        boolean encrypted = config.tls() != null;
        if (!encrypted && Boolean.TRUE.equals(access.tlsSwitch())) {
            throw new CacheConfigException(
                    "REDIS_TLS is true, but REDIS_URL names a connection without TLS: write rediss://,"
                            + " valkeys:// or rediss-sentinel://, or leave REDIS_TLS out");
        }
        // A secret beside the URL is for one that may be shown to anybody.
        boolean beside = config.password() == null && (settings.isSet(PASSWORD) || settings.isSet(PASSWORD + "_FILE"));
        return config.with(start -> access.tls(beside ? loginTo(start, access) : start, encrypted));
    }

    /** The user of the URL stands. */
    private static RemoteAccess loginTo(RemoteAccess start, AccessSettings access) {
        String user = start.username();
        RemoteAccess login = access.login(start);
        return user == null ? login : login.withUsername(user);
    }

    private static SingleConfig withSentinels(Settings settings, SingleConfig config) {
        AccessSettings sentinels = new AccessSettings(settings, AccessVariables.SENTINEL);
        Boolean encrypted = sentinels.tlsSwitch();
        if (!(config.place() instanceof Place.Master)) {
            return config;
        }
        boolean on = encrypted == null ? config.tls() != null : encrypted;
        Optional<SSLContext> given = settings.tls(TIER);
        return config.withSentinels(start -> {
            RemoteAccess login = sentinels.login(start);
            return on && given.isPresent() ? login.withTls(TlsConfig.of(given.get())) : sentinels.tls(login, on);
        });
    }
}
