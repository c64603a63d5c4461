package dev.holdfast.spring.boot;

import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The client's variables that one source sets, each with the property that says so. For one thread. */
final class VariableLayer {
    private static final List<String> FAMILIES =
            List.of("REDIS_CLUSTER_", "REDIS_SENTINEL_", "REDIS_TLS_", "UPSTASH_TLS_");

    private final String source;
    private final Map<String, String> values = new TreeMap<>();
    private final Map<String, String> properties = new TreeMap<>();

    VariableLayer(String source) {
        this.source = source;
    }

    /** The source, as messages name it. */
    String source() {
        return source;
    }

    /** Sets a variable, unless the property is not set. */
    VariableLayer set(String variable, String property, @Nullable Object value) {
        if (value != null) {
            values.put(variable, value instanceof List<?> list ? joined(list) : value.toString());
            properties.put(variable, property);
        }
        return this;
    }

    /** Sets a variable that is in milliseconds. */
    VariableLayer setMillis(String variable, String property, @Nullable Duration value) {
        return set(variable, property, value == null ? null : value.toMillis());
    }

    /** Sets a variable that is in seconds. */
    VariableLayer setSeconds(String variable, String property, @Nullable Duration value) {
        if (value != null && !value.equals(Duration.ofSeconds(value.toSeconds()))) {
            throw new HoldfastConfigurationException(
                    property + " is " + value.toMillis() + "ms, but must be whole seconds",
                    "Set " + property + " to a number of seconds, such as 5m or 30s.",
                    null);
        }
        return set(variable, property, value == null ? null : value.toSeconds());
    }

    private static String joined(List<?> list) {
        return String.join(",", list.stream().map(String::valueOf).toList());
    }

    /** Whether it says where some server is, or anything about one. */
    boolean hasServers() {
        return values.keySet().stream().anyMatch(VariableLayer::isServer);
    }

    /** Takes what another layer sets, in place of what this one does. */
    void override(VariableLayer other, Predicate<String> which) {
        other.values.forEach((variable, value) -> {
            if (which.test(variable)) {
                values.put(variable, value);
                properties.put(variable, String.valueOf(other.properties.get(variable)));
            }
        });
    }

    void remove(Predicate<String> which) {
        values.keySet().removeIf(which);
        properties.keySet().removeIf(which);
    }

    Map<String, String> values() {
        return Collections.unmodifiableMap(values);
    }

    /** The properties by the variables that they set. */
    Map<String, String> properties() {
        return Collections.unmodifiableMap(properties);
    }

    /** Whether a variable says where a server is, who the client is there, or whom it trusts to be that server. */
    static boolean isServer(String variable) {
        return switch (variable) {
            case "REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_TLS" -> true;
            case "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE" -> true;
            case "UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN", "UPSTASH_REDIS_REST_TOKEN_FILE" -> true;
            case "KV_REST_API_URL", "KV_REST_API_TOKEN", "KV_REST_API_TOKEN_FILE" -> true;
            case "REDIS_CLUSTER_READ_FROM" -> false;
            default -> FAMILIES.stream().anyMatch(variable::startsWith);
        };
    }
}
