package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How soon and how exactly the monitor answers over HTTP, with a real server behind it that is far away, frozen or killed. */
final class MonitorFigures {
    private static final long DELAY_MILLIS = 20;
    private static final int LOOKS = 20;
    private static final int HANGERS_ON = 200;
    private static final Pattern LATENCY = Pattern.compile("\"latency\":([0-9.]+)");
    private static final String HEALTH = "/api/monitoring/health/redis";

    private final Report report;
    private final HttpClient http = HttpClient.newHttpClient();

    MonitorFigures(Report report) {
        this.report = report;
    }

    void run() throws Exception {
        latency();
        frozen();
        hangersOn();
        alert();
    }

    /** A monitor's answer, and how long it took. */
    private record Answer(int status, String body, double millis) {}

    /** One client with its monitor. */
    private static final class Monitored implements AutoCloseable {
        final CacheClient client;
        final int port;

        Monitored(String url) throws IOException {
            try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                port = free.getLocalPort();
            }
            client = MonitorBench.client(
                    "figures", "true", Map.of("REDIS_URL", url, "REDIS_MONITORING_PORT", String.valueOf(port)));
        }

        @Override
        public void close() {
            client.close();
        }
    }

    private Answer get(Monitored at, String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + at.port + path))
                .timeout(Duration.ofSeconds(30))
                .build();
        long begin = System.nanoTime();
        HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
        return new Answer(response.statusCode(), response.body(), (System.nanoTime() - begin) / 1e6);
    }

    /** How far what it says of a server's latency is from what a proxy adds to it. */
    private void latency() throws Exception {
        try (RedisServer redis = RedisServer.start();
                TcpProxy proxy = TcpProxy.to(redis.host(), redis.port());
                Monitored at = new Monitored("redis://127.0.0.1:" + proxy.port())) {
            double near = Report.median(latencies(at));
            proxy.delay(Duration.ofMillis(DELAY_MILLIS / 2));
            TimeUnit.SECONDS.sleep(2); // what was found before is shown for a second
            double[] far = latencies(at);
            double[] errors = new double[far.length];
            for (int i = 0; i < far.length; i++) {
                errors[i] = far[i] - near - DELAY_MILLIS;
            }
            report.add("monitor.latency.error", Report.median(errors), errors, "ms");
        }
    }

    private double[] latencies(Monitored at) throws Exception {
        double[] found = new double[LOOKS];
        for (int i = 0; i < found.length; i++) {
            Matcher latency = LATENCY.matcher(get(at, HEALTH).body());
            if (!latency.find()) {
                throw new IllegalStateException("no latency is said");
            }
            found[i] = Double.parseDouble(latency.group(1));
            TimeUnit.MILLISECONDS.sleep(1_100);
        }
        return found;
    }

    /** How long an answer takes while the server is frozen. */
    private void frozen() throws Exception {
        try (RedisServer redis = RedisServer.start();
                Monitored at = new Monitored(redis.url())) {
            get(at, HEALTH);
            redis.freeze();
            double[] millis = new double[LOOKS];
            boolean told = false;
            for (int i = 0; i < millis.length; i++) {
                Answer answer = get(at, HEALTH);
                millis[i] = answer.millis();
                told |= answer.status() == 503;
                TimeUnit.MILLISECONDS.sleep(300);
            }
            redis.thaw();
            if (!told) {
                throw new IllegalStateException("a frozen server was called healthy");
            }
            report.add("monitor.frozen.answer", Report.median(millis), millis, "ms");
        }
    }

    /** How long an answer takes beside connections that say half a request, and nothing. */
    private void hangersOn() throws Exception {
        List<Socket> sockets = new ArrayList<>();
        try (RedisServer redis = RedisServer.start();
                Monitored at = new Monitored(redis.url())) {
            for (int i = 0; i < 2 * HANGERS_ON; i++) {
                Socket socket = new Socket();
                sockets.add(socket);
                socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), at.port), 5_000);
                if (i % 2 == 0) {
                    socket.getOutputStream().write("GET /health HTTP/1.1\r\nHo".getBytes(StandardCharsets.US_ASCII));
                }
            }
            double[] millis = new double[LOOKS];
            for (int i = 0; i < millis.length; i++) {
                millis[i] = get(at, HEALTH).millis();
                TimeUnit.MILLISECONDS.sleep(100);
            }
            report.add("monitor.crowded.answer", Report.median(millis), millis, "ms");
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    /** How long after the endpoint of alerts a stream tells of one. */
    private void alert() throws Exception {
        double[] later = new double[2];
        for (int i = 0; i < later.length; i++) {
            later[i] = alertOnce();
        }
        report.add("monitor.alert.stream", Report.median(later), later, "ms");
    }

    private double alertOnce() throws Exception {
        AtomicLong streamed = new AtomicLong();
        try (RedisServer redis = RedisServer.start();
                Monitored at = new Monitored(redis.url());
                Socket stream = new Socket(InetAddress.getLoopbackAddress(), at.port)) {
            stream.getOutputStream()
                    .write("GET /api/monitoring/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            Thread reader = new Thread(() -> awaitAlert(stream, streamed));
            reader.setDaemon(true);
            reader.start();
            redis.kill();
            at.client.cache("leads", String.class, String.class).build().get("k");
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(40);
            long shown = 0;
            while ((shown == 0 || streamed.get() == 0) && System.nanoTime() - end < 0) {
                boolean active = get(at, "/api/monitoring/alerts").body().contains("redis-connection-lost");
                if (active && shown == 0) {
                    shown = System.nanoTime();
                }
                TimeUnit.MILLISECONDS.sleep(10);
            }
            if (shown == 0 || streamed.get() == 0) {
                throw new IllegalStateException("a killed server is no alert");
            }
            return (streamed.get() - shown) / 1e6;
        }
    }

    private static void awaitAlert(Socket stream, AtomicLong streamed) {
        try (BufferedReader in =
                new BufferedReader(new InputStreamReader(stream.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (line.equals("event: alert")) {
                    streamed.compareAndSet(0, System.nanoTime());
                }
            }
        } catch (IOException e) {
            // The stream is closed when the figure is there.
        }
    }
}
