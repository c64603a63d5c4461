package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

class StreamServicesTest {
    private static final Path DIRECTORY = Path.of("..", "deploy", "load-test");

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private static Settings settings(RedisServer redis, String... more) {
        Map<String, String> values = new HashMap<>(Map.of("REDIS_URL", redis.url(), "PORT", "0", "STREAMS_GRACE", "5"));
        for (int i = 0; i < more.length; i += 2) {
            values.put(more[i], more[i + 1]);
        }
        return Settings.of(values);
    }

    private static HttpRequest.Builder to(int port, String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private HttpResponse<String> post(int port, String id, String body) throws IOException, InterruptedException {
        return send(to(port, "/request").header("Idempotency-Key", id).POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    private double metric(int port, String name) throws IOException, InterruptedException {
        Matcher line = Pattern.compile("(?m)^" + name + " ([0-9.]+)$")
                .matcher(send(to(port, "/metrics")).body());
        assertTrue(line.find(), name);
        return Double.parseDouble(line.group(1));
    }

    /** A figure may come a moment after the answer that it counts. */
    private void awaitMetric(int port, String name, double least) throws IOException, InterruptedException {
        long bound = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (metric(port, name) < least) {
            assertTrue(System.nanoTime() < bound, "waited 20 s for " + name);
        }
    }

    @Test
    void aRequestGoesThroughBothServicesAndTheirMetricsAreThoseOfRedis() throws Exception {
        try (RedisServer redis = RedisServer.start();
                Proxy proxy = Proxy.start(settings(redis, "PROXY_TERMINALS", "2", "PROXY_WORK", "400"));
                Ingress ingress = Ingress.start(settings(redis))) {
            HttpResponse<String> answer = post(ingress.port(), "a", "hello");
            assertEquals(200, answer.statusCode());
            assertEquals("done: hello", answer.body());
            assertEquals("a", answer.headers().firstValue("Idempotency-Key").orElse(""));
            assertEquals("done: hello", post(ingress.port(), "a", "other").body(), "the same id, the same answer");
            assertEquals(400, post(ingress.port(), "x".repeat(201), "x").statusCode());
            assertEquals(405, send(to(ingress.port(), "/request")).statusCode());
            assertEquals(404, send(to(ingress.port(), "/requests")).statusCode());
            for (int port : List.of(proxy.healthPort(), ingress.healthPort())) {
                assertEquals("OK", send(to(port, "/health")).body());
                assertEquals("READY", send(to(port, "/ready")).body());
                assertEquals(404, send(to(port, "/health/more")).statusCode());
            }

            List<CompletableFuture<HttpResponse<String>>> calls = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                HttpRequest request = to(ingress.port(), "/request")
                        .POST(HttpRequest.BodyPublishers.ofString("x" + i))
                        .build();
                calls.add(http.sendAsync(request, HttpResponse.BodyHandlers.ofString()));
            }
            awaitMetric(ingress.healthPort(), "streams_queue_length", 3);
            awaitMetric(proxy.healthPort(), "streams_terminals_busy", 2);
            Object groups = redis.command("XINFO", "GROUPS", "{rr}:requests");
            assertTrue(String.valueOf(groups).contains("pending, 2"), "both terminals: " + groups);
            for (CompletableFuture<HttpResponse<String>> call : calls) {
                assertEquals(200, call.get(20, TimeUnit.SECONDS).statusCode());
            }
            awaitMetric(proxy.healthPort(), "streams_answered_total", 7);
            assertEquals(7, metric(proxy.healthPort(), "streams_answered_total"));
            assertEquals(1, metric(proxy.healthPort(), "streams_replayed_total"));
            assertEquals(7, metric(ingress.healthPort(), "streams_calls_answered_total"));
        }
    }

    @Test
    void busyTerminalsLagAndPendingAreThoseOfXinfo() throws Exception {
        try (RedisServer redis = RedisServer.start();
                Proxy proxy = Proxy.start(
                        settings(redis, "PROXY_TERMINALS", "2", "PROXY_WORK", "600000", "STREAMS_GRACE", "1"));
                Ingress ingress = Ingress.start(settings(redis, "STREAMS_GRACE", "1"))) {
            for (int i = 0; i < 5; i++) {
                HttpRequest request = to(ingress.port(), "/request")
                        .POST(HttpRequest.BodyPublishers.ofString("x" + i))
                        .build();
                var unused = http.sendAsync(request, HttpResponse.BodyHandlers.ofString());
            }
            awaitMetric(ingress.healthPort(), "streams_queue_length", 5);
            awaitMetric(proxy.healthPort(), "streams_terminals_busy", 2);
            String groups = String.valueOf(redis.command("XINFO", "GROUPS", "{rr}:requests"));
            assertTrue(groups.contains("consumers, 1, pending, 2, ") && groups.contains("lag, 3]"), groups);
            for (int port : List.of(proxy.healthPort(), ingress.healthPort())) {
                assertEquals(3, metric(port, "streams_lag"));
                assertEquals(2, metric(port, "streams_pending"));
                assertEquals(1, metric(port, "streams_consumers"));
            }
            assertEquals(2, metric(proxy.healthPort(), "streams_terminals_busy"));
        }
    }

    @Test
    void tooMuchIsRefusedAtOnceWithATimeToComeBack() throws Exception {
        try (RedisServer redis = RedisServer.start();
                Ingress ingress =
                        Ingress.start(settings(redis, "STREAMS_MAX_QUEUE_LENGTH", "1", "REQUEST_LIMIT", "700"))) {
            HttpRequest first = to(ingress.port(), "/request")
                    .POST(HttpRequest.BodyPublishers.ofString("x"))
                    .build();
            CompletableFuture<HttpResponse<String>> waiting =
                    http.sendAsync(first, HttpResponse.BodyHandlers.ofString());
            long bound = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            awaitMetric(ingress.healthPort(), "streams_queue_length", 1);
            HttpResponse<String> refused = post(ingress.port(), "b", "x");
            assertEquals(503, refused.statusCode());
            assertEquals("1", refused.headers().firstValue("Retry-After").orElse(""));
            assertEquals(504, waiting.get(20, TimeUnit.SECONDS).statusCode());
            redis.kill();
            while (send(to(ingress.healthPort(), "/ready")).statusCode() == 200) {
                assertTrue(System.nanoTime() < bound, "waited 20 s for it to know");
            }
            assertEquals(503, post(ingress.port(), "c", "x").statusCode());
            HttpResponse<String> health = send(to(ingress.healthPort(), "/health"));
            assertEquals(200, health.statusCode(), "alive without Redis");
            assertTrue(health.body().startsWith("OK, but not well: "), health.body());
        }
    }

    @Test
    void aBodyThatIsTooLargeIsRefusedWhetherItsLengthIsSaidOrNot() throws Exception {
        try (RedisServer redis = RedisServer.start();
                Proxy proxy = Proxy.start(settings(redis, "PROXY_WORK", "5"));
                Ingress ingress = Ingress.start(settings(redis, "STREAMS_MAX_PAYLOAD_BYTES", "100000"))) {
            assertTrue(proxy.healthPort() > 0);
            for (int length : List.of(99_994, 100_001)) {
                byte[] body = new byte[length];
                HttpRequest.BodyPublisher known = HttpRequest.BodyPublishers.ofByteArray(body);
                HttpRequest.BodyPublisher chunked =
                        HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body));
                for (HttpRequest.BodyPublisher publisher : List.of(known, chunked)) {
                    HttpResponse<String> answer =
                            send(to(ingress.port(), "/request").POST(publisher));
                    assertEquals(length > 100_000 ? 413 : 200, answer.statusCode());
                    assertTrue(
                            length > 100_000
                                    ? answer.body().equals("at most 100000 bytes")
                                    : answer.body().length() == length + 6,
                            answer.body());
                }
            }
            assertEquals("done: ", post(ingress.port(), "empty", "").body());
            awaitNothingHeld(ingress.healthPort());
        }
    }

    private void awaitNothingHeld(int port) throws IOException, InterruptedException {
        long bound = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (metric(port, "streams_body_bytes") > 0) {
            assertTrue(System.nanoTime() < bound, "waited 20 s for everything to be given back");
        }
    }

    @Test
    void healthAnswersWhileSlowBodiesHoldEveryThreadOfTheRequests() throws Exception {
        List<Socket> slow = new ArrayList<>();
        try (RedisServer redis = RedisServer.start();
                Ingress ingress = Ingress.start(settings(redis, "STREAMS_GRACE", "1"))) {
            byte[] begun = "POST /request HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx"
                    .getBytes(StandardCharsets.US_ASCII);
            for (int i = 0; i < 2_100; i++) {
                Socket socket = new Socket(InetAddress.getLoopbackAddress(), ingress.port());
                slow.add(socket);
                socket.getOutputStream().write(begun);
            }
            for (int i = 0; i < 10; i++) {
                assertEquals("OK", send(to(ingress.healthPort(), "/health")).body());
                assertEquals("READY", send(to(ingress.healthPort(), "/ready")).body());
                assertEquals(1, metric(ingress.healthPort(), "streams_up"));
            }
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
    }

    /** The answer to a request of this end, until its connection is closed. */
    private static String raw(int port, String end) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream()
                    .write(("POST /request HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + end)
                            .getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void aBodyThatIsNoneIsAnsweredAsSuch() throws Exception {
        try (RedisServer redis = RedisServer.start();
                Ingress ingress = Ingress.start(settings(redis))) {
            for (String body : List.of("ZZ\r\nx\r\n0\r\n\r\n", "1\r\nxyz\r\n0\r\n\r\n", "-1\r\nx\r\n")) {
                String answer = raw(ingress.port(), "Transfer-Encoding: chunked\r\n\r\n" + body);
                assertTrue(answer.startsWith("HTTP/1.1 400 "), body + " was answered with " + answer);
            }
        }
    }

    @Test
    void theLoadTestPrintsItsLineAndFailsIfARequestDoes() throws Exception {
        try (RedisServer redis = RedisServer.start();
                Proxy proxy = Proxy.start(settings(redis, "PROXY_WORK", "5"));
                Ingress ingress = Ingress.start(settings(redis))) {
            String url = "http://127.0.0.1:" + ingress.port() + "/request";
            assertTrue(proxy.healthPort() > 0);
            assertEquals(
                    "0 mode=sequential count=10 failures=0",
                    run(List.of("sh", DIRECTORY.resolve("load-test-unified.sh").toString(), "-Url", url))
                            .replaceFirst(" rate=[0-9.]+/s p50=[0-9.]+ms p95=[0-9.]+ms p99=[0-9.]+ms", ""));
            compile();
            String concurrent = loadTest("-Mode", "concurrent", "-Url", url, "-Count", "40", "-Timeout", "20");
            assertTrue(concurrent.startsWith("0 mode=concurrent count=40 failures=0 rate="), concurrent);
            String failed = loadTest("-Url", url + "s", "-Count", "2");
            assertTrue(failed.startsWith("1 failed: status 404, 2 times\nmode=sequential count=2 failures=2"), failed);
            String wrong = loadTest("-Mode", "parallel");
            assertTrue(wrong.startsWith("2 -Mode must be sequential or concurrent: parallel"), wrong);
            for (String bad :
                    List.of("127.0.0.1:8080/request", "localhost:8080/request", "ftp://a/b", "http://", "a b")) {
                String refused = loadTest("-Url", bad);
                assertTrue(refused.startsWith("2 -Url must be http://host:port/path: " + bad + "\nusage: "), refused);
            }
        }
    }

    @Test
    void theLoadTestKnowsAnothersAnswerByItsFirstWords() throws Exception {
        // Request 10's answer holds request 1's.
        try (ServiceHttp wrong = new ServiceHttp(0)) {
            wrong.work(0, "/request", exchange -> {
                        exchange.getRequestBody().readAllBytes();
                        wrong.send(exchange, 200, "done: request 10");
                    })
                    .start();
            compile();
            String failed = loadTest("-Url", "http://127.0.0.1:" + wrong.port() + "/request", "-Count", "2");
            assertTrue(failed.startsWith("1 failed: another request's answer, 2 times"), failed);
        }
    }

    @Test
    void theLoadTestCountsAnAnswerThatStopsInTheMiddleAsAFailureAtItsTimeout() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        try (ServiceHttp stalling = new ServiceHttp(0)) {
            stalling.work(0, "/request", exchange -> {
                        exchange.sendResponseHeaders(200, 15);
                        exchange.getResponseBody().write("done: ".getBytes(StandardCharsets.US_ASCII));
                        exchange.getResponseBody().flush();
                        ended.await();
                    })
                    .start();
            compile();
            for (String mode : List.of("sequential", "concurrent")) {
                CompletableFuture<String> failed = CompletableFuture.supplyAsync(() -> {
                    try {
                        return loadTest(
                                "-Mode",
                                mode,
                                "-Url",
                                "http://127.0.0.1:" + stalling.port() + "/request",
                                "-Count",
                                "2",
                                "-Timeout",
                                "1");
                    } catch (IOException | InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                });
                assertTrue(
                        failed.get(40, TimeUnit.SECONDS)
                                .startsWith(
                                        "1 failed: TimeoutException, 2 times\nmode=" + mode + " count=2 failures=2"),
                        failed.join());
            }
        } finally {
            ended.countDown();
        }
    }

    @Test
    void aLimitThatNoCallMayHaveEndsTheStart() {
        Map<String, String> settings = Map.of("REDIS_URL", "redis://127.0.0.1:1", "PORT", "0", "REQUEST_LIMIT", "2d");
        assertEquals(
                "REQUEST_LIMIT is \"2d\", but must be a day at most",
                assertThrows(CacheConfigException.class, () -> {
                            try (Ingress started = Ingress.start(Settings.of(settings))) {
                                assertTrue(started.port() > 0);
                            }
                        })
                        .getMessage());
    }

    /** As the script runs it, but compiled once. */
    private static String loadTest(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                Path.of("target", "load-test").toString(),
                "LoadTestUnified"));
        command.addAll(List.of(arguments));
        return run(command);
    }

    private static void compile() {
        Path classes = Path.of("target", "load-test");
        String source = DIRECTORY.resolve("LoadTestUnified.java").toString();
        int failed = ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "--release", "17", "-d", classes.toString(), source);
        assertEquals(0, failed);
    }

    /** Its exit code and what it printed. */
    private static String run(List<String> command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return process.waitFor() + " " + printed.strip();
    }
}
