package dev.holdfast.cache.monitor;

import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.HealthJson;
import dev.holdfast.cache.client.TierProbe;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What each path answers. Does no I/O, but for the test of a connection. For any number of threads. */
final class Endpoints {
    private static final Logger LOG = LoggerFactory.getLogger(Endpoints.class);
    private static final String ADMIN = "/api/admin/";
    private static final Duration TEST_TIMEOUT = Duration.ofSeconds(1);
    private static final int MOST_MINUTES = 60;

    private final CacheClient client;
    private final Figures figures;
    private final Access access;
    private final Map<String, Function<Request, Reply>> routes = new HashMap<>();

    Endpoints(CacheClient client, Figures figures, Alerts alerts, Access access) {
        this.client = client;
        this.figures = figures;
        this.access = access;
        routes.put("/health", request -> Reply.text(200, "OK"));
        routes.put("/ready", request -> client.isReady() ? Reply.text(200, "READY") : Reply.text(503, "NOT READY"));
        Page page = new Page();
        routes.put("/", request -> page.reply());
        routes.put("/api/health/cache", request -> Reply.json(200, HealthJson.write(client.health())));
        routes.put("/api/monitoring/health", request -> health(alerts));
        routes.put("/api/monitoring/health/redis", request -> redis());
        routes.put("/api/monitoring/metrics/performance", this::performance);
        routes.put(Streams.PATH, request -> Streams.ELSEWHERE);
        routes.put("/api/monitoring/alerts", request -> Reply.json(200, alerts.json()));
        routes.put("/api/admin/cache/stats", request -> Reply.json(200, Reports.stats(client.name(), figures.now())));
        routes.put("/api/admin/cache/cluster", request -> Reply.json(200, Reports.cluster(figures.now())));
    }

    /** Adds a path. */
    void add(String path, Function<Request, Reply> answer) {
        routes.put(path, answer);
    }

    Reply handle(Request request) {
        if (!request.method().equals("GET") && !request.method().equals("HEAD")) {
            return Reply.error(405, "only GET and HEAD", Map.of("Allow", "GET, HEAD"));
        }
        if (request.path().startsWith(ADMIN)) {
            Reply refusal = access.refusal(request);
            if (refusal != null) {
                return refusal;
            }
        }
        Function<Request, Reply> route = routes.get(request.path());
        if (route == null) {
            return Reply.error(404, "not found");
        }
        try {
            return route.apply(request);
        } catch (RuntimeException e) {
            return failed(request, e);
        }
    }

    private Reply failed(Request request, RuntimeException e) {
        if (!client.isAlive()) {
            return Reply.error(503, "the cache client is closed");
        }
        LOG.warn("{} could not be answered", request.path(), e);
        return Reply.error(500, "failed");
    }

    private Reply health(Alerts alerts) {
        Figures.Now now = figures.now();
        String body = Reports.health(now, alerts.active(Severity.CRITICAL), alerts.active(Severity.WARNING));
        return Reply.json(now.health().ready() ? 200 : 503, body);
    }

    private Reply redis() {
        Figures.Now now = figures.now();
        @Nullable TierHealth server = now.server();
        @Nullable TierProbe probe = server == null ? null : client.probe(server.name(), TEST_TIMEOUT);
        return Reports.redis(now, probe);
    }

    private Reply performance(Request request) {
        long window = TimeUnit.SECONDS.toNanos(request.number("window", 60, 60, 3_600));
        int caches = request.number("caches", Integer.MAX_VALUE, 0, Integer.MAX_VALUE);
        int minutes = request.number("history", 0, 0, MOST_MINUTES);
        return Reply.json(200, Reports.performance(figures.now(), window, minutes, caches));
    }
}
