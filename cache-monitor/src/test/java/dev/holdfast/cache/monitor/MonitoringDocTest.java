package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Every curl of docs/monitoring.md, against a client in that state: the answer is that of the docs but for times and numbers. The page as it would be is
 * written to target/monitoring.md.
 */
class MonitoringDocTest {
    private static final Path DOC = Path.of("..", "docs", "monitoring.md");
    private static final String TOKEN = "0123456789abcdef";
    private static final Pattern CURL = Pattern.compile("\\$ curl .*http://127\\.0\\.0\\.1:8081(\\S+( \\| .*)?)");
    private static final String METRICS = "^holdfast_(tier_serving|servers_serving|failovers_total)";
    private static final int COLUMNS = 150;

    @Test
    void everyExampleIsWhatTheServerAnswers() throws IOException {
        Map<String, Map<String, String>> answers = new TreeMap<>();
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url(), "REDIS_MONITORING_TOKEN", TOKEN)) {
            here.client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            here.client.cache("leads", String.class, String.class).build().get("k");
            answers.put("Healthy", ask(here));
            redis.kill();
            // Somebody has to notice: an idle client would look after half a minute.
            here.client.cache("leads", String.class, String.class).build().get("k");
            Await.until(
                    Duration.ofSeconds(40),
                    () -> "an alert, but " + here.get("/api/monitoring/alerts").body() + here.client.healthJson(),
                    () -> here.get("/api/monitoring/alerts").body().contains("\"active\":[{")
                            && here.client.healthJson().contains("Connection refused"));
            answers.put("The server was killed", ask(here));
        }
        try (RedisServer redis = RedisServer.start();
                RedisServer other = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + other.port(), "t");
                Monitored here = new Monitored(
                        "REDIS_URL",
                        redis.url(),
                        "UPSTASH_REDIS_REST_URL",
                        gateway.url(),
                        "UPSTASH_REDIS_REST_TOKEN",
                        "t",
                        // However busy this machine is: a gateway that is slow once would leave the call to memory.
                        "REDIS_COMMAND_TIMEOUT",
                        "20000",
                        "REDIS_FAILOVER_TIMEOUT",
                        "40000",
                        "REDIS_PROBE_TIMEOUT",
                        "10000",
                        "REDIS_MONITORING_TOKEN",
                        TOKEN)) {
            here.client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            redis.kill();
            here.client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            Await.until(
                    Duration.ofSeconds(40),
                    () -> "the failover, but " + here.client.healthJson(),
                    () -> here.client.healthJson().contains("\"status\":\"degraded\"")
                            && here.client.healthJson().contains("is it running")
                            && here.get("/api/monitoring/alerts").body().contains("\"event\":\"failover\""));
            answers.put("A server is out, the next answers", ask(here));
        }
        try (Monitored here = new Monitored(
                "REDIS_URL", "redis://127.0.0.1:6379", "REDIS_ENABLED", "false", "REDIS_MONITORING_TOKEN", TOKEN)) {
            here.client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            here.client.cache("leads", String.class, String.class).build().get("k");
            answers.put("The kill switch is on", ask(here));
        }
        String doc = Files.readString(DOC);
        String fresh = rewritten(doc, answers);
        Files.writeString(Path.of("target", "monitoring.md"), fresh);
        assertEquals(masked(fresh), masked(doc));
        assertFalse(fresh.contains(TOKEN));
    }

    private static Map<String, String> ask(Monitored here) {
        Map<String, String> answers = new TreeMap<>();
        here.fresh("/health");
        for (String path : List.of(
                "/health",
                "/ready",
                "/api/monitoring/health",
                "/api/monitoring/health/redis",
                "/api/monitoring/metrics/performance",
                "/api/monitoring/alerts",
                "/api/health/cache",
                "/api/admin/cache/stats",
                "/api/admin/cache/cluster")) {
            answers.put(path, here.get(path, "Authorization: Bearer " + TOKEN).body());
        }
        answers.put(
                "/metrics | grep -E '" + METRICS + '\'',
                lines(here.get("/metrics").body()));
        answers.put("/api/monitoring/stream | head -n 6", stream(here));
        answers.put("/ | head -n 1", here.get("/").body().split("\n", 2)[0]);
        return answers;
    }

    private static String lines(String metrics) {
        return Arrays.stream(metrics.split("\n", -1))
                .filter(line -> Pattern.compile(METRICS).matcher(line).find())
                .collect(Collectors.joining("\n"));
    }

    /** How a stream begins once its figures are of this state and have seen reads: up to five seconds later. */
    private static String stream(Monitored here) {
        String status = here.get("/api/monitoring/health").body().split(",", 2)[0];
        String[] begin = {""};
        Await.until(Duration.ofSeconds(20), () -> status + " and a rate, but " + begin[0], () -> {
            begin[0] = begin(here.port());
            return begin[0].contains(status) && begin[0].matches("(?s).*\"hitRate\":[0-9].*");
        });
        return begin[0];
    }

    private static String begin(int port) {
        try (Socket socket = Http.open(port)) {
            socket.getOutputStream()
                    .write("GET /api/monitoring/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            BufferedReader lines =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            String line = lines.readLine();
            while (!line.isEmpty()) {
                line = lines.readLine();
            }
            StringBuilder begin = new StringBuilder();
            for (int i = 0; i < 5; i++) {
                begin.append(lines.readLine()).append('\n');
            }
            return begin.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The fourth state, exact as the others: of a server that never was there nothing is said that nobody knows. */
    @Test
    void aServerThatIsDownSinceTheStartIsToldOfLikeThis() throws IOException {
        try (Monitored here =
                new Monitored("REDIS_HOST", "127.0.0.1", "REDIS_PORT", "1", "REDIS_MONITORING_TOKEN", TOKEN)) {
            here.client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            Await.until(
                    Duration.ofSeconds(40),
                    () -> "an alert, but " + here.get("/api/monitoring/alerts").body() + here.client.healthJson(),
                    () -> here.get("/api/monitoring/alerts").body().contains("\"active\":[{")
                            && here.client.healthJson().contains("Connection refused"));
            StringBuilder all = new StringBuilder();
            ask(here)
                    .forEach((path, answer) ->
                            all.append(path).append('\n').append(masked(answer)).append('\n'));
            Files.writeString(Path.of("target", "down-since-the-start.txt"), all);
            assertEquals(
                    Files.readString(Path.of("src/test/resources/golden/down-since-the-start.txt")), all.toString());
        }
    }

    /** The page with each answer in the place of the one that stands there. */
    private static String rewritten(String doc, Map<String, Map<String, String>> answers) {
        List<String> lines = new ArrayList<>();
        String section = "";
        boolean skipping = false;
        for (String line : doc.split("\n", -1)) {
            if (line.startsWith("#")) {
                section = line.replaceAll("^#+ ", "");
            }
            Matcher curl = CURL.matcher(line);
            boolean isCurl = curl.matches() && answers.containsKey(section);
            skipping = skipping && !line.startsWith("```") && !isCurl;
            if (!skipping) {
                lines.add(line);
            }
            if (isCurl) {
                for (String each : answers.get(section).get(curl.group(1)).split("\n", -1)) {
                    lines.addAll(wrapped(each));
                }
                skipping = true;
            }
        }
        return String.join("\n", lines);
    }

    /** In lines that can be read, broken behind commas. */
    private static List<String> wrapped(String json) {
        List<String> lines = new ArrayList<>();
        String rest = json;
        while (rest.length() > COLUMNS) {
            int comma = rest.lastIndexOf(",\"", COLUMNS) + 1;
            int cut = comma > 0 ? comma : COLUMNS;
            lines.add(rest.substring(0, cut));
            rest = rest.substring(cut);
        }
        lines.add(rest);
        return lines;
    }

    /** Without times, numbers and line breaks. */
    private static String masked(String text) {
        return text.replaceAll("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "T")
                .replaceAll("id: [0-9a-z]+-[0-9]+", "id")
                .replaceAll("-?[0-9]+(\\.[0-9]+)?", "0")
                .replaceAll("\\s+", "");
    }
}
