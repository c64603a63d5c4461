package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The ingress as it is deployed: a process of its own, with its settings in the environment, ended by a signal. */
class IngressProcessTest {
    private static final Pattern PORTS = Pattern.compile("ingress on port ([0-9]+), health on port ([0-9]+)");

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private static final class IngressProcess implements AutoCloseable {
        final Process process;
        final BufferedReader printed;
        int healthPort;

        IngressProcess(List<String> jvm, Map<String, String> settings) throws IOException {
            List<String> command = new ArrayList<>();
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            command.addAll(jvm);
            command.addAll(List.of("-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path")));
            command.add(Ingress.class.getName());
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            builder.environment().putAll(settings);
            builder.environment().put("PORT", "0");
            process = builder.start();
            printed = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        }

        String awaitLine(String part) throws IOException {
            StringBuilder all = new StringBuilder();
            String line = printed.readLine();
            while (line != null) {
                if (line.contains(part)) {
                    return line;
                }
                all.append(line).append('\n');
                line = printed.readLine();
            }
            throw new AssertionError("ended without \"" + part + "\": " + all);
        }

        /** Where it takes requests. */
        int awaitPort() throws IOException {
            Matcher line = PORTS.matcher(awaitLine("ingress on port "));
            assertTrue(line.matches());
            healthPort = Integer.parseInt(line.group(2));
            return Integer.parseInt(line.group(1));
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }

    private static HttpRequest.Builder to(int port, String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
    }

    private CompletableFuture<HttpResponse<String>> post(int port, HttpRequest.BodyPublisher body) {
        return http.sendAsync(
                to(port, "/request").POST(body).build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
    }

    private HttpResponse<String> get(int port, String path) throws IOException, InterruptedException {
        return http.send(to(port, path).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static Settings proxy(RedisServer redis, String terminals, String work) {
        return Settings.of(
                Map.of("REDIS_URL", redis.url(), "PORT", "0", "PROXY_TERMINALS", terminals, "PROXY_WORK", work));
    }

    private void awaitInFlight(int port, int count) throws IOException, InterruptedException {
        long bound = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!get(port, "/metrics").body().contains("\nstreams_in_flight " + count + "\n")) {
            assertTrue(System.nanoTime() < bound, "waited 20 s for " + count + " calls in flight");
        }
    }

    @Test
    void toldToEndItIsNotReadyFirstThenRefusesAndAnswersWhatItHasInHand() throws Exception {
        try (RedisServer redis = RedisServer.start();
                Proxy proxy = Proxy.start(proxy(redis, "10", "6000"));
                IngressProcess ingress = new IngressProcess(
                        List.of("-Xmx96m"),
                        Map.of("REDIS_URL", redis.url(), "REQUEST_DRAIN", "3000", "STREAMS_GRACE", "30"))) {
            assertTrue(proxy.healthPort() > 0);
            int port = ingress.awaitPort();
            List<CompletableFuture<HttpResponse<String>>> calls = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                calls.add(post(port, HttpRequest.BodyPublishers.ofString("x" + i)));
            }
            awaitInFlight(ingress.healthPort, 8);

            ingress.process.destroy();
            long bound = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (get(ingress.healthPort, "/ready").statusCode() != 503) {
                assertTrue(System.nanoTime() < bound, "waited 20 s for it to say that it is not ready");
            }
            CompletableFuture<HttpResponse<String>> late = post(port, HttpRequest.BodyPublishers.ofString("late"));
            awaitInFlight(ingress.healthPort, 9);

            HttpResponse<String> refused = get(port, "/request");
            while (refused.statusCode() == 405) {
                assertTrue(System.nanoTime() < bound, "waited 20 s for it to refuse");
                refused = get(port, "/request");
            }
            assertEquals(503, refused.statusCode());
            assertEquals("1", refused.headers().firstValue("Retry-After").orElse(""));
            assertEquals("OK", get(ingress.healthPort, "/health").body(), "alive until the last is answered");

            for (int i = 0; i < 8; i++) {
                HttpResponse<String> answer = calls.get(i).get(20, TimeUnit.SECONDS);
                assertEquals("200 done: x" + i, answer.statusCode() + " " + answer.body());
                assertEquals("close", answer.headers().firstValue("Connection").orElse(""));
            }
            assertEquals("done: late", late.get(20, TimeUnit.SECONDS).body());
            assertTrue(ingress.process.waitFor(10, TimeUnit.SECONDS), "ends when all are answered");
            assertEquals(128 + 15, ingress.process.exitValue());
        }
    }

    @Test
    void bodiesThatDoNotFitIntoItsHeapAreRefusedAndItLives() throws Exception {
        try (RedisServer redis = RedisServer.start();
                Proxy proxy = Proxy.start(proxy(redis, "2", "50"));
                IngressProcess ingress = new IngressProcess(
                        List.of("-Xmx160m", "-XX:+ExitOnOutOfMemoryError"), Map.of("REDIS_URL", redis.url()))) {
            assertTrue(proxy.healthPort() > 0);
            int port = ingress.awaitPort();
            byte[] large = new byte[12_000_000];
            List<CompletableFuture<HttpResponse<String>>> calls = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                calls.add(post(port, HttpRequest.BodyPublishers.ofByteArray(large)));
            }
            List<Integer> statuses = new ArrayList<>();
            for (CompletableFuture<HttpResponse<String>> call : calls) {
                statuses.add(call.get(60, TimeUnit.SECONDS).statusCode());
            }
            assertTrue(statuses.stream().allMatch(status -> status == 200 || status == 503), "" + statuses);
            assertTrue(statuses.contains(503), "" + statuses);
            assertTrue(ingress.process.isAlive());
            assertEquals(
                    "done: small",
                    post(port, HttpRequest.BodyPublishers.ofString("small"))
                            .get(20, TimeUnit.SECONDS)
                            .body());
            long bound = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (!get(ingress.healthPort, "/metrics").body().contains("\nstreams_body_bytes 0\n")) {
                assertTrue(System.nanoTime() < bound, "waited 20 s for everything to be given back");
            }
        }
    }

    @Test
    void aMisspeltVariableAndALimitThatADeadWorkerOutlivesAreNamedAtTheStart() throws Exception {
        try (IngressProcess ingress = new IngressProcess(
                List.of("-Xmx96m"),
                Map.of(
                        "REDIS_URL",
                        "redis://127.0.0.1:1",
                        "STREAMS_MAX_QUEUE_LENGHT",
                        "10",
                        "REQUEST_LIMIT",
                        "5000"))) {
            assertEquals(
                    "STREAMS_MAX_QUEUE_LENGHT is set, but nothing reads it; did you mean STREAMS_MAX_QUEUE_LENGTH?",
                    ingress.awaitLine("STREAMS_MAX_QUEUE_LENGHT"));
            assertTrue(ingress.awaitLine("REQUEST_LIMIT").contains("STREAMS_CLAIM_IDLE"));
            assertTrue(ingress.awaitPort() > 0);
        }
    }
}
