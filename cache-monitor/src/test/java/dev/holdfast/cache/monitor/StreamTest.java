package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What a stream tells, and what its readers can't do to others. */
@Execution(ExecutionMode.CONCURRENT)
class StreamTest {
    private static final int STALLING = 8;

    /** A stream's lines, as {@code curl -N} shows them, without chunks' lengths. */
    private static final class Stream implements AutoCloseable {
        final Socket socket;
        private final BufferedReader lines;
        String lastId = "";

        Stream(int port, String... headers) throws IOException {
            socket = Http.open(port);
            socket.setSoTimeout(40_000);
            String more = headers.length == 0 ? "" : String.join("\r\n", headers) + "\r\n";
            String request = "GET /api/monitoring/stream HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            lines = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
        }

        String line() throws IOException {
            String line = lines.readLine();
            if (line == null) {
                throw new IOException("the stream has ended");
            }
            if (line.startsWith("id: ")) {
                lastId = line.substring(4);
            }
            return line;
        }

        /** Reads up to a line that begins so, and returns it. */
        String until(String begin) throws IOException {
            String line = line();
            while (!line.startsWith(begin)) {
                line = line();
            }
            return line;
        }

        /** The data of the next event of a name. */
        String event(String name) throws IOException {
            until("event: " + name);
            return until("data: ").substring(6);
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    @Test
    void figuresComeAtOnceAndEveryFiveSeconds() throws IOException {
        try (Monitored here = new Monitored();
                Stream stream = new Stream(here.port())) {
            assertEquals("HTTP/1.1 200 OK", stream.line());
            assertEquals("retry: 3000", stream.until("retry"));
            assertTrue(stream.event("health").startsWith("{\"status\":\"healthy\""));
            assertTrue(stream.event("metrics").startsWith("{\"timestamp\":"));
            long begin = System.nanoTime();
            stream.event("health");
            long millis = (System.nanoTime() - begin) / 1_000_000;
            assertTrue(millis > 2_000 && millis < 15_000, () -> "the next came after " + millis + " ms");
        }
    }

    @Test
    void anAlertIsToldAndWhoComesBackIsToldWhatHeMissed() throws IOException {
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            String before;
            try (Stream stream = new Stream(here.port())) {
                stream.event("metrics");
                before = stream.lastId;
                here.client.forceFailover("single");
                assertTrue(stream.event("alert").startsWith("{\"status\":\"firing\",\"id\":\"forced-failover\""));
            }
            here.client.forceFailback();
            Await.until(
                    Duration.ofSeconds(20),
                    () -> "an end of " + here.monitor.handle(alerts()).body(),
                    () -> here.monitor.handle(alerts()).body().contains("\"active\":[]"));
            try (Stream again = new Stream(here.port(), "Last-Event-ID: " + before)) {
                assertTrue(again.event("alert").contains("\"status\":\"firing\""));
                assertTrue(again.event("alert").contains("\"status\":\"resolved\""));
            }
            try (Stream other = new Stream(here.port(), "Last-Event-ID: other-99")) {
                assertTrue(
                        other.event("alert").contains("\"status\":\"firing\""), "of another process he knows nothing");
            }
        }
    }

    private static Request alerts() {
        return new Request("GET", "/api/monitoring/alerts", Map.of(), null, "test");
    }

    @Test
    void theThirtyThirdStreamIsRefusedAndPlacesAreGivenBack() throws IOException {
        try (Monitored here = new Monitored()) {
            List<Stream> streams = new ArrayList<>();
            for (int i = 0; i < 32; i++) {
                Stream stream = new Stream(here.port());
                streams.add(stream);
                stream.until("retry");
            }
            Http refused = here.get("/api/monitoring/stream");
            assertEquals(503, refused.status());
            assertEquals("10", refused.headers().get("retry-after"));
            for (Stream stream : streams) {
                stream.close();
            }
            Await.until(Duration.ofSeconds(30), () -> "a free place", () -> {
                try (Stream stream = new Stream(here.port())) {
                    return stream.line().contains("200");
                } catch (IOException e) {
                    return false;
                }
            });
        }
    }

    @Test
    void closingEndsStreamsWhoseReadersStall() throws IOException {
        Monitored here = new Monitored();
        List<Stream> streams = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            streams.add(new Stream(here.port()));
        }
        assertEquals("OK", here.get("/health").body());
        long begin = System.nanoTime();
        here.close();
        long millis = (System.nanoTime() - begin) / 1_000_000;
        assertTrue(millis < 2_000, () -> "took " + millis + " ms");
        for (Stream stream : streams) {
            stream.close();
        }
    }

    @Test
    void readersThatStallAreCutOffAndNobodyElseWaits() throws IOException {
        ScheduledExecutorService alarms = Executors.newScheduledThreadPool(1);
        EventLog log = new EventLog("m");
        Streams streams = new Streams(log);
        List<Socket> sockets = new ArrayList<>();
        try (MonitorServer server = server("stall", alarms, streams)) {
            for (int i = 0; i < STALLING; i++) {
                Socket socket = new Socket();
                socket.setReceiveBufferSize(4_096);
                socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()));
                // From the first alert on, whenever its thread begins to read.
                String request = "GET /api/monitoring/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: m-0\r\n\r\n";
                socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
                sockets.add(socket);
            }
            Await.until(
                    Duration.ofSeconds(20),
                    () -> STALLING + " streams, but " + streams.count(),
                    () -> streams.count() == STALLING);
            String large = "x".repeat(1 << 20);
            for (int i = 0; i < 10; i++) {
                log.alert(large);
            }
            Duration took = Await.until(Duration.ofSeconds(40), () -> "an end of " + streams.count(), () -> {
                assertEquals("OK", Http.get(server.port(), "/health").body());
                return streams.count() == 0;
            });
            System.out.println(STALLING + " readers that stall were cut off after " + took.toMillis() + " ms");
            assertTrue(took.toMillis() >= 9_000 && took.toMillis() < 20_000, () -> "cut off after " + took);
        } finally {
            streams.close();
            alarms.shutdownNow();
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    @Test
    void aReaderThatFallsBehindGetsTheNewestFiguresAndEachAlertOnce() throws InterruptedException {
        EventLog log = new EventLog("m");
        EventLog.Reader reader = log.reader(null);
        for (int i = 1; i <= 300; i++) {
            int number = i;
            log.snapshot(() -> "h" + number, () -> "m" + number);
            log.alert("a" + i);
        }
        String text = reader.next();
        assertEquals(1, text.split("event: health", -1).length - 1);
        assertTrue(text.contains("data: h300\n") && text.contains("data: m300\n"), text);
        assertEquals(256, text.split("event: alert", -1).length - 1);
        assertTrue(text.contains("id: m-45\nevent: alert\ndata: a45\n\n"), text);
        assertFalse(text.contains("data: a44\n"));
        log.alert("a301");
        assertEquals("id: m-301\nevent: alert\ndata: a301\n\n", reader.next());
        assertEquals(
                "id: m-301\nevent: alert\ndata: a301\n\n",
                log.reader("m-300").next().split("id: m-301\nevent: h", -1)[0]);
        log.close();
        assertNull(reader.next());
    }

    /** A reader slower than what is told: 20 KB of figures twenty times a second, of which he reads 40 KB. */
    @Test
    void aSlowReaderReadsWhatIsAndNotWhatWas() throws Exception {
        ScheduledExecutorService alarms = Executors.newScheduledThreadPool(1);
        EventLog log = new EventLog("m");
        AtomicInteger told = new AtomicInteger();
        String filling = "x".repeat(20 << 10);
        try (Streams streams = new Streams(log);
                MonitorServer server = server("slow", alarms, streams);
                Socket socket = new Socket()) {
            socket.setReceiveBufferSize(4_096);
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()));
            socket.getOutputStream()
                    .write("GET /api/monitoring/stream HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            Future<?> telling = alarms.scheduleAtFixedRate(
                    () -> {
                        String text = "number:" + told.incrementAndGet() + ' ' + filling;
                        log.snapshot(() -> "", () -> text);
                    },
                    0,
                    50,
                    TimeUnit.MILLISECONDS);
            StringBuilder read = new StringBuilder();
            byte[] part = new byte[2_048];
            for (int i = 0; i < 200; i++) {
                int count = socket.getInputStream().read(part);
                read.append(new String(part, 0, Math.max(0, count), StandardCharsets.US_ASCII));
                Thread.sleep(50);
            }
            int newest = told.get();
            telling.cancel(false);
            Matcher numbers = Pattern.compile("number:([0-9]+) ").matcher(read);
            int last = 0;
            while (numbers.find()) {
                last = Integer.parseInt(numbers.group(1));
            }
            int seen = last;
            assertTrue(seen > newest / 2, () -> "he reads number " + seen + " of " + newest);
            assertEquals(1, streams.count(), "who reads slowly is not cut off");
        } finally {
            alarms.shutdownNow();
        }
    }

    private static MonitorServer server(String name, ScheduledExecutorService alarms, Streams streams)
            throws IOException {
        return new MonitorServer(
                name,
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                HostCheck.none(),
                alarms,
                request -> Reply.text(200, "OK"),
                streams);
    }

    @Test
    void ofManyCachesAStreamTellsOfThoseThatAreReadMost() throws IOException {
        try (Monitored here = new Monitored()) {
            for (int i = 0; i < 150; i++) {
                for (int read = 0; read < (i < 50 ? 1 : 2); read++) {
                    here.client
                            .cache("cache-" + i, String.class, String.class)
                            .build()
                            .get("k");
                }
            }
            here.fresh("/health");
            try (Stream stream = new Stream(here.port())) {
                String metrics = stream.event("metrics");
                while (!metrics.contains("cache-149")) {
                    metrics = stream.event("metrics");
                }
                assertEquals(100, metrics.split("\"hits\"", -1).length - 2, metrics);
                assertTrue(metrics.contains("\"cachesLeftOut\":50,"), metrics);
                assertFalse(metrics.contains("\"cache-49\""), metrics);
            }
            String all = here.get("/api/monitoring/metrics/performance").body();
            assertTrue(all.contains("\"cache-49\"") && !all.contains("cachesLeftOut"), all);
            assertTrue(here.get("/api/monitoring/metrics/performance?caches=7")
                    .body()
                    .contains("\"cachesLeftOut\":143,"));
        }
    }

    @Test
    void nothingNewIsAKeepAliveAfterFifteenSeconds() throws InterruptedException {
        long begin = System.nanoTime();
        assertEquals(": keep-alive\n\n", new EventLog("m").reader(null).next());
        long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begin);
        assertTrue(seconds >= 14 && seconds < 30, () -> "after " + seconds + " s");
    }
}
