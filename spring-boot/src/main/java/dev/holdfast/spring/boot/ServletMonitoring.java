package dev.holdfast.spring.boot;

import dev.holdfast.cache.monitor.Reply;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.web.servlet.function.RequestPredicates;
import org.springframework.web.servlet.function.RouterFunction;
import org.springframework.web.servlet.function.RouterFunctions;
import org.springframework.web.servlet.function.ServerRequest;
import org.springframework.web.servlet.function.ServerResponse;

/** The monitor behind Spring MVC. */
final class ServletMonitoring {
    private ServletMonitoring() {}

    static RouterFunction<ServerResponse> routes(MonitoringPaths paths) {
        RouterFunctions.Builder routes = RouterFunctions.route();
        paths.patterns()
                .forEach(pattern -> routes.route(RequestPredicates.path(pattern), request -> answer(paths, request)));
        return routes.build();
    }

    private static ServerResponse answer(MonitoringPaths paths, ServerRequest request) {
        Reply reply = paths.answer(
                request.method().name(),
                request.requestPath().pathWithinApplication().value(),
                request.params(),
                request.headers().firstHeader(HttpHeaders.AUTHORIZATION),
                request.remoteAddress().map(ServletMonitoring::host).orElse(""));
        return ServerResponse.status(reply.status())
                .contentType(MediaType.parseMediaType(reply.contentType()))
                .headers(headers -> MonitoringHeaders.write(headers, reply))
                .body(reply.body().getBytes(StandardCharsets.UTF_8));
    }

    private static String host(InetSocketAddress address) {
        return address.getAddress() == null ? "" : address.getAddress().getHostAddress();
    }
}
