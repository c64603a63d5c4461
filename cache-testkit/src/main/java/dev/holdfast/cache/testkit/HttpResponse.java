package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;

/** A whole HTTP response. Immutable. */
final class HttpResponse {
    static final String JSON = "application/json";
    static final String OCTETS = "application/octet-stream";
    private static final byte[] NOTHING = new byte[0];

    final int status;
    final byte[] body;
    private final List<String> headerLines;

    private HttpResponse(int status, List<String> headerLines, byte[] body) {
        this.status = status;
        this.headerLines = headerLines;
        this.body = body;
    }

    static HttpResponse of(int status, String contentType, byte[] body) {
        return new HttpResponse(status, List.of("content-type: " + contentType), body);
    }

    static HttpResponse json(int status, String body) {
        return of(status, JSON, body.getBytes(UTF_8));
    }

    static HttpResponse empty(int status) {
        return new HttpResponse(status, List.of(), NOTHING);
    }

    HttpResponse with(String name, String value) {
        List<String> lines = new ArrayList<>(headerLines);
        lines.add(name + ": " + value);
        return new HttpResponse(status, lines, body);
    }

    HttpResponse withBody(byte[] replacement) {
        return new HttpResponse(status, headerLines, replacement);
    }

    /** Status line and headers, with {@code framing} as the last ones. */
    byte[] head(boolean keepAlive, String... framing) {
        StringBuilder head = new StringBuilder(256);
        head.append("HTTP/1.1 ").append(status).append(' ').append(reason()).append("\r\n");
        headerLines.forEach(line -> head.append(line).append("\r\n"));
        for (String line : framing) {
            head.append(line).append("\r\n");
        }
        head.append(keepAlive ? "connection: keep-alive\r\n\r\n" : "connection: close\r\n\r\n");
        return head.toString().getBytes(ISO_8859_1);
    }

    private String reason() {
        return switch (status) {
            case 200 -> "OK";
            case 400 -> "Bad Request";
            case 401 -> "Unauthorized";
            case 404 -> "Not Found";
            case 405 -> "Method Not Allowed";
            case 413 -> "Content Too Large";
            case 429 -> "Too Many Requests";
            case 503 -> "Service Unavailable";
            default -> "Status";
        };
    }
}
