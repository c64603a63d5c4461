package dev.holdfast.cache;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;

/**
 * Settings by name, as the environment has them, read once. A variable that is not set, or is empty, has its default; one
 * that is malformed is a {@link CacheConfigException} that names it, what it holds and what it may hold. Unknown
 * variables are ignored. White space around a value is ignored, except in secrets. Immutable.
 */
public final class Settings {
    private final Map<String, String> values;

    private Settings(Map<String, String> values) {
        this.values = values;
    }

    /**
     * Takes settings from a map.
     *
     * @param values values by variable name; copied
     * @return the settings
     */
    public static Settings of(Map<String, String> values) {
        return new Settings(new TreeMap<>(values));
    }

    /**
     * Takes settings from the process's environment.
     *
     * @return the settings
     */
    public static Settings environment() {
        return of(System.getenv());
    }

    /**
     * Takes settings from the JVM's system properties, under the same names as in the environment
     * ({@code -DREDIS_HOST=…}).
     *
     * @return the settings
     */
    public static Settings systemProperties() {
        Properties properties = System.getProperties();
        Map<String, String> values = new TreeMap<>();
        for (String name : properties.stringPropertyNames()) {
            String value = properties.getProperty(name);
            if (value != null) {
                values.put(name, value);
            }
        }
        return new Settings(values);
    }

    /**
     * Says whether a variable is set and not blank.
     *
     * @param name its name
     * @return whether it is
     */
    public boolean isSet(String name) {
        return text(name).isPresent();
    }

    /**
     * Returns a text.
     *
     * @param name the variable
     * @return its value without the white space around it; empty if it is not set or blank
     */
    public Optional<String> text(String name) {
        String value = values.get(name);
        return value == null || value.isBlank() ? Optional.empty() : Optional.of(value.strip());
    }

    /**
     * Returns a secret, exactly as it stands.
     *
     * @param name the variable
     * @return the secret; empty if the variable is not set or empty
     */
    public Optional<Secret> secret(String name) {
        String value = values.get(name);
        return value == null || value.isEmpty() ? Optional.empty() : Optional.of(Secret.of(value));
    }

    /**
     * Returns a switch: {@code true}, {@code yes}, {@code on}, {@code 1}, or {@code false}, {@code no}, {@code off},
     * {@code 0}, in any case.
     *
     * @param name the variable
     * @param byDefault its value when it is not set
     * @return the switch
     */
    public boolean flag(String name, boolean byDefault) {
        Optional<String> text = text(name);
        if (text.isEmpty()) {
            return byDefault;
        }
        return switch (text.get().toLowerCase(Locale.ROOT)) {
            case "true", "yes", "on", "1" -> true;
            case "false", "no", "off", "0" -> false;
            default -> throw malformed(name, "must be true or false");
        };
    }

    /**
     * Returns a whole number.
     *
     * @param name the variable
     * @param byDefault its value when it is not set
     * @param min the smallest it may hold
     * @param max the largest it may hold
     * @return the number
     */
    public long number(String name, long byDefault, long min, long max) {
        Optional<String> text = text(name);
        if (text.isEmpty()) {
            return byDefault;
        }
        String mayHold = "must be a whole number from " + min + " to " + max;
        long value;
        try {
            value = Long.parseLong(text.get());
        } catch (NumberFormatException e) {
            throw malformed(name, mayHold);
        }
        if (value < min || value > max) {
            throw malformed(name, mayHold);
        }
        return value;
    }

    /**
     * Returns a whole number that fits an {@code int}.
     *
     * @param name the variable
     * @param byDefault its value when it is not set
     * @param min the smallest it may hold
     * @param max the largest it may hold
     * @return the number
     */
    public int integer(String name, int byDefault, int min, int max) {
        return (int) number(name, byDefault, min, max);
    }

    /**
     * Returns a span of time that is given in milliseconds, from 1 ms to 24 days.
     *
     * @param name the variable
     * @param byDefault its value when it is not set
     * @return the span
     */
    public Duration millis(String name, Duration byDefault) {
        return Duration.ofMillis(number(name, byDefault.toMillis(), 1, Integer.MAX_VALUE));
    }

    /**
     * Returns a span of time that is given in seconds, from 1 s to {@link CacheStore#MAX_TTL}.
     *
     * @param name the variable
     * @param byDefault its value when it is not set
     * @return the span
     */
    public Duration seconds(String name, Duration byDefault) {
        return Duration.ofSeconds(number(name, byDefault.toSeconds(), 1, CacheStore.MAX_TTL.toSeconds()));
    }

    /**
     * Returns one of some words, matched in any case.
     *
     * @param name the variable
     * @param byDefault its value when it is not set
     * @param words what it may hold, in lower case
     * @return the word, in lower case
     */
    public String choice(String name, String byDefault, List<String> words) {
        String word = text(name).map(text -> text.toLowerCase(Locale.ROOT)).orElse(byDefault);
        if (!words.contains(word)) {
            throw malformed(name, "must be one of " + String.join(", ", words));
        }
        return word;
    }

    /**
     * Returns a list of words, separated by commas; blanks around them are ignored.
     *
     * @param name the variable
     * @return the words in their order, in the case they were given; empty if the variable is not set
     */
    public List<String> list(String name) {
        Optional<String> text = text(name);
        if (text.isEmpty()) {
            return List.of();
        }
        List<String> words =
                List.of(text.get().split(",", -1)).stream().map(String::strip).toList();
        if (words.contains("")) {
            throw malformed(name, "must be a list separated by single commas, without empty places");
        }
        return words;
    }

    /**
     * Makes the exception for a variable that holds what it must not.
     *
     * @param name the variable
     * @param mayHold what it must or may hold, as the end of a sentence: {@code must be a port from 1 to 65535}
     * @return the exception, to be thrown; it quotes the value unless the name says that it is a secret
     */
    public CacheConfigException malformed(String name, String mayHold) {
        return new CacheConfigException(name + " is " + quoted(name) + ", but " + mayHold);
    }

    private String quoted(String name) {
        String value = values.get(name);
        if (value == null) {
            return "not set";
        }
        if (name.contains("PASSWORD") || name.contains("TOKEN") || name.contains("SECRET")) {
            return "\"***\"";
        }
        // User information in a URL is a secret too, however malformed the URL is.
        int at = value.lastIndexOf('@');
        int scheme = value.indexOf("://");
        if (at >= 0) {
            value = (scheme >= 0 && scheme < at ? value.substring(0, scheme + 3) : "") + "***" + value.substring(at);
        }
        return '"' + value + '"';
    }

    /** The names that are set; no values. */
    @Override
    public String toString() {
        return "Settings" + values.keySet();
    }
}
