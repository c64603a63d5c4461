package dev.holdfast.cache.single;

import dev.holdfast.cache.Secret;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Reads {@code redis://[user[:password]@]host[:port][/database]}. By hand, since {@link java.net.URI} refuses host names
 * with an underscore and quotes the password in its complaints. Every complaint reads as the end of a sentence that begins
 * with the URL's name.
 */
final class RedisUrl {
    private static final int DEFAULT_PORT = 6379;
    private static final String FORM = "redis://[user[:password]@]host[:port][/database]";

    private RedisUrl() {}

    static SingleConfig parse(String url) {
        String lower = url.toLowerCase(Locale.ROOT);
        boolean tls = lower.startsWith("rediss://");
        if (!tls && !lower.startsWith("redis://")) {
            throw new IllegalArgumentException("must begin with redis:// or rediss:// (TLS)");
        }
        String rest = url.substring(lower.indexOf("://") + 3);
        // A password may hold an @ that someone forgot to encode; a host never does.
        int at = rest.lastIndexOf('@');
        String place = rest.substring(at + 1);
        if (place.indexOf('?') >= 0 || place.indexOf('#') >= 0) {
            throw new IllegalArgumentException("must have the form " + FORM + ", without ? and #");
        }
        int slash = place.indexOf('/');
        SingleConfig config = address(slash < 0 ? place : place.substring(0, slash));
        if (slash >= 0 && slash + 1 < place.length()) {
            config = config.withDatabase(number("its path, the database,", place.substring(slash + 1), 0, 1_000_000));
        }
        if (at >= 0) {
            config = withCredentials(config, rest.substring(0, at));
        }
        return tls ? config.withTls() : config;
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
        return SingleConfig.of(host, port.isEmpty() ? DEFAULT_PORT : number("its port", port.substring(1), 1, 65_535));
    }

    private static SingleConfig withCredentials(SingleConfig config, String userInfo) {
        int colon = userInfo.indexOf(':');
        if (colon < 0) {
            // Most likely a password that lacks its colon, so not a word of it.
            throw new IllegalArgumentException(
                    "must have a colon before the @: a password alone is redis://:PASSWORD@HOST,"
                            + " a user without one redis://USER:@HOST");
        }
        String user = decode("its user", userInfo.substring(0, colon));
        String password = decode("its password", userInfo.substring(colon + 1));
        SingleConfig withUser = user.isEmpty() ? config : config.withUsername(user);
        return password.isEmpty() ? withUser : withUser.withPassword(Secret.of(password));
    }

    private static int number(String what, String text, int min, int max) {
        // Long.parseLong takes a sign and digits of other scripts, a URL doesn't.
        if (text.matches("[0-9]{1,9}")) {
            int value = Integer.parseInt(text);
            if (value >= min && value <= max) {
                return value;
            }
        }
        throw new IllegalArgumentException("must be right in " + what + " a whole number from " + min + " to " + max);
    }

    /** Percent-decodes strictly, without a word of the text in the complaint: it may be a secret. */
    private static String decode(String what, String text) {
        String complaint = "must be right in " + what
                + ": a % begins two hexadecimal digits, all together are UTF-8 (a % itself is written %25)";
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c != '%') {
                int codePoint = text.codePointAt(i);
                bytes.writeBytes(Character.toString(codePoint).getBytes(StandardCharsets.UTF_8));
                i += Character.charCount(codePoint) - 1;
                continue;
            }
            int high = i + 2 < text.length() ? Character.digit(text.charAt(i + 1), 16) : -1;
            int low = i + 2 < text.length() ? Character.digit(text.charAt(i + 2), 16) : -1;
            if (high < 0 || low < 0) {
                throw new IllegalArgumentException(complaint);
            }
            bytes.write(high << 4 | low);
            i += 2;
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes.toByteArray()))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException(complaint);
        }
    }
}
