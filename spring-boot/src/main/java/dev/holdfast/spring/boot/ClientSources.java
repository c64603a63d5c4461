package dev.holdfast.spring.boot;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TlsConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.ssl.NoSuchSslBundleException;
import org.springframework.boot.ssl.SslBundles;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.util.function.SingletonSupplier;

/** What the client is opened with, from every source: {@code holdfast.*}, connection details, {@code spring.data.redis.*}, environment. */
final class ClientSources {
    private static final Logger LOG = LoggerFactory.getLogger(ClientSources.class);

    private final HoldfastProperties holdfast;
    private final RedisProperties redis;
    private final @Nullable HoldfastConnectionDetails details;
    private final SslBundles bundles;
    private final VariableLayer joined;
    private final VariableLayer redisLayer;
    private final VariableLayer holdfastLayer;
    private final SingletonSupplier<Settings> settings = SingletonSupplier.of(this::make);

    ClientSources(
            HoldfastProperties holdfast,
            ConfigurableEnvironment environment,
            @Nullable HoldfastConnectionDetails details,
            SslBundles bundles) {
        this.holdfast = holdfast;
        this.redis = Binder.get(environment).bindOrCreate(RedisProperties.PREFIX, RedisProperties.class);
        this.details = details;
        this.bundles = bundles;
        this.holdfastLayer = VariableLayers.holdfast(holdfast);
        this.redisLayer = VariableLayers.redis(redis);
        List<VariableLayer> layers = new ArrayList<>();
        layers.add(holdfastLayer);
        if (details != null) {
            layers.add(VariableLayers.details(details));
        }
        layers.add(redisLayer);
        layers.add(VariableLayers.environment(environment));
        this.joined = VariableLayers.join(layers);
    }

    /** The properties by the variables that they set. */
    Map<String, String> properties() {
        return joined.properties();
    }

    /** The same each time; made, and told of in the log, when it is first asked for. */
    Settings settings() {
        return settings.obtain();
    }

    private Settings make() {
        boolean ofRedis = joined.source().equals(redisLayer.source());
        if (ofRedis) {
            LOG.info("The cache's server is that of spring.data.redis.*; holdfast.* would win over it");
        }
        if (redis.sentinel().isWanted() && !redis.sentinel().isWhole()) {
            LOG.warn("spring.data.redis.* is not read: of spring.data.redis.sentinel.master and"
                    + " spring.data.redis.sentinel.nodes one is set, but both are needed");
        }
        Settings plain = Settings.of(joined.values());
        if (ofRedis) {
            boolean single = redis.sentinel().isWanted() || redis.cluster().nodes() == null;
            String tier = single ? "single" : "cluster";
            return withTls(plain, tier, redis.ssl(), RedisProperties.PREFIX);
        }
        if (joined.source().equals(holdfastLayer.source())) {
            Settings single = withTls(plain, "single", holdfast.single().ssl(), "holdfast.single");
            return withTls(single, "cluster", holdfast.cluster().ssl(), "holdfast.cluster");
        }
        if (details != null && details.getSslBundle() != null) {
            return plain.withTls("single", details.getSslBundle().createSslContext());
        }
        return plain;
    }

    private Settings withTls(Settings settings, String tier, HoldfastProperties.Ssl ssl, String prefix) {
        return ssl.wanted() ? settings.withTls(tier, context(ssl.bundle(), prefix + ".ssl.bundle")) : settings;
    }

    private SSLContext context(@Nullable String bundle, String property) {
        if (bundle == null) {
            return TlsConfig.system().context();
        }
        try {
            return bundles.getBundle(bundle).createSslContext();
        } catch (NoSuchSslBundleException e) {
            throw new HoldfastConfigurationException(
                    property + " is \"" + bundle + "\", but there is no SSL bundle of that name",
                    "Define it as spring.ssl.bundle.pem." + bundle + " or spring.ssl.bundle.jks." + bundle
                            + ", or change " + property + '.',
                    e);
        }
    }
}
