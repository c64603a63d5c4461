package dev.holdfast.cache.validation;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.single.SingleConfig;
import java.net.URI;
import java.time.Duration;
import java.util.List;

/** Takes the servers of a tier from settings that are known to be well-formed. */
final class Targets {
    private static final int HTTP = 80;
    private static final int HTTPS = 443;

    private Targets() {}

    /** The servers of a tier: one, or the configured nodes of a cluster. */
    static List<Target> of(String tier, Settings settings) {
        Duration connect = settings.millis("REDIS_CONNECT_TIMEOUT", Duration.ofSeconds(5));
        Duration command = settings.millis("REDIS_COMMAND_TIMEOUT", Duration.ofSeconds(3));
        return switch (tier) {
            case Environment.CLUSTER -> cluster(settings, connect, command);
            case Environment.UPSTASH -> List.of(upstash(settings, connect, command));
            default -> List.of(single(settings, connect, command));
        };
    }

    private static Target single(Settings settings, Duration connect, Duration command) {
        boolean url = settings.isSet("REDIS_URL");
        SingleConfig config = url
                ? SingleConfig.parse(settings.text("REDIS_URL").orElseThrow())
                : SingleConfig.of(
                        settings.text("REDIS_HOST").orElse("localhost"),
                        settings.integer("REDIS_PORT", 6379, 1, 65_535));
        HostAndPort place = HostAndPort.of(config.address());
        return new Target(
                place.host(),
                place.port(),
                config.tls() != null || (!url && settings.flag("REDIS_TLS", false)),
                url ? config.username() : settings.text("REDIS_USERNAME").orElse(null),
                url ? config.password() : settings.secret("REDIS_PASSWORD").orElse(null),
                url ? config.database() : settings.integer("REDIS_DB", 0, 0, Integer.MAX_VALUE),
                null,
                connect,
                command,
                url ? Variables.URL : Variables.PARTS);
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

    private static List<Target> cluster(Settings settings, Duration connect, Duration command) {
        return ClusterConfig.of(settings.list("REDIS_CLUSTER_NODES")).nodes().stream()
                .map(node -> {
                    HostAndPort place = HostAndPort.of(node);
                    return new Target(
                            place.host(),
                            place.port(),
                            settings.flag("REDIS_CLUSTER_TLS", false),
                            settings.text("REDIS_CLUSTER_USERNAME").orElse(null),
                            settings.secret("REDIS_CLUSTER_PASSWORD").orElse(null),
                            0,
                            null,
                            connect,
                            command,
                            Variables.CLUSTER);
                })
                .toList();
    }

    private static Target upstash(Settings settings, Duration connect, Duration command) {
        boolean own = settings.isSet("UPSTASH_REDIS_REST_URL") || settings.isSet("UPSTASH_REDIS_REST_TOKEN");
        Variables variables = own ? Variables.UPSTASH : Variables.KV;
        URI url = URI.create(unquoted(settings.text(variables.place()).orElseThrow()));
        boolean encrypted = "https".equalsIgnoreCase(url.getScheme());
        String token =
                unquoted(settings.secret(variables.credentials()).orElseThrow().reveal());
        int port = url.getPort() > 0 ? url.getPort() : encrypted ? HTTPS : HTTP;
        return new Target(
                url.getHost().replaceAll("[\\[\\]]", ""),
                port,
                encrypted,
                null,
                Secret.of(token),
                0,
                url,
                connect,
                command,
                variables);
    }

    /** As the store takes them: white space and quotes around either are dropped. */
    private static String unquoted(String text) {
        return text.strip().replaceAll("^[\"']|[\"']$", "").strip();
    }
}
