package dev.holdfast.spring.boot;

/** Reads a Redis URL as Spring Boot does, where that differs from what the client reads. */
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
}
