package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * Where alerts are sent, and in which form. The address is a secret: whoever has it may write there, so that only its host is ever shown.
 *
 * @param address the address, {@code https}, or {@code http} to this machine
 * @param type the form
 * @param routingKey of PagerDuty; {@code null} for the others
 */
record Webhook(URI address, Type type, @Nullable String routingKey) {
    private static final String URL = "REDIS_ALERT_WEBHOOK_URL";
    private static final String TYPE = "REDIS_ALERT_WEBHOOK_TYPE";
    private static final String KEY = "REDIS_ALERT_PAGERDUTY_KEY";
    private static final int KEY_LENGTH = 32;
    private static final Pattern ROUTING_KEYS = Pattern.compile("[0-9A-Za-z]{" + KEY_LENGTH + '}');

    /** The forms. */
    enum Type {
        SLACK,
        TEAMS,
        PAGERDUTY,
        JSON;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Checks. */
    Webhook {
        requireAllowed(address);
    }

    /** Returns what the settings ask for; empty if they ask for nothing. */
    static Optional<Webhook> of(Settings settings) {
        Optional<String> url = settings.text(URL);
        if (url.isEmpty()) {
            requireNothingElse(settings);
            return Optional.empty();
        }
        URI address = address(url.get());
        Type type = Type.valueOf(settings.choice(TYPE, typeOf(address), List.of("slack", "teams", "pagerduty", "json"))
                .toUpperCase(Locale.ROOT));
        String key = settings.text(KEY).orElse(null);
        if (type == Type.PAGERDUTY && (key == null || !ROUTING_KEYS.matcher(key).matches())) {
            throw new CacheConfigException(KEY + " must be the routing key of an integration, " + KEY_LENGTH
                    + " letters and digits, since " + URL + " leads to PagerDuty");
        }
        return Optional.of(new Webhook(address, type, key));
    }

    /** Who says how alerts are sent, and not where, believes that they are sent. */
    private static void requireNothingElse(Settings settings) {
        for (String variable : List.of(TYPE, KEY)) {
            if (settings.isSet(variable)) {
                throw new CacheConfigException(
                        variable + " is set, but " + URL + " is not: set where alerts are sent, for"
                                + " PagerDuty https://events.pagerduty.com/v2/enqueue, or leave both out");
            }
        }
    }

    private static URI address(String text) {
        URI address;
        try {
            address = new URI(text);
        } catch (URISyntaxException e) {
            throw refused("must be an https:// address");
        }
        if (address.getHost() == null) {
            throw refused("must be an https:// address with a host");
        }
        return address;
    }

    private static void requireAllowed(URI address) {
        String host = address.getHost();
        String scheme = address.getScheme();
        if (host == null || host.isEmpty() || scheme == null) {
            throw refused("must be an https:// address with a host");
        }
        if (HttpUrl.parse(address.toString()) == null
                && scheme.toLowerCase(Locale.ROOT).startsWith("http")) {
            throw refused("must be an https:// address with a port from 1 to 65535, if it has one");
        }
        boolean plain = scheme.equalsIgnoreCase("http");
        if (!plain && !scheme.equalsIgnoreCase("https")) {
            throw refused("must begin with https://");
        }
        if (plain && !Destinations.isThisMachine(host)) {
            throw refused("must begin with https://, since http:// is for 127.0.0.1 and localhost alone");
        }
        Destinations.refusal(host).ifPresent(why -> {
            throw refused(why);
        });
        if (address.getRawUserInfo() != null) {
            throw refused("must not hold a user or a password before its host");
        }
    }

    private static CacheConfigException refused(String why) {
        return new CacheConfigException(URL + " is \"***\", but " + why);
    }

    private static String typeOf(URI address) {
        String host = address.getHost().toLowerCase(Locale.ROOT);
        if (host.equals("hooks.slack.com")) {
            return "slack";
        }
        if (host.equals("events.pagerduty.com") || host.equals("events.eu.pagerduty.com")) {
            return "pagerduty";
        }
        boolean teams = host.endsWith(".webhook.office.com")
                || host.endsWith(".logic.azure.com")
                || host.endsWith(".powerplatform.com");
        return teams ? "teams" : "json";
    }

    /** The type and the host; nothing of the rest. */
    @Override
    public String toString() {
        return type.word() + " at " + address.getHost();
    }
}
