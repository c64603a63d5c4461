package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Map;

/**
 * A request as it reached an {@link UpstashGateway}, whatever became of it.
 *
 * @param method such as {@code POST}
 * @param target path and query, still percent-encoded
 * @param headers with names in lower case; repeated headers are joined with a comma
 * @param body as text; bytes that are not UTF-8 are U+FFFD
 */
public record GatewayRequest(String method, String target, Map<String, String> headers, String body) {
    public GatewayRequest {
        headers = Map.copyOf(headers);
    }

    GatewayRequest(HttpRequest request) {
        this(request.method, request.target, request.headers, new String(request.body, UTF_8));
    }

    /** Without the headers, which hold the token, and without the body, which holds values. */
    @Override
    public String toString() {
        return method + " " + target.replaceAll("_token=[^&]*", "_token=***") + ", body of " + body.length()
                + " characters";
    }
}
