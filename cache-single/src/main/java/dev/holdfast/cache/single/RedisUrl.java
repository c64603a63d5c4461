package dev.holdfast.cache.single;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.TlsConfig;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Reads the URLs that {@link SingleConfig#of(String)} describes. By hand, since {@link java.net.URI} refuses host names with an underscore and
 * lists of hosts, and quotes the password in its complaints. Every complaint reads as the end of a sentence that begins with the URL's
 * name.
 */
final class RedisUrl {
    private static final int DEFAULT_PORT = 6379;
    private static final String FORM = "redis://[user[:password]@]host[:port][/database]";
    private static final String SENTINEL_FORM = "redis-sentinel://[user:password@]host[:port],…/master[/database]";
    private static final Set<String> PLAIN = Set.of("redis", "valkey");
    private static final Set<String> ENCRYPTED = Set.of("rediss", "valkeys");
    private static final Set<String> SENTINEL = Set.of("redis-sentinel", "rediss-sentinel");

    private RedisUrl() {}

    static SingleConfig parse(String url) {
        int colon = url.indexOf("://");
        String scheme = colon < 0 ? "" : url.substring(0, colon).toLowerCase(Locale.ROOT);
        boolean known = PLAIN.contains(scheme) || ENCRYPTED.contains(scheme) || SENTINEL.contains(scheme);
        if (!known && !scheme.equals("unix")) {
            throw new IllegalArgumentException(
                    "must begin with redis:// or rediss:// (TLS), valkey:// or valkeys://, redis-sentinel:// or unix://");
        }
        String rest = url.substring(colon + 3);
        // A password may hold an @ that someone forgot to encode; a host never does.
        int at = rest.lastIndexOf('@');
        String place = rest.substring(at + 1);
        int query = place.indexOf('?');
        String parameters = query < 0 ? "" : place.substring(query + 1);
        place = query < 0 ? place : place.substring(0, query);
        if (place.indexOf('#') >= 0 || parameters.indexOf('#') >= 0) {
            throw new IllegalArgumentException("must have the form " + FORM + ", without #");
        }
        SingleConfig config =
                scheme.equals("unix") ? socket(place) : SENTINEL.contains(scheme) ? sentinels(place) : server(place);
        if (at >= 0) {
            config = withCredentials(config, rest.substring(0, at));
        }
        if (ENCRYPTED.contains(scheme)) {
            config = config.withTls();
        } else if (scheme.equals("rediss-sentinel")) {
            config = config.withTls().withSentinelTls(TlsConfig.system());
        }
        return parameters.isEmpty() ? config : UrlParameters.applied(config, parameters);
    }

    private static SingleConfig server(String place) {
        int slash = place.indexOf('/');
        SingleConfig config = address(slash < 0 ? place : place.substring(0, slash));
        return withDatabase(config, slash < 0 ? "" : place.substring(slash + 1));
    }

    private static SingleConfig withDatabase(SingleConfig config, String text) {
        return text.isEmpty() ? config : config.withDatabase(number("its path, the database,", text, 0, 1_000_000));
    }

    private static SingleConfig sentinels(String place) {
        String[] parts = place.split("/", 3);
        if (parts.length < 2 || parts[1].isEmpty()) {
            throw new IllegalArgumentException("must name the master after the sentinels: " + SENTINEL_FORM);
        }
        try {
            List<String> sentinels = List.of(parts[0].split(",", -1));
            SingleConfig config = SingleConfig.ofSentinels(sentinels, Percent.decode("its master", parts[1]));
            return withDatabase(config, parts.length < 3 ? "" : parts[2]);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("must have the form " + SENTINEL_FORM + ": " + e.getMessage());
        }
    }

    private static SingleConfig socket(String place) {
        try {
            return SingleConfig.ofSocket(Path.of(Percent.decode("its path", place)));
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("must have the form unix:///path/of/the/socket[?db=7]");
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "must have the form unix:///path/of/the/socket[?db=7], where the path of the " + e.getMessage());
        }
    }

    private static SingleConfig address(String text) {
        int end = text.startsWith("[")
                ? text.indexOf(']') + 1
                : text.indexOf(':') < 0 ? text.length() : text.indexOf(':');
        String host = text.startsWith("[") && end > 1 ? text.substring(1, end - 1) : text.substring(0, end);
        String port = text.substring(end);
        if (host.isEmpty()) {
            throw new IllegalArgumentException("must name a host: " + FORM);
        }
        if (!port.isEmpty() && (port.charAt(0) != ':' || port.indexOf(':', 1) >= 0)) {
            throw new IllegalArgumentException(
                    "must have a port from 1 to 65535 after the host (an IPv6 address in brackets)");
        }
        int number = port.isEmpty() ? DEFAULT_PORT : number("its port", port.substring(1), 1, 65_535);
        try {
            return SingleConfig.of(host, number);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("must name a host: " + FORM + "; " + e.getMessage());
        }
    }

    private static SingleConfig withCredentials(SingleConfig config, String userInfo) {
        int colon = userInfo.indexOf(':');
        if (colon < 0) {
            // Most likely a password that lacks its colon, so not a word of it.
            throw new IllegalArgumentException(
                    "must have a colon before the @: a password alone is redis://:PASSWORD@HOST,"
                            + " a user without one redis://USER:@HOST");
        }
        String user = Percent.decode("its user", userInfo.substring(0, colon));
        String password = Percent.decode("its password", userInfo.substring(colon + 1));
        SingleConfig withUser = user.isEmpty() ? config : config.withUsername(user);
        return password.isEmpty() ? withUser : withUser.withPassword(Secret.of(password));
    }

    static int number(String what, String text, int min, int max) {
        // Long.parseLong takes a sign and digits of other scripts, a URL doesn't.
        if (text.matches("[0-9]{1,9}")) {
            int value = Integer.parseInt(text);
            if (value >= min && value <= max) {
                return value;
            }
        }
        throw new IllegalArgumentException("must have in " + what + " a whole number from " + min + " to " + max);
    }
}
