package dev.holdfast.cache.testkit;

import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A whole HTTP/1.x request. The names of {@code headers} are lower case; repeated headers are joined with a comma. */
final class HttpRequest {
    final String method;
    final String target;
    final Map<String, String> headers;
    final byte[] body;
    final boolean keepAlive;

    HttpRequest(String method, String target, Map<String, String> headers, byte[] body, boolean keepAlive) {
        this.method = method;
        this.target = target;
        this.headers = headers;
        this.body = body;
        this.keepAlive = keepAlive;
    }

    @Nullable
    String header(String lowerCaseName) {
        return headers.get(lowerCaseName);
    }

    boolean hasToken(String lowerCaseName, String token) {
        String value = headers.get(lowerCaseName);
        return value != null && value.toLowerCase(Locale.ROOT).contains(token);
    }

    /** The path, still percent-encoded and without the query. */
    String path() {
        int query = target.indexOf('?');
        return query < 0 ? target : target.substring(0, query);
    }

    /** What follows the first {@code ?}, still percent-encoded. */
    String query() {
        int query = target.indexOf('?');
        return query < 0 ? "" : target.substring(query + 1);
    }
}
