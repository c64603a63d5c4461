package dev.holdfast.cache.monitor;

import dev.holdfast.cache.client.JsonWriter;
import java.util.Map;
import java.util.Objects;

/**
 * What is answered.
 *
 * @param status the HTTP status
 * @param contentType the media type of the body
 * @param body the body, to be sent in UTF-8; not with the answer to {@code HEAD}
 * @param headers further headers
 */
public record Reply(int status, String contentType, String body, Map<String, String> headers) {
    private static final String JSON = "application/json";
    private static final String TEXT = "text/plain; charset=utf-8";

    /** Checks and copies. */
    public Reply {
        Objects.requireNonNull(contentType, "contentType");
        Objects.requireNonNull(body, "body");
        headers = Map.copyOf(headers);
    }

    static Reply json(int status, String body) {
        return new Reply(status, JSON, body, Map.of());
    }

    static Reply text(int status, String body) {
        return new Reply(status, TEXT, body, Map.of());
    }

    static Reply error(int status, String what) {
        return error(status, what, Map.of());
    }

    static Reply error(int status, String what, Map<String, String> headers) {
        return new Reply(status, JSON, JsonWriter.object(json -> json.field("error", what)), headers);
    }
}
