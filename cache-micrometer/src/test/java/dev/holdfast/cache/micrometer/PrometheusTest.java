package dev.holdfast.cache.micrometer;

import static dev.holdfast.cache.micrometer.Meters.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The meters in the real programs: {@code mvn -Pprometheus}. */
@Tag("prometheus")
class PrometheusTest {
    private static final CachePolicy POLICY =
            CachePolicy.of(Duration.ofMinutes(5)).withStaleFor(Duration.ofHours(1));
    private static final Pattern VALUE = Pattern.compile("\"value\":\\[[^,]*,\"([^\"]*)\"]");

    @TempDir
    Path dir;

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final RedisServer redis = RedisServer.start();
    private final CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())));

    @BeforeEach
    void bind() {
        CacheClientMetrics.of(client).withTags(Tags.of("region", "north")).bindTo(registry);
    }

    @AfterEach
    void close() {
        client.close();
        redis.close();
        registry.close();
    }

    private void scenario() {
        Cache<String, String> cache = client.cache("scripted", String.class, String.class, POLICY);
        for (int i = 0; i < 15; i++) {
            assertNull(cache.get("absent" + i));
        }
        cache.put("k", "v");
        for (int i = 0; i < 100; i++) {
            assertEquals("v", cache.get("k"));
        }
        // A stale answer is a miss, too: 20 of them with the 15 above.
        for (int i = 0; i < 5; i++) {
            String key = "stale" + i;
            cache.put(key, "old");
            cache.markStale(key);
            assertEquals("old", cache.get(key, unused -> {
                throw new IllegalStateException("the origin's trouble");
            }));
        }
        redis.kill();
        cache.put("k", "in memory");
        await("memory to serve", () -> client.health().tiers().get(1).serving());
        redis.restart(RedisServer.Data.KEEP);
        await("the way back", () -> client.health().tiers().get(0).serving());
    }

    private static String failure(String input, String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return process.waitFor() == 0 ? output : "failed: " + output;
    }

    @Test
    void promtoolHasNoComplaint() throws Exception {
        scenario();
        String text = registry.scrape();
        assertEquals("", failure(text, "promtool", "check", "metrics"), text);
    }

    @Test
    void aScriptedScenarioGivesJustItsNumbersInPrometheus() throws Exception {
        try (ServerSocket endpoint = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread answering = new Thread(() -> answer(endpoint));
            answering.start();
            try {
                scrapedBy(endpoint.getLocalPort());
            } finally {
                endpoint.close();
                answering.join();
            }
        }
    }

    /** Answers every request with the meters, until the endpoint is closed. */
    private void answer(ServerSocket endpoint) {
        while (true) {
            try (Socket request = endpoint.accept();
                    BufferedReader head = new BufferedReader(
                            new InputStreamReader(request.getInputStream(), StandardCharsets.US_ASCII))) {
                String line = head.readLine();
                while (line != null && !line.isEmpty()) {
                    line = head.readLine();
                }
                String answer = "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\r\n"
                        + registry.scrape();
                request.getOutputStream().write(answer.getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                if (endpoint.isClosed()) {
                    return;
                }
            }
        }
    }

    private void scrapedBy(int target) throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        Path config = Files.writeString(dir.resolve("prometheus.yml"), """
                global: {scrape_interval: 1s}
                scrape_configs:
                  - job_name: holdfast
                    static_configs: [{targets: ['127.0.0.1:%d']}]
                """.formatted(target));
        Process prometheus = new ProcessBuilder(
                        "prometheus",
                        "--config.file=" + config,
                        "--storage.tsdb.path=" + dir.resolve("data"),
                        "--web.listen-address=127.0.0.1:" + port)
                .redirectErrorStream(true)
                .redirectOutput(dir.resolve("log").toFile())
                .start();
        try {
            await("a scrape before anything happened", () -> query(port, "holdfast_client_status{status=\"healthy\"}")
                    .equals("1"));
            await("the possible failovers at 0", () -> query(port, "sum(holdfast_failovers_total)")
                    .equals("0"));
            scenario();
            Map<String, String> expected = Map.ofEntries(
                    Map.entry("cache_gets_total{cache=\"scripted\",result=\"hit\"}", "100"),
                    Map.entry("cache_gets_total{cache=\"scripted\",result=\"miss\"}", "20"),
                    Map.entry("cache_puts_total{cache=\"scripted\"}", "7"),
                    Map.entry("holdfast_cache_stale_hits_total{cache=\"scripted\"}", "5"),
                    Map.entry("holdfast_cache_loads_seconds_count{cache=\"scripted\",result=\"failure\"}", "5"),
                    Map.entry("holdfast_cache_loads_seconds_count{cache=\"scripted\",result=\"success\"}", "0"),
                    Map.entry("sum(holdfast_failovers_total)", "1"),
                    Map.entry("sum(holdfast_failovers_total{from=\"single\",to=\"memory\"})", "1"),
                    Map.entry("holdfast_client_status{status=\"healthy\"}", "1"),
                    Map.entry("holdfast_client_status{status=\"critical\"}", "0"),
                    Map.entry("holdfast_tier_state{tier=\"single\",state=\"closed\"}", "1"),
                    Map.entry("holdfast_tier_serving{tier=\"single\"}", "1"),
                    Map.entry("holdfast_tier_dirty_keys{tier=\"single\"}", "0"),
                    Map.entry(
                            "sum(db_client_operation_duration_seconds_count{db_operation_name=\"GET\",error_type=\"none\"}) > bool 119",
                            "1"));
            expected.forEach((expression, value) -> await(
                    expression + " to be " + value + ", is " + query(port, expression),
                    () -> query(port, expression).equals(value)));
        } finally {
            prometheus.destroyForcibly().waitFor();
        }
    }

    /** The only value that an expression has now; how many there are if that is not one. */
    private static String query(int port, String expression) {
        try {
            String address = "http://127.0.0.1:" + port + "/api/v1/query?query="
                    + URLEncoder.encode(expression, StandardCharsets.UTF_8);
            HttpURLConnection connection =
                    (HttpURLConnection) URI.create(address).toURL().openConnection();
            if (connection.getResponseCode() != 200) {
                return connection.getResponseCode() + " for " + expression;
            }
            try (InputStream in = connection.getInputStream()) {
                Matcher values = VALUE.matcher(new String(in.readAllBytes(), StandardCharsets.UTF_8));
                String first = values.find() ? values.group(1) : "nothing";
                return values.find() ? "several" : first;
            }
        } catch (IOException e) {
            return e.toString();
        }
    }
}
