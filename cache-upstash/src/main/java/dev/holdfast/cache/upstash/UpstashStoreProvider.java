package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.KeyPrefix;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.StoreProvider;
import java.time.Duration;
import java.util.Optional;

/** Makes the tier {@code upstash} from {@code UPSTASH_REDIS_REST_URL} and its companions. */
public final class UpstashStoreProvider implements StoreProvider {
    private static final String ALLOW_HTTP = "UPSTASH_REDIS_REST_ALLOW_HTTP";

    /** Creates it. */
    public UpstashStoreProvider() {}

    @Override
    public String tier() {
        return "upstash";
    }

    @Override
    public CacheStore create(Settings settings) {
        boolean own = settings.isSet("UPSTASH_REDIS_REST_URL") || settings.isSet("UPSTASH_REDIS_REST_TOKEN");
        String urlName = own ? "UPSTASH_REDIS_REST_URL" : "KV_REST_API_URL";
        String tokenName = own ? "UPSTASH_REDIS_REST_TOKEN" : "KV_REST_API_TOKEN";
        String url = settings.text(urlName)
                .orElseThrow(() -> settings.malformed(urlName, "must be the database's https:// address"));
        Secret token = settings.secret(tokenName)
                .filter(secret -> !secret.reveal().isBlank())
                .orElseThrow(() -> new CacheConfigException(
                        tokenName + " is not set or blank, but must be the token of " + urlName));
        boolean plainHttp = settings.flag(ALLOW_HTTP, false);
        UpstashConfig config;
        try {
            // The URL first, with a token that is always fine, so that a complaint names the right variable.
            UpstashConfig.ofPlainHttp("http://localhost", token);
        } catch (IllegalArgumentException e) {
            throw new CacheConfigException(tokenName + " is \"***\", but " + e.getMessage(), e);
        }
        try {
            config = plainHttp ? UpstashConfig.ofPlainHttp(url, token) : UpstashConfig.of(url, token);
        } catch (IllegalArgumentException e) {
            throw settings.malformed(urlName, e.getMessage() + " (" + ALLOW_HTTP + "=true allows http)");
        }
        return UpstashStore.create(config.withKeyPrefix(prefix(settings))
                .withMaxConnections(
                        settings.integer("REDIS_CONNECTION_POOL_SIZE", UpstashConfig.DEFAULT_CONNECTIONS, 1, 1_000))
                .withMaxCommandBytes(settings.integer("UPSTASH_MAX_COMMAND_BYTES", 10_485_760, 1_024, 1 << 30))
                .withMaxValueBytes(settings.number(
                        "CACHE_MAX_VALUE_BYTES",
                        UpstashConfig.DEFAULT_MAX_VALUE_BYTES,
                        UpstashConfig.MIN_MAX_VALUE_BYTES,
                        UpstashConfig.MAX_MAX_VALUE_BYTES))
                .withTimeouts(
                        settings.millis("REDIS_CONNECT_TIMEOUT", Duration.ofSeconds(5)),
                        settings.millis("REDIS_COMMAND_TIMEOUT", Duration.ofSeconds(3))));
    }

    private static KeyPrefix prefix(Settings settings) {
        Optional<String> text = settings.text("REDIS_KEY_PREFIX");
        try {
            return KeyPrefix.of(text.orElse(null));
        } catch (IllegalArgumentException e) {
            throw settings.malformed("REDIS_KEY_PREFIX", String.valueOf(e.getMessage()));
        }
    }
}
