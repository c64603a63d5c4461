package dev.holdfast.cache.validation;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ClusterStoreProvider;
import dev.holdfast.cache.redis.AccessSettings;
import dev.holdfast.cache.redis.AccessVariables;
import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.CredentialsException;
import dev.holdfast.cache.redis.Login;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.single.SingleConfig;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Takes the servers of a tier from settings that are known to be well-formed: log-in, TLS and limits as the stores read them. */
final class Targets {
    private static final int HTTP = 80;
    private static final int HTTPS = 443;

    private Targets() {}

    /**
     * The servers of a tier: one, or the configured nodes of a cluster.
     *
     * @throws CacheConfigException if a server has no host and port, or a file with a secret or a certificate can't be read
     */
    static List<Target> of(String tier, Settings settings) {
        return switch (tier) {
            case Environment.CLUSTER -> cluster(settings);
            case Environment.UPSTASH -> List.of(upstash(settings));
            default -> List.of(single(settings));
        };
    }

    private static Target single(Settings settings) {
        AccessSettings access = new AccessSettings(settings, AccessVariables.SINGLE);
        Optional<String> url = settings.text("REDIS_URL");
        if (url.isPresent()) {
            SingleConfig config = SingleConfig.of(url.get());
            RemoteAccess start = access.limits(RemoteAccess.defaults().withCommandTimeout(config.commandTimeout()));
            RemoteAccess encrypted = access.tls(login(start, config, access), config.tls() != null);
            return target(HostAndPort.of(config.address()), encrypted, config.database(), Variables.URL);
        }
        RemoteAccess start = access.login(access.limits(RemoteAccess.defaults()));
        HostAndPort place = new HostAndPort(
                settings.text("REDIS_HOST").orElse("localhost").replaceAll("[\\[\\]]", ""),
                settings.integer("REDIS_PORT", 6379, 1, 65_535));
        return target(
                place,
                access.tls(start, Boolean.TRUE.equals(access.tlsSwitch())),
                settings.integer("REDIS_DB", 0, 0, Integer.MAX_VALUE),
                Variables.PARTS);
    }

    /** Who logs in is in the URL; a password that is not may be in a file. */
    private static RemoteAccess login(RemoteAccess start, SingleConfig config, AccessSettings access) {
        RemoteAccess login = start;
        if (config.password() != null) {
            login = start.withPassword(config.password());
        } else if (access.passwordFile().isPresent()) {
            login = access.login(start);
        }
        return config.username() == null ? login : login.withUsername(config.username());
    }

    /** Where a server listens. */
    private record HostAndPort(String host, int port) {

        /** Of {@code host:port}, an IPv6 address in brackets; what has no such place can't be looked at from here. */
        static HostAndPort of(String address) {
            int colon = address.lastIndexOf(':');
            if (colon < 0 || address.contains("/") || address.contains(",")) {
                throw new CacheConfigException("the validation looks at servers by host and port, and this one is "
                        + address + ": give it REDIS_URL=redis://host:port of the server behind that");
            }
            return new HostAndPort(
                    address.substring(0, colon).replaceAll("[\\[\\]]", ""),
                    Integer.parseInt(address.substring(colon + 1)));
        }
    }

    private static List<Target> cluster(Settings settings) {
        AccessSettings access = new AccessSettings(settings, AccessVariables.CLUSTER);
        RemoteAccess login = access.login(access.limits(RemoteAccess.defaults()));
        RemoteAccess encrypted = access.tls(login, Boolean.TRUE.equals(access.tlsSwitch()));
        return clusterOf(settings).nodes().stream()
                .map(node -> target(HostAndPort.of(node), encrypted, 0, Variables.CLUSTER))
                .toList();
    }

    /** What the settings say of the cluster; of its tier alone. */
    static ClusterConfig clusterOf(Settings settings) {
        return ClusterStoreProvider.config(settings);
    }

    private static Target upstash(Settings settings) {
        boolean own = settings.isSet("UPSTASH_REDIS_REST_URL")
                || settings.isSet("UPSTASH_REDIS_REST_TOKEN")
                || settings.isSet("UPSTASH_REDIS_REST_TOKEN_FILE");
        AccessSettings access = new AccessSettings(settings, own ? AccessVariables.UPSTASH : AccessVariables.VERCEL);
        Variables variables = own ? Variables.UPSTASH : Variables.KV;
        URI url = URI.create(unquoted(settings.text(variables.place())
                .orElseThrow(() -> new CacheConfigException(
                        variables.place() + " is not set, but must be the database's https:// address"))));
        boolean encrypted = "https".equalsIgnoreCase(url.getScheme());
        int port = url.getPort() > 0 ? url.getPort() : encrypted ? HTTPS : HTTP;
        HostAndPort place = new HostAndPort(url.getHost().replaceAll("[\\[\\]]", ""), port);
        RemoteAccess login = access.login(access.limits(RemoteAccess.defaults()));
        return target(place, access.tls(login, encrypted), 0, variables).over(url, Targets::unquoted);
    }

    private static Target target(HostAndPort place, RemoteAccess access, int database, Variables variables) {
        Authentication words = words(access);
        return new Target(
                place.host(),
                place.port(),
                access.tls(),
                words.username(),
                secret(words.password()),
                database,
                null,
                access.connectTimeout(),
                access.commandTimeout(),
                variables);
    }

    private static Authentication words(RemoteAccess access) {
        Login login = new Login(access);
        try {
            return login.isNeeded() ? login.ask() : new Authentication(null, "");
        } catch (CredentialsException e) {
            throw new CacheConfigException(String.valueOf(e.getMessage()), e);
        }
    }

    private static @Nullable Secret secret(String text) {
        return text.isEmpty() ? null : Secret.of(text);
    }

    /** As the store takes them: white space and quotes around either are dropped. */
    private static String unquoted(String text) {
        return text.strip().replaceAll("^[\"']|[\"']$", "").strip();
    }
}
