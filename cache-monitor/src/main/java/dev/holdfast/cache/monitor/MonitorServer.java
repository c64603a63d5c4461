package dev.holdfast.cache.monitor;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.holdfast.cache.IsolatedThreads;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The JDK's HTTP server in front of the endpoints, with a bound on everything: threads, the length of a request's line, the time that a head and an answer
 * take. Each answer ends its connection, so that nobody holds one without asking anything.
 */
final class MonitorServer implements AutoCloseable {
    private static final int LONGEST_TARGET = 8_192;
    private static final int BACKLOG = 256;

    private final HttpServer server;
    private final RequestThreads threads;
    private final ScheduledExecutorService alarms;
    private final Function<Request, Reply> endpoints;
    private final HostCheck hosts;
    private final @Nullable Streams streams;

    /**
     * Listens and answers.
     *
     * @param name begins the threads' names
     * @param address where it listens; port 0 for any that is free
     * @param hosts which names of the server a request may have
     * @param alarms tells when time is over
     * @param endpoints answers
     * @param streams takes those who want to be told; {@code null} if nobody may
     * @throws IOException if it can't listen there
     */
    MonitorServer(
            String name,
            InetSocketAddress address,
            HostCheck hosts,
            ScheduledExecutorService alarms,
            Function<Request, Reply> endpoints,
            @Nullable Streams streams)
            throws IOException {
        this.threads = new RequestThreads(name + "-http", alarms);
        this.alarms = alarms;
        this.hosts = hosts;
        this.endpoints = endpoints;
        this.streams = streams;
        this.server = started(name, address);
    }

    /** On a daemon thread that inherits nothing, since the server's own threads inherit from whoever starts it. */
    private HttpServer started(String name, InetSocketAddress address) throws IOException {
        CompletableFuture<HttpServer> made = new CompletableFuture<>();
        IsolatedThreads.thread(
                        () -> {
                            try {
                                HttpServer http = HttpServer.create(address, BACKLOG);
                                http.setExecutor(threads);
                                http.createContext("/", this::serve);
                                http.start();
                                made.complete(http);
                            } catch (IOException | RuntimeException | Error e) {
                                made.completeExceptionally(e);
                            }
                        },
                        name + "-http-start")
                .start();
        try {
            return made.join();
        } catch (CompletionException e) {
            threads.close();
            throw e.getCause() instanceof IOException cause ? cause : new IOException("no server starts", e.getCause());
        }
    }

    int port() {
        return server.getAddress().getPort();
    }

    private void serve(HttpExchange exchange) throws IOException {
        threads.headRead();
        RequestThreads.within(alarms, () -> answer(exchange));
    }

    private void answer(HttpExchange exchange) throws IOException {
        Request request = request(exchange);
        Reply refusal = refusal(exchange, request);
        if (refusal == null && streams != null && streams.wants(request)) {
            streams.open(exchange);
            return;
        }
        try {
            send(exchange, refusal != null ? refusal : endpoints.apply(request));
        } finally {
            if (hasBody(exchange)) {
                // Whoever closes an exchange waits for the rest of its body, unless it is interrupted.
                Thread.currentThread().interrupt();
            }
            exchange.close();
        }
    }

    private static boolean hasBody(HttpExchange exchange) {
        Headers headers = exchange.getRequestHeaders();
        String length = headers.getFirst("Content-Length");
        return headers.containsKey("Transfer-Encoding")
                || (length != null && !length.strip().equals("0"));
    }

    private @Nullable Reply refusal(HttpExchange exchange, Request request) {
        if (exchange.getRequestURI().toString().length() > LONGEST_TARGET) {
            return Reply.error(414, "the request's line is too long");
        }
        return hosts.refusal(exchange.getRequestHeaders().getFirst("Host"), request);
    }

    private static Request request(HttpExchange exchange) {
        InetAddress remote = exchange.getRemoteAddress().getAddress();
        String path = exchange.getRequestURI().getPath();
        return new Request(
                exchange.getRequestMethod(),
                path == null ? "" : path,
                Request.parameters(exchange.getRequestURI().getRawQuery()),
                exchange.getRequestHeaders().getFirst("Authorization"),
                remote == null ? "" : remote.getHostAddress());
    }

    private static void send(HttpExchange exchange, Reply reply) throws IOException {
        byte[] body = reply.body().getBytes(StandardCharsets.UTF_8);
        Headers headers = exchange.getResponseHeaders();
        headers.set("Content-Type", reply.contentType());
        common(headers);
        reply.headers().forEach(headers::set);
        if (exchange.getRequestMethod().equals("HEAD")) {
            headers.set("Content-Length", Integer.toString(body.length));
            exchange.sendResponseHeaders(reply.status(), -1);
            return;
        }
        exchange.sendResponseHeaders(reply.status(), body.length == 0 ? -1 : body.length);
        if (body.length > 0) {
            // Flushed, not closed: that would wait for the body of a request that has one.
            OutputStream out = exchange.getResponseBody();
            out.write(body);
            out.flush();
        }
    }

    static void common(Headers headers) {
        headers.set("Cache-Control", "no-store");
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("Connection", "close");
    }

    /** Cuts off what is under way, first of all: the JDK's server would wait for it. */
    @Override
    public void close() {
        threads.close();
        server.stop(0);
    }
}
