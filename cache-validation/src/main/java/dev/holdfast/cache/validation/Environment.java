package dev.holdfast.cache.validation;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.single.SingleConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;

/**
 * The variables of an application, and those derived for this run: the same servers, under a key prefix that nobody else has.
 */
final class Environment {
    static final String CLUSTER = "cluster";
    static final String SINGLE = "single";
    static final String UPSTASH = "upstash";
    static final String MEMORY = "memory";

    private static final List<String> OF_UPSTASH = List.of(
            "UPSTASH_REDIS_REST_URL",
            "UPSTASH_REDIS_REST_TOKEN",
            "UPSTASH_REDIS_REST_TOKEN_FILE",
            "KV_REST_API_URL",
            "KV_REST_API_TOKEN",
            "KV_REST_API_TOKEN_FILE");
    private static final List<String> OF_CLUSTER = List.of(
            "REDIS_CLUSTER_USERNAME",
            "REDIS_CLUSTER_PASSWORD",
            "REDIS_CLUSTER_PASSWORD_FILE",
            "REDIS_CLUSTER_TLS",
            "REDIS_CLUSTER_READ_FROM",
            "REDIS_CLUSTER_ADDRESSES");
    private static final List<String> OF_SINGLE =
            List.of("REDIS_PORT", "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE", "REDIS_DB", "REDIS_TLS");
    private static final String PREFIX = "REDIS_KEY_PREFIX";
    private static final String TIERS = "CACHE_TIERS";
    /** Far longer than a run: the stores' own probes would renew what they leave behind. */
    private static final String NO_PROBES = "3600000";

    private final Map<String, String> variables;
    private final String runPrefix;

    Environment(Map<String, String> variables) {
        this.variables = new TreeMap<>(variables);
        String own = variables.getOrDefault(PREFIX, "").strip();
        this.runPrefix = (own.isEmpty() ? "" : own + ':') + "#validate:" + UUID.randomUUID();
    }

    /** What all keys of this run begin with on the servers. */
    String keyPrefix() {
        return runPrefix + ':';
    }

    Settings settings() {
        return Settings.of(variables);
    }

    Secrets secrets() {
        return new Secrets(variables);
    }

    /** The settings, with which nothing is contacted. */
    Settings withoutServers() {
        return with(Map.of("CACHE_ENABLED", "false"));
    }

    /** The settings with the kill switch on. */
    Settings killed() {
        return with(Map.of("REDIS_ENABLED", "false", PREFIX, runPrefix));
    }

    /** The settings of a client over one tier and memory, or all that are configured if there is none. */
    Settings over(List<String> tiers) {
        List<String> all = new ArrayList<>(tiers);
        all.add(MEMORY);
        return with(Map.of(
                "CACHE_ENABLED",
                "true",
                "REDIS_ENABLED",
                "true",
                "CACHE_STRICT_START",
                "false",
                "REDIS_MONITORING_ENABLED",
                "false",
                "REDIS_HEALTH_CHECK_INTERVAL",
                NO_PROBES,
                TIERS,
                String.join(",", all),
                PREFIX,
                runPrefix));
    }

    /** The settings with some changed. */
    Settings with(Map<String, String> changes) {
        Map<String, String> changed = new TreeMap<>(variables);
        changed.put("REDIS_MONITORING_ENABLED", "false");
        changed.putAll(changes);
        return Settings.of(changed);
    }

    /** The servers' tiers in their order, switches aside. */
    List<String> tiers() {
        Settings settings = settings();
        List<String> named = settings.list(TIERS);
        if (!named.isEmpty()) {
            return named.stream().filter(tier -> !tier.equals(MEMORY)).toList();
        }
        List<String> tiers = new ArrayList<>();
        if (settings.flag("REDIS_CLUSTER_ENABLED", settings.isSet("REDIS_CLUSTER_NODES"))) {
            tiers.add(CLUSTER);
        }
        boolean single = settings.isSet("REDIS_URL") || settings.isSet("REDIS_HOST");
        if (single && (tiers.isEmpty() || settings.flag("REDIS_FALLBACK_TO_SINGLE", true))) {
            tiers.add(SINGLE);
        }
        if (OF_UPSTASH.stream().anyMatch(settings::isSet)) {
            tiers.add(UPSTASH);
        }
        return tiers;
    }

    /** What is well-formed and yet hardly meant, for people: switches that keep servers out, and variables that nobody reads. */
    List<String> doubts() {
        Settings settings = settings();
        List<String> doubts = new ArrayList<>();
        for (String name : List.of("CACHE_ENABLED", "REDIS_ENABLED")) {
            if (!settings.flag(name, true)) {
                doubts.add(name + " is false: set it to true when the servers are to be used");
            }
        }
        Misspelt.in(variables).forEach((name, meant) -> doubts.add(name + " is read by nobody: is it " + meant + '?'));
        inVain(settings, OF_CLUSTER, List.of("REDIS_CLUSTER_NODES"), doubts);
        inVain(settings, OF_SINGLE, List.of("REDIS_URL", "REDIS_HOST"), doubts);
        Optional<String> url = settings.text("REDIS_URL");
        if (url.isPresent()
                && settings.isSet("REDIS_PASSWORD")
                && SingleConfig.of(url.get()).password() == null) {
            doubts.add("REDIS_PASSWORD is not read beside REDIS_URL, which has no password");
        }
        return doubts;
    }

    /** What means nothing without the place of its server: most likely that was forgotten. */
    private static void inVain(Settings settings, List<String> parts, List<String> places, List<String> doubts) {
        List<String> set = parts.stream().filter(settings::isSet).toList();
        if (!set.isEmpty() && places.stream().noneMatch(settings::isSet)) {
            doubts.add(String.join(", ", set) + (set.size() == 1 ? " is" : " are") + " set without "
                    + String.join(" or ", places));
        }
    }
}
