package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.sun.net.httpserver.HttpServer;
import dev.holdfast.cache.Cache;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The metrics and the rules with the real programs: {@code mvn -Pprometheus}. */
@Tag("prometheus")
class PrometheusTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    Path dir;

    /** Runs a program with some input, and returns what it said if it failed; empty if all is well. */
    private static String failure(String input, String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return process.waitFor() == 0 ? "" : output;
    }

    @Test
    void theMetricsAreAsTheyShouldBe() throws Exception {
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            here.client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            here.client.forceFailover("single");
            assertEquals("", failure(here.get("/metrics").body(), "promtool", "check", "metrics"));
        }
    }

    @Test
    void theRulesFireWhenTheyShouldAndAreSilentWhenNot() throws Exception {
        assertEquals("", failure("", "promtool", "check", "rules", "" + Deployment.RULES));
        assertEquals("", failure("", "promtool", "test", "rules", "" + Deployment.RULE_TESTS));
    }

    @Test
    void everyExpressionOfTheDashboardIsOne() throws Exception {
        StringBuilder rules = new StringBuilder("groups: [{name: panels, rules: [");
        int number = 0;
        for (String expression : Deployment.panels()) {
            rules.append("{record: 'panel:p").append(number++).append("', expr: '");
            rules.append(Deployment.chosen(expression).replace("'", "''")).append("'},");
        }
        Path file = Files.writeString(dir.resolve("panels.yml"), rules + "]}]");
        assertEquals("", failure("", "promtool", "check", "rules", "" + file));
    }

    private static int freePort() throws IOException {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return free.getLocalPort();
        }
    }

    private Process started(String name, String... command) throws IOException {
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(dir.resolve(name + ".log").toFile())
                .start();
    }

    private Process prometheus(int port, int monitor, String more) throws IOException {
        Path config = Files.writeString(
                dir.resolve("prometheus.yml"), """
                global: {scrape_interval: 1s, evaluation_interval: 1s}
                rule_files: [%s]
                %s
                scrape_configs:
                  - job_name: holdfast
                    static_configs: [{targets: ['127.0.0.1:%d']}]
                """.formatted(Deployment.RULES.toRealPath(), more, monitor));
        return started(
                "prometheus",
                "prometheus",
                "--config.file=" + config,
                "--storage.tsdb.path=" + dir.resolve("data"),
                "--web.listen-address=127.0.0.1:" + port);
    }

    @Test
    void everyExpressionOfRulesAndDashboardFindsSomething() throws Exception {
        int port = freePort();
        try (RedisServer redis = RedisServer.builder().maxMemory(64 << 20).start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            Process prometheus = prometheus(port, here.port(), "");
            try {
                Cache<String, String> leads =
                        here.client.cache("leads", String.class, String.class).build();
                long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
                for (int i = 0; System.nanoTime() < end; i++) {
                    leads.get("k" + i % 1_000, key -> "v");
                    Thread.sleep(1);
                }
                redis.kill();
                Await.until(
                        PATIENCE,
                        () -> "an outage in Prometheus",
                        () -> query(port, "holdfast_servers_serving == 0") > 0);
                for (String expression : expressions()) {
                    Await.until(PATIENCE, () -> "a series of " + expression, () -> query(port, expression) > 0);
                }
                Await.until(
                        PATIENCE,
                        () -> "an alert",
                        () -> query(port, "ALERTS{alertname=\"HoldfastRedisConnectionLost\",alertstate=\"firing\"}")
                                > 0);
            } finally {
                prometheus.destroyForcibly().waitFor();
            }
        }
    }

    /** Of the rules what they measure, whatever the bound; of the dashboard all. */
    private static List<String> expressions() {
        List<String> expressions = new ArrayList<>();
        for (String expression : Deployment.rules()) {
            // Parts are compared with bounds, which are kept, but for what they leave out.
            expressions.add(expression.replaceAll("(?<!bool) ?(==|>=|<=|>|<)(?! bool) (-?[0-9.]+)", " == bool $2"));
        }
        Deployment.panels().forEach(panel -> expressions.add(Deployment.chosen(panel)));
        assertFalse(expressions.size() < 20, expressions::toString);
        return expressions;
    }

    @Test
    void aKilledServerReachesWhoeverIsOnCall() throws Exception {
        int port = freePort();
        int managerPort = freePort();
        List<String> received = new CopyOnWriteArrayList<>();
        HttpServer onCall = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
        onCall.createContext("/", exchange -> {
            try (exchange) {
                received.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
                exchange.sendResponseHeaders(200, -1);
            }
        });
        onCall.start();
        Path config = Files.writeString(dir.resolve("alertmanager.yml"), """
                route: {receiver: on-call, group_wait: 1s, group_interval: 1s, group_by: [alertname]}
                receivers:
                  - name: on-call
                    webhook_configs: [{url: 'http://127.0.0.1:%d/', send_resolved: true}]
                """.formatted(
                        onCall.getAddress().getPort()));
        Process manager = started(
                "alertmanager",
                "prometheus-alertmanager",
                "--config.file=" + config,
                "--storage.path=" + dir.resolve("manager"),
                "--web.listen-address=127.0.0.1:" + managerPort,
                "--cluster.listen-address=");
        String alerting =
                "alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:" + managerPort + "']}]}]}";
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            Process prometheus = prometheus(port, here.port(), alerting);
            try {
                here.client.cache("leads", String.class, String.class).build().get("k", key -> "v");
                Await.until(PATIENCE, () -> "a scrape", () -> query(port, "holdfast_servers_serving == 1") > 0);
                redis.kill();
                here.client.cache("leads", String.class, String.class).build().get("k");
                awaitReceived(received, "firing");
                redis.restart(RedisServer.Data.KEEP);
                awaitReceived(received, "resolved");
            } finally {
                prometheus.destroyForcibly().waitFor();
            }
        } finally {
            manager.destroyForcibly().waitFor();
            onCall.stop(0);
        }
    }

    private static void awaitReceived(List<String> received, String status) {
        Await.until(PATIENCE.multipliedBy(3), () -> status + " in " + received, () -> received.stream()
                .anyMatch(body -> body.contains("\"status\":\"" + status + '"')
                        && body.contains("\"alertname\":\"HoldfastRedisConnectionLost\"")));
    }

    /** How many series an expression has now. */
    private static int query(int port, String expression) {
        try {
            String address = "http://127.0.0.1:" + port + "/api/v1/query?query="
                    + URLEncoder.encode(expression, StandardCharsets.UTF_8);
            HttpURLConnection connection =
                    (HttpURLConnection) URI.create(address).toURL().openConnection();
            if (connection.getResponseCode() == 503) {
                return 0; // while it starts
            }
            if (connection.getResponseCode() != 200) {
                throw new AssertionError(expression + ": " + connection.getResponseCode());
            }
            try (InputStream in = connection.getInputStream()) {
                return new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\"metric\":", -1).length - 1;
            }
        } catch (IOException e) {
            return 0;
        }
    }
}
