package dev.holdfast.spring.boot;

import dev.holdfast.cache.monitor.Reply;
import java.nio.charset.StandardCharsets;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.web.reactive.function.server.RequestPredicates;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** The monitor behind Spring WebFlux, on threads that may wait: one of its paths tests a connection. */
final class ReactiveMonitoring {
    private ReactiveMonitoring() {}

    static RouterFunction<ServerResponse> routes(MonitoringPaths paths) {
        RouterFunctions.Builder routes = RouterFunctions.route();
        paths.patterns()
                .forEach(pattern -> routes.route(
                        RequestPredicates.path(pattern), request -> Mono.fromCallable(() -> answer(paths, request))
                                .subscribeOn(Schedulers.boundedElastic())
                                .flatMap(ReactiveMonitoring::response)));
        return routes.build();
    }

    private static Reply answer(MonitoringPaths paths, ServerRequest request) {
        return paths.answer(
                request.method().name(),
                request.requestPath().pathWithinApplication().value(),
                request.queryParams(),
                request.headers().firstHeader(HttpHeaders.AUTHORIZATION),
                request.remoteAddress()
                        .map(address -> address.getAddress() == null
                                ? ""
                                : address.getAddress().getHostAddress())
                        .orElse(""));
    }

    private static Mono<ServerResponse> response(Reply reply) {
        return ServerResponse.status(reply.status())
                .contentType(MediaType.parseMediaType(reply.contentType()))
                .headers(headers -> MonitoringHeaders.write(headers, reply))
                .bodyValue(reply.body().getBytes(StandardCharsets.UTF_8));
    }
}
