package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The metrics and the rules with the real programs: {@code mvn -Pprometheus}. */
@Tag("prometheus")
class PrometheusTest {
    private static final Path DEPLOY = Path.of("..", "deploy");
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
        String tests = DEPLOY.resolve("prometheus/holdfast-alerts-test.yml").toString();
        assertEquals("", failure("", "promtool", "test", "rules", tests));
    }

    @Test
    void everyExpressionOfRulesAndDashboardFindsSomething() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            Path config = Files.writeString(dir.resolve("prometheus.yml"), """
                    global: {scrape_interval: 1s, evaluation_interval: 1s}
                    rule_files: [%s]
                    scrape_configs:
                      - job_name: holdfast
                        static_configs: [{targets: ['127.0.0.1:%d']}]
                    """.formatted(
                            DEPLOY.resolve("prometheus/holdfast-alerts.yml").toRealPath(), here.port()));
            Process prometheus = new ProcessBuilder(
                            "prometheus",
                            "--config.file=" + config,
                            "--storage.tsdb.path=" + dir.resolve("data"),
                            "--web.listen-address=127.0.0.1:" + port)
                    .redirectErrorStream(true)
                    .redirectOutput(dir.resolve("log").toFile())
                    .start();
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

    /** Of the rules what they measure, without the bound; of the dashboard all. */
    private static List<String> expressions() throws IOException {
        List<String> expressions = new ArrayList<>();
        Matcher records = Pattern.compile("- record: (\\S+)")
                .matcher(Files.readString(DEPLOY.resolve("prometheus/holdfast-alerts.yml")));
        while (records.find()) {
            expressions.add(records.group(1));
        }
        Matcher panels = Pattern.compile("\"expr\": \"((?:[^\"\\\\]|\\\\.)*)\"")
                .matcher(Files.readString(DEPLOY.resolve("grafana/holdfast-cache.json")));
        while (panels.find()) {
            expressions.add(panels.group(1)
                    .replace("\\\"", "\"")
                    .replace("$client", ".*")
                    .replace("$cache", ".*")
                    .replace("$__rate_interval", "10s"));
        }
        assertFalse(expressions.size() < 10, expressions::toString);
        return expressions;
    }

    /** How many series an expression has now. */
    private static int query(int port, String expression) {
        try {
            String address = "http://127.0.0.1:" + port + "/api/v1/query?query="
                    + URLEncoder.encode(expression, StandardCharsets.UTF_8);
            HttpURLConnection connection =
                    (HttpURLConnection) URI.create(address).toURL().openConnection();
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
