package dev.holdfast.cache.client;

import dev.holdfast.cache.Settings;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The tiers that settings can ask for, in their order, each with what to say when it is missing or refuses. */
enum KnownTier {
    CLUSTER(
            "set REDIS_CLUSTER_NODES=host:port,host:port (and not REDIS_CLUSTER_ENABLED=false)",
            "REDIS_CLUSTER_NODES",
            "REDIS_CLUSTER_USERNAME, REDIS_CLUSTER_PASSWORD or REDIS_CLUSTER_PASSWORD_FILE, and REDIS_CLUSTER_TLS",
            "REDIS_CLUSTER_USERNAME REDIS_CLUSTER_PASSWORD REDIS_CLUSTER_TLS REDIS_CLUSTER_READ_FROM") {
        @Override
        boolean configured(Settings settings) {
            return settings.flag("REDIS_CLUSTER_ENABLED", settings.isSet("REDIS_CLUSTER_NODES"));
        }
    },
    SINGLE(
            "set REDIS_URL=redis://host:port or REDIS_HOST",
            "REDIS_URL, or REDIS_HOST and REDIS_PORT",
            "REDIS_USERNAME, REDIS_PASSWORD or REDIS_PASSWORD_FILE, and REDIS_DB, or what REDIS_URL says of them; with TLS"
                    + " that the server's certificate is trusted (REDIS_TLS_CA_FILE) and names the host",
            "REDIS_PORT REDIS_USERNAME REDIS_PASSWORD REDIS_DB") {
        @Override
        boolean configured(Settings settings) {
            return settings.isSet("REDIS_URL") || settings.isSet("REDIS_HOST");
        }
    },
    UPSTASH(
            "set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN",
            "UPSTASH_REDIS_REST_URL",
            "UPSTASH_REDIS_REST_TOKEN or UPSTASH_REDIS_REST_TOKEN_FILE",
            "") {
        @Override
        boolean configured(Settings settings) {
            return settings.isSet("UPSTASH_REDIS_REST_URL")
                    || settings.isSet("UPSTASH_REDIS_REST_TOKEN")
                    || settings.isSet("UPSTASH_REDIS_REST_TOKEN_FILE")
                    || settings.isSet("KV_REST_API_URL")
                    || settings.isSet("KV_REST_API_TOKEN")
                    || settings.isSet("KV_REST_API_TOKEN_FILE");
        }
    },
    MEMORY("", "CACHE_MEMORY_MAX_BYTES", "", "") {
        @Override
        boolean configured(Settings settings) {
            return true;
        }
    };

    /** Variables that mean nothing without the place of its server. */
    private final String parts;

    private final String toConfigure;
    private final String place;
    private final String credentials;

    KnownTier(String toConfigure, String place, String credentials, String parts) {
        this.parts = parts;
        this.toConfigure = toConfigure;
        this.place = place;
        this.credentials = credentials;
    }

    static Optional<KnownTier> named(String tier) {
        return Arrays.stream(values())
                .filter(known -> known.tier().equals(tier))
                .findFirst();
    }

    abstract boolean configured(Settings settings);

    /** What is set of this tier though it is not configured: most likely somebody forgot the rest. */
    List<String> setInVain(Settings settings) {
        return configured(settings)
                ? List.of()
                : Arrays.stream(parts.split(" ")).filter(settings::isSet).toList();
    }

    String tier() {
        return name().toLowerCase(Locale.ROOT);
    }

    String artifact() {
        return "dev.holdfast:holdfast-cache-" + tier();
    }

    /** What an operator does to have this tier. */
    String toConfigure() {
        return toConfigure;
    }

    /** The variables that say where its server is. */
    String place() {
        return place;
    }

    /** The variables that a server refuses. */
    String credentials() {
        return credentials;
    }
}
