package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the server does with peers that do what they shouldn't, and with a port that it can't have. */
class MonitorServerTest {
    private static final String TOKEN = "0123456789abcdef";

    @Test
    void onlyGetAndHeadAreAnswered() {
        try (Monitored here = new Monitored()) {
            Http post = Http.send(here.port(), "POST", "/api/monitoring/health", "Content-Length: 5");
            assertEquals(405, post.status());
            assertEquals("GET, HEAD", post.headers().get("allow"));
        }
    }

    @Test
    void aBodyThatNeverComesIsNotWaitedFor() {
        try (Monitored here = new Monitored()) {
            long begin = System.nanoTime();
            Http answer =
                    Http.raw(here.port(), "GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n");
            assertEquals("OK", answer.body());
            long millis = (System.nanoTime() - begin) / 1_000_000;
            assertTrue(millis < 5_000, () -> "took " + millis + " ms");
        }
    }

    @Test
    void aHostThatIsNotThisMachineIsRefused() {
        try (Monitored here = new Monitored()) {
            assertEquals(
                    421,
                    here.get("/api/monitoring/health", "Host: evil.example").status());
            assertEquals(
                    421,
                    here.get("/api/monitoring/health", "Host: evil.example:8081")
                            .status());
            for (String host : List.of("localhost", "127.0.0.1:1", "[::1]:8081", "LOCALHOST:8081")) {
                assertEquals(200, here.get("/health", "Host: " + host).status(), host);
            }
        }
    }

    @Test
    void aLineThatIsTooLongIsRefusedAndTheConnectionClosed() {
        try (Monitored here = new Monitored()) {
            Http answer = here.get("/health?" + "x".repeat(9_000));
            assertEquals(414, answer.status());
            assertEquals("close", answer.headers().get("connection"));
            try {
                String huge = "GET /" + "x".repeat(1 << 20) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
                int status = Http.raw(here.port(), huge).status();
                assertTrue(List.of(400, 413, 414, 431).contains(status), () -> "answered " + status);
            } catch (AssertionError e) {
                // The JDK's server does not read on, so that its answer may be lost in the reset.
                assertEquals(SocketException.class, e.getCause().getClass());
            }
            assertEquals("OK", here.get("/health").body());
        }
    }

    @Test
    void manyHalfSentRequestsKeepNobodyFromAnAnswer() throws IOException {
        List<Socket> sockets = new ArrayList<>();
        try (Monitored here = new Monitored()) {
            for (int i = 0; i < 400; i++) {
                Socket socket = Http.open(here.port());
                sockets.add(socket);
                if (i < 200) {
                    socket.getOutputStream().write("GET /health HT".getBytes(StandardCharsets.US_ASCII));
                }
            }
            for (int i = 0; i < 10; i++) {
                long begin = System.nanoTime();
                assertEquals("OK", here.get("/health").body());
                long millis = (System.nanoTime() - begin) / 1_000_000;
                assertTrue(millis < 5_000, () -> "took " + millis + " ms");
            }
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    @Test
    void aPortThatIsTakenHarmsOnlyAStrictStart() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(taken.getLocalPort());
            try (Monitored here = new Monitored("REDIS_MONITORING_PORT", port)) {
                assertTrue(here.monitor.port().isEmpty());
                assertTrue(here.client.isReady());
            }
            CacheConfigException refused = assertThrows(
                    CacheConfigException.class,
                    () -> new Monitored("REDIS_MONITORING_PORT", port, "CACHE_STRICT_START", "true"));
            assertTrue(refused.getMessage().startsWith("REDIS_MONITORING_PORT is " + port), refused::getMessage);
        }
    }

    @Test
    void othersAreLetInOnlyWithAToken() {
        CacheConfigException refused =
                assertThrows(CacheConfigException.class, () -> new Monitored("REDIS_MONITORING_HOST", "0.0.0.0"));
        assertTrue(refused.getMessage().contains("REDIS_MONITORING_HOST"), refused::getMessage);
        assertTrue(refused.getMessage().contains("REDIS_MONITORING_TOKEN"), refused::getMessage);
        CacheConfigException tooShort =
                assertThrows(CacheConfigException.class, () -> new Monitored("REDIS_MONITORING_TOKEN", "s3cret"));
        assertFalse(tooShort.getMessage().contains("s3cret"), tooShort::getMessage);
        // Any address is reachable over 127.0.0.1 too; what counts is who else it is open to.
        try (Monitored here = new Monitored("REDIS_MONITORING_HOST", "0.0.0.0", "REDIS_MONITORING_TOKEN", TOKEN)) {
            assertEquals(401, here.get("/health").status());
            assertEquals(401, here.get("/api/monitoring/health").status());
            assertEquals(
                    "OK", here.get("/health", "Authorization: Bearer " + TOKEN).body());
        }
    }

    @Test
    void probesAloneAreOpenedElsewhere() {
        try (Monitored here = new Monitored("REDIS_MONITORING_PROBES_HOST", "127.0.0.2")) {
            assertEquals("OK", probes(here, "/health").body());
            assertEquals("READY", probes(here, "/ready").body());
            assertEquals(404, probes(here, "/api/monitoring/health").status());
            assertEquals(404, probes(here, "/").status());
        }
    }

    private static Http probes(Monitored here, String path) {
        return Http.getFrom("127.0.0.2", here.port(), path);
    }

    @Test
    void nothingIsLeftAfterClose() {
        Monitored here = new Monitored();
        assertEquals("OK", here.get("/health").body());
        int port = here.port();
        long begin = System.nanoTime();
        here.close();
        here.close();
        long millis = (System.nanoTime() - begin) / 1_000_000;
        assertTrue(millis < 2_000, () -> "took " + millis + " ms");
        Await.until(Duration.ofSeconds(20), () -> "an end of " + threads(), () -> threads()
                .isEmpty());
        assertThrows(IOException.class, () -> Http.open(port).close());
    }

    private static List<String> threads() {
        Thread[] all = new Thread[Thread.activeCount() * 2 + 50];
        int count = Thread.enumerate(all);
        return Arrays.stream(all, 0, count)
                .map(Thread::getName)
                .filter(name -> name.contains("-monitor") || name.contains("HTTP-Dispatcher"))
                .toList();
    }

    @Test
    void aClientStartsItsMonitorByTheVariableAlone() throws IOException {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        Map<String, String> values = Map.of("REDIS_MONITORING_PORT", "" + port, "REDIS_MONITORING_ENABLED", "true");
        try (CacheClient client = CacheClient.from(Settings.of(values))) {
            assertEquals("OK", Http.get(port, "/health").body());
            assertTrue(client.isAlive());
        }
        assertThrows(IOException.class, () -> Http.open(port).close());
        try (CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_MONITORING_PORT", "" + port)))) {
            assertTrue(client.isAlive());
            assertThrows(IOException.class, () -> Http.open(port).close());
        }
    }
}
