package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.redis.AccessSettings;
import dev.holdfast.cache.redis.AccessVariables;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.StoreProvider;
import java.util.Objects;
import java.util.function.UnaryOperator;

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
        return UpstashStore.create(config(settings));
    }

    static UpstashConfig config(Settings settings) {
        boolean own = settings.isSet("UPSTASH_REDIS_REST_URL")
                || settings.isSet("UPSTASH_REDIS_REST_TOKEN")
                || settings.isSet("UPSTASH_REDIS_REST_TOKEN_FILE");
        AccessVariables names = own ? AccessVariables.UPSTASH : AccessVariables.VERCEL;
        AccessSettings access = new AccessSettings(settings, names);
        RemoteAccess login = token(access.login(RemoteAccess.defaults()), names, own);
        UpstashConfig config = url(settings, own ? "UPSTASH_REDIS_REST_URL" : "KV_REST_API_URL");
        UnaryOperator<RemoteAccess> withToken = start -> login.password() == null
                ? start.withCredentials(Objects.requireNonNull(login.credentials()))
                : start.withPassword(login.password());
        return config.with(withToken)
                .with(access::limits)
                .with(start -> access.tls(start, true))
                .withMaxCommandBytes(settings.integer("UPSTASH_MAX_COMMAND_BYTES", 10_485_760, 1_024, 1 << 30));
    }

    private static RemoteAccess token(RemoteAccess login, AccessVariables names, boolean own) {
        Secret token = login.password();
        if (login.credentials() == null || (token != null && token.reveal().isBlank())) {
            throw new CacheConfigException(names.password() + " is not set or blank, but must be the token of "
                    + (own ? "UPSTASH_REDIS_REST_URL" : "KV_REST_API_URL") + "; " + names.passwordFile()
                    + " may name a file with it");
        }
        try {
            return token == null ? login : login.withPassword(Token.checked(token));
        } catch (IllegalArgumentException e) {
            throw new CacheConfigException(names.password() + " is \"***\", but " + e.getMessage(), e);
        }
    }

    private static UpstashConfig url(Settings settings, String name) {
        String url = settings.text(name)
                .orElseThrow(() -> settings.malformed(name, "must be the database's https:// address"));
        try {
            return UpstashConfig.start(url, settings.flag(ALLOW_HTTP, false));
        } catch (IllegalArgumentException e) {
            throw settings.malformed(name, e.getMessage() + " (" + ALLOW_HTTP + "=true allows http)");
        }
    }
}
