package dev.holdfast.streams;

import dev.holdfast.cache.Secret;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** What {@code redis://[user[:password]@]host[:port][/database]} says; {@code rediss} is TLS. */
record RedisUrl(
        ServerAddress server,
        @Nullable String username,
        @Nullable Secret password,
        int database,
        boolean tls) {

    static RedisUrl parse(String url) {
        try {
            URI uri = new URI(url.strip());
            String scheme = String.valueOf(uri.getScheme());
            String host = uri.getHost();
            if (host == null || !(scheme.equals("redis") || scheme.equals("rediss"))) {
                throw malformed();
            }
            String bare = host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
            ServerAddress server = new ServerAddress(bare, uri.getPort() < 0 ? 6379 : uri.getPort());
            String path = uri.getPath() == null ? "" : uri.getPath().replaceFirst("^/", "");
            int database = path.isEmpty() ? 0 : Integer.parseInt(path);
            String user = uri.getRawUserInfo() == null ? "" : uri.getRawUserInfo();
            int colon = user.indexOf(':');
            String name = decoded(colon < 0 ? user : user.substring(0, colon));
            String secret = decoded(colon < 0 ? "" : user.substring(colon + 1));
            return new RedisUrl(
                    server,
                    name.isEmpty() ? null : name,
                    secret.isEmpty() ? null : Secret.of(secret),
                    database,
                    scheme.equals("rediss"));
        } catch (URISyntaxException | NumberFormatException e) {
            // The exception's own message quotes the URL, secrets included.
            throw malformed();
        }
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    private static IllegalArgumentException malformed() {
        return new IllegalArgumentException(
                "url must be redis:// or rediss://[user[:password]@]host[:port][/database], reserved characters"
                        + " percent-encoded");
    }
}
