package dev.holdfast.cache.single;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;

/** What stands behind the question mark of a URL, as far as its meaning is clear. */
final class UrlParameters {
    private static final String KNOWN = "db=7, timeout=500ms and client_name=shop";

    private UrlParameters() {}

    static SingleConfig applied(SingleConfig start, String parameters) {
        SingleConfig config = start;
        Set<String> seen = new HashSet<>();
        for (String parameter : parameters.split("&", -1)) {
            int equals = parameter.indexOf('=');
            String name = equals < 0 ? parameter : parameter.substring(0, equals);
            String value = Percent.decode("its parameter", equals < 0 ? "" : parameter.substring(equals + 1));
            if (!name.matches("[A-Za-z_.-]{1,40}")) {
                throw new IllegalArgumentException("must have parameters of the form name=value after the ?: " + KNOWN);
            }
            if (!seen.add(name)) {
                throw new IllegalArgumentException("must have its parameter " + name + " once");
            }
            config = with(config, name, value);
        }
        return config;
    }

    private static SingleConfig with(SingleConfig config, String name, String value) {
        return switch (name) {
            case "db", "database" -> {
                if (config.database() != 0) {
                    throw new IllegalArgumentException("must name the database once, in its path or as " + name + '=');
                }
                yield config.withDatabase(RedisUrl.number("its parameter " + name, value, 0, 1_000_000));
            }
            case "timeout" -> config.withCommandTimeout(duration(name, value));
            case "client_name", "clientName" -> config.withClientName(value);
            default ->
                throw new IllegalArgumentException("must not have the parameter " + name + " after its ?: " + KNOWN
                        + " are known; whatever else there is to say has a setting");
        };
    }

    /** With a unit, since the same number is seconds for some clients and milliseconds for others. */
    private static Duration duration(String name, String value) {
        if (!value.matches("[0-9]{1,7}(ms|s|m)")) {
            throw new IllegalArgumentException("must have a unit in its parameter " + name + ": 500ms, 3s or 1m");
        }
        long number = Long.parseLong(value.replaceAll("[a-z]", ""));
        return value.endsWith("ms")
                ? Duration.ofMillis(number)
                : value.endsWith("s") ? Duration.ofSeconds(number) : Duration.ofMinutes(number);
    }
}
