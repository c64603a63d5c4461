package dev.holdfast.spring.boot;

import dev.holdfast.cache.monitor.Reply;
import org.springframework.http.HttpHeaders;

/** The headers of every answer of the monitor. */
final class MonitoringHeaders {
    private MonitoringHeaders() {}

    static void write(HttpHeaders headers, Reply reply) {
        headers.setCacheControl("no-store");
        headers.set("X-Content-Type-Options", "nosniff");
        reply.headers().forEach(headers::set);
    }
}
