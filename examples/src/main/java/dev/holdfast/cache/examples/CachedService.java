package dev.holdfast.cache.examples;

import com.sun.net.httpserver.HttpExchange;
import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.monitor.Monitor;
import dev.holdfast.cache.monitor.Reply;
import dev.holdfast.cache.monitor.Request;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * An HTTP service over a cache, as {@code deploy/k8s} and {@code deploy/compose} run it. {@code GET /endpoint/ACCOUNT} answers where the events of an
 * account go, which its origin takes a quarter of a second to say and the cache knows. {@code /health} and {@code /ready} are for probes, and {@code
 * /api/monitoring/health/redis} for the smoke test; all that the monitor has besides is on the monitor's port.
 *
 * <p>Told to end, it is not ready any more, but serves for {@code DRAIN} ms (0). Settings: {@code PORT} (8080; 0 for any that is free), {@code DRAIN},
 * and those of {@link CacheClient} and of its monitor.
 */
public final class CachedService implements AutoCloseable {
    private static final Duration ORIGIN = Duration.ofMillis(250);
    private static final String PATH = "/endpoint/";
    private static final String REDIS = "/api/monitoring/health/redis";
    private static final String MONITORED = "REDIS_MONITORING_ENABLED";

    private final CacheClient client;
    private final Monitor monitor;
    private final ServiceHttp http;
    private final Cache<String, String> endpoints;
    private final SlowOrigin origin = new SlowOrigin(ORIGIN, Integer.MAX_VALUE);
    private final Duration drain;
    private final AtomicBoolean closed = new AtomicBoolean();

    private CachedService(Map<String, String> variables) {
        Settings settings = Settings.of(variables);
        drain = Duration.ofMillis(settings.number("DRAIN", 0, 0, 3_600_000));
        Map<String, String> unmonitored = new HashMap<>(variables);
        // This one has its monitor in hand, since it answers on a port of its own too.
        unmonitored.put(MONITORED, "false");
        client = CacheClient.from(Settings.of(unmonitored));
        try {
            endpoints = client.cache("endpoints", String.class, String.class).build();
            monitor = Monitor.start(client, settings);
            http = new ServiceHttp(settings.integer("PORT", 8080, 0, 65_535))
                    .on("/health", exchange -> monitored(exchange))
                    .ready(client::isReady)
                    .on(REDIS, exchange -> monitored(exchange))
                    .under(PATH, this::endpoint)
                    .start();
        } catch (RuntimeException | Error e) {
            client.close();
            throw e;
        }
    }

    /** Runs until the process is told to end. */
    public static void main(String[] args) {
        CachedService service = start(System.getenv());
        Runtime.getRuntime().addShutdownHook(new Thread(service::close));
        System.out.println(service.where());
    }

    static CachedService start(Map<String, String> variables) {
        return new CachedService(variables);
    }

    int port() {
        return http.port();
    }

    /** What may be asked of it, for people. */
    private String where() {
        String monitored = monitor.port().isPresent()
                ? "; the monitor's page is http://localhost:" + monitor.port().getAsInt() + '/'
                : "; no page: REDIS_MONITORING_ENABLED is not true, or its port is taken";
        return "listening: http://localhost:" + port() + PATH + "a-1" + monitored;
    }

    private void monitored(HttpExchange exchange) throws IOException {
        Reply reply = monitor.handle(new Request(
                exchange.getRequestMethod(),
                exchange.getRequestURI().getPath(),
                Map.of(),
                null,
                exchange.getRemoteAddress().getAddress().getHostAddress()));
        exchange.getResponseHeaders().set("Content-Type", reply.contentType());
        http.send(exchange, reply.status(), reply.body());
    }

    private void endpoint(HttpExchange exchange) throws IOException {
        String account = exchange.getRequestURI().getPath().substring(PATH.length());
        if (!account.matches("[a-z0-9-]{1,64}")) {
            http.send(exchange, 400, "an account has 1 to 64 characters of a-z, 0-9 and '-'");
            return;
        }
        try {
            String endpoint = String.valueOf(endpoints.get(account, origin::endpointOf));
            exchange.getResponseHeaders()
                    .put("X-Served-By", List.of(endpoints.lookup(account).tier()));
            http.send(exchange, 200, endpoint);
        } catch (CacheLoadException e) {
            http.send(exchange, 502, "the origin failed");
        }
    }

    /** Ends as the class says. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        http.leave();
        Pause.until(System.nanoTime() + drain.toNanos());
        http.close();
        monitor.close();
        client.close();
    }
}
