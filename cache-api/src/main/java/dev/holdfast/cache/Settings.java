package dev.holdfast.cache;

import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;

/**
 * Settings by name, as the environment has them, read once. A variable that is not set, or is empty, has its default; one
 * that is malformed is a {@link CacheConfigException} that names it and what it may hold, and shows what it holds only if that can't
 * be a secret. Unknown variables are ignored. White space around a value is ignored; of a secret only one line break at its end,
 * which a file that was mounted or read by a shell adds.
 *
 * <p>In the pods of a namespace with a Service {@code redis} Kubernetes sets {@code REDIS_PORT=tcp://10.96.0.11:6379}, as it does for
 * each Service. A variable {@code …_PORT} of that form counts as not set; {@link #serviceLinks()} names it. Immutable.
 */
public final class Settings {
    private static final Pattern SERVICE_LINK = Pattern.compile("(tcp|udp|sctp)://[0-9A-Za-z.:\\[\\]-]+:[0-9]{1,5}");
    /** Too short to be a secret, or a number that somebody may have given a unit. */
    private static final Pattern HARMLESS = Pattern.compile(".{1,3}|[+-]?[0-9]{1,10}|[0-9]{1,9}(ms|[A-Za-z]{1,2})");

    /** Longer numbers are out of every range. */
    private static final Pattern SPAN = Pattern.compile("([0-9]{1,12})\\s?(ms|s|m|h|d|)");

    private static final Map<String, Duration> UNITS = Map.of(
            "ms", Duration.ofMillis(1),
            "s", Duration.ofSeconds(1),
            "m", Duration.ofMinutes(1),
            "h", Duration.ofHours(1),
            "d", Duration.ofDays(1));

    private static final Pattern SCHEME =
            Pattern.compile("(https?|rediss?|valkeys?|rediss?-sentinel|tcp|unix)://.*", Pattern.DOTALL);

    private final Map<String, String> values;
    private final Map<String, SSLContext> tls;
    private final SortedSet<String> serviceLinks = new TreeSet<>();

    private Settings(Map<String, String> values) {
        this(values, Map.of());
    }

    private Settings(Map<String, String> values, Map<String, SSLContext> tls) {
        this.values = values;
        this.tls = tls;
        values.forEach((name, value) -> {
            if (name.endsWith("_PORT") && SERVICE_LINK.matcher(value.strip()).matches()) {
                serviceLinks.add(name);
            }
        });
        values.keySet().removeAll(serviceLinks);
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
     * Derives settings in which a variable has another value.
     *
     * @param name the variable
     * @param value its value
     * @return the settings
     */
    public Settings with(String name, String value) {
        Map<String, String> changed = new TreeMap<>(values);
        changed.put(name, value);
        Settings derived = new Settings(changed, tls);
        derived.serviceLinks.addAll(serviceLinks);
        return derived;
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
     * Derives settings in which the connections of one tier use TLS by a context made elsewhere, for instance with a client
     * certificate. The server's host name is verified in addition to what the context verifies.
     *
     * @param tier the tier's name: {@code single} or {@code cluster}
     * @param context the context
     * @return the derived settings
     */
    public Settings withTls(String tier, SSLContext context) {
        Map<String, SSLContext> contexts = new TreeMap<>(tls);
        contexts.put(tier, Objects.requireNonNull(context, "context"));
        Settings derived = new Settings(values, contexts);
        derived.serviceLinks.addAll(serviceLinks);
        return derived;
    }

    /**
     * Returns the TLS context that a tier's connections use instead of what the variables say.
     *
     * @param tier the tier's name
     * @return the context; empty if none was given
     */
    public Optional<SSLContext> tls(String tier) {
        return Optional.ofNullable(tls.get(tier));
    }

    /**
     * Returns the variables that Kubernetes set for a Service of a like name, which are passed over.
     *
     * @return their names, unmodifiable
     */
    public SortedSet<String> serviceLinks() {
        return Collections.unmodifiableSortedSet(serviceLinks);
    }

    /**
     * Derives settings in which a variable that is not set, or is blank, has a value.
     *
     * @param name the variable
     * @param value its value
     * @return the derived settings
     */
    public Settings withDefault(String name, String value) {
        if (isSet(name)) {
            return this;
        }
        Map<String, String> more = new TreeMap<>(values);
        more.put(name, value);
        Settings derived = new Settings(more, tls);
        derived.serviceLinks.addAll(serviceLinks);
        return derived;
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
     * Returns a secret as it stands, without one line break at its end.
     *
     * @param name the variable
     * @return the secret; empty if the variable is not set or holds nothing else
     */
    public Optional<Secret> secret(String name) {
        return Secret.ofText(values.getOrDefault(name, ""));
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
     * Returns a span of time that is given in milliseconds, or with a unit ({@code 300ms}, {@code 5s}, {@code 2m}), from 1 ms to 24 days.
     *
     * @param name the variable
     * @param byDefault its value when it is not set
     * @return the span
     */
    public Duration millis(String name, Duration byDefault) {
        return span(
                name,
                byDefault,
                "ms",
                Duration.ofMillis(Integer.MAX_VALUE),
                "must be milliseconds from 1 to " + Integer.MAX_VALUE);
    }

    /**
     * Returns a span of time that is given in seconds, or with a unit ({@code 500ms}, {@code 5m}, {@code 1d}), from 1 ms to {@link CacheStore#MAX_TTL}.
     *
     * @param name the variable
     * @param byDefault its value when it is not set
     * @return the span
     */
    public Duration seconds(String name, Duration byDefault) {
        return span(
                name,
                byDefault,
                "s",
                CacheStore.MAX_TTL,
                "must be seconds from 1 to " + CacheStore.MAX_TTL.toSeconds());
    }

    private Duration span(String name, Duration byDefault, String usualUnit, Duration max, String mayHold) {
        Optional<String> text = text(name);
        if (text.isEmpty()) {
            return byDefault;
        }
        Matcher parts = SPAN.matcher(text.get());
        Duration span = Duration.ZERO;
        if (parts.matches()) {
            String unit = parts.group(2).isEmpty() ? usualUnit : parts.group(2);
            span = UNITS.getOrDefault(unit, Duration.ZERO).multipliedBy(Long.parseLong(parts.group(1)));
        }
        if (span.isZero() || span.compareTo(max) > 0) {
            throw malformed(name, mayHold + ", or a number with a unit out of ms, s, m, h, d such as 300ms");
        }
        return span;
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
     * @return the exception, to be thrown; it quotes the value only if that is too short to be a secret or is a number. What
     *     did not parse may be a password that was put into the wrong variable, or stands in an address
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
        if (HARMLESS.matcher(value.strip()).matches()) {
            return '"' + ForeignText.shown(value) + '"';
        }
        Matcher scheme = SCHEME.matcher(value);
        return (scheme.matches() ? '"' + scheme.group(1) + "://***\"" : "\"***\"") + " (" + value.length()
                + " characters that are not shown, since there may be a secret in them)";
    }

    /** The names that are set; no values. */
    @Override
    public String toString() {
        return "Settings" + values.keySet();
    }
}
