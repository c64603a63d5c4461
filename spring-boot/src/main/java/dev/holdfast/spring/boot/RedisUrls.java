package dev.holdfast.spring.boot;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes the client's URLs of what Spring Boot has: its own URLs, where they mean something else, and the properties of Sentinel. */
final class RedisUrls {
    private RedisUrls() {}

    /**
     * Translates: Spring Boot takes user information without a colon for a password, the client for a user, as the scheme's
     * registration does.
     *
     * @param url the URL
     * @return the URL with the same meaning for the client; a malformed one as it is, for the client to refuse
     */
    static String ofSpring(String url) {
        int start = url.indexOf("://") + "://".length();
        int slash = url.indexOf('/', start);
        int at = url.lastIndexOf('@', slash < 0 ? url.length() : slash);
        boolean passwordOnly = at > start && url.substring(start, at).indexOf(':') < 0;
        return passwordOnly ? url.substring(0, start) + ':' + url.substring(start) : url;
    }

    /**
     * Makes a URL of the master that sentinels name. User and password are the server's, not the sentinels'.
     *
     * @param master how the sentinels call it
     * @param nodes {@code host:port} of each sentinel
     * @param redis has user, password and database
     * @return {@code redis-sentinel://[user:password@]host:port,…/master[/database]}, percent-encoded
     */
    static String ofSentinels(String master, List<String> nodes, RedisProperties redis) {
        boolean login = redis.username() != null || redis.password() != null;
        return "redis-sentinel://"
                + (login ? encoded(redis.username()) + ':' + encoded(redis.password()) + '@' : "")
                + String.join(",", nodes) + '/' + encoded(master)
                + (redis.database() == null ? "" : "/" + redis.database());
    }

    private static String encoded(@Nullable String text) {
        // Of a form, where a blank is a plus.
        return text == null
                ? ""
                : URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
