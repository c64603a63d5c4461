package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
            String whole = "GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
            assertEquals(421, Http.raw(here.port(), whole).status());
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
            String huge = "GET /" + "x".repeat(1 << 20) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
            assertEquals(414, Http.raw(here.port(), huge).status());
            assertEquals(
                    431, here.get("/health", "X-Large: " + "x".repeat(20_000)).status());
            assertEquals("OK", here.get("/health").body());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET /health",
                "GET /health HTTP/2.0\r\nHost: localhost",
                "GET /he alth HTTP/1.1\r\nHost: localhost",
                "GET /%zz HTTP/1.1\r\nHost: localhost",
                "\u0016\u0003\u0001\u0002 an attempt at TLS",
                "GET /health HTTP/1.1\r\nHost localhost",
                "GET /health HTTP/1.1\r\nHost : localhost",
                "GET /health HTTP/1.1\r\nHost: localhost\r\n folded",
                "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example",
            })
    void whatIsNoRequestIsSaidToBeNone(String request) {
        try (Monitored here = new Monitored()) {
            Http answer = Http.raw(here.port(), request + "\r\n\r\n");
            assertEquals(400, answer.status(), answer::body);
            assertTrue(answer.body().startsWith("{\"error\":\""), answer::body);
        }
    }

    @Test
    void connectionsAreBoundedAndWhoAsksIsAnswered() throws IOException {
        ScheduledExecutorService alarms = Executors.newScheduledThreadPool(1);
        List<Socket> sockets = new ArrayList<>();
        try (Streams streams = new Streams(new EventLog("m"));
                MonitorServer server = new MonitorServer(
                        "bounded-monitor",
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        HostCheck.none(),
                        alarms,
                        request -> Reply.text(200, "OK"),
                        streams)) {
            for (int i = 0; i < 1_000; i++) {
                sockets.add(Http.open(server.port()));
                int open = server.connections();
                assertTrue(open <= MonitorServer.MOST_CONNECTIONS, () -> open + " connections");
            }
            assertEquals("OK", Http.get(server.port(), "/health").body());
            assertTrue(threads().size() <= 2 * MonitorServer.MOST_CONNECTIONS + Streams.MOST + 1, () -> "" + threads());
            assertEquals(-1, sockets.get(0).getInputStream().read(), "the oldest had to go");
            Await.until(
                    Duration.ofSeconds(20),
                    () -> "an end of those that say nothing, but " + server.connections(),
                    () -> server.connections() == 0);
        } finally {
            alarms.shutdownNow();
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    @Test
    void manyWhoDoNotReadTheirAnswersKeepNobodyFromOne() throws IOException {
        ScheduledExecutorService alarms = Executors.newScheduledThreadPool(1);
        Reply large = Reply.text(200, "x".repeat(8 << 20));
        List<Socket> sockets = new ArrayList<>();
        try (Streams streams = new Streams(new EventLog("m"));
                MonitorServer server = new MonitorServer(
                        "unread-monitor",
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        HostCheck.none(),
                        alarms,
                        request -> request.path().equals("/large") ? large : Reply.text(200, "OK"),
                        streams)) {
            for (int i = 0; i < MonitorServer.MOST_CONNECTIONS; i++) {
                Socket socket = Http.open(server.port());
                socket.getOutputStream().write("GET /large HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                sockets.add(socket);
            }
            Await.until(Duration.ofSeconds(9), () -> "an answer", () -> isAnswered(server.port()));
        } finally {
            alarms.shutdownNow();
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    /** Who is refused a stream and says that he has still more to send has a place of the bounded ones for as long. */
    @Test
    void manyWhoAreRefusedAStreamKeepNobodyFromAnAnswer() throws Exception {
        List<Socket> sockets = new CopyOnWriteArrayList<>();
        byte[] request =
                "GET /api/monitoring/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
        ScheduledExecutorService more = Executors.newScheduledThreadPool(1);
        try (Monitored here = new Monitored()) {
            Future<?> unused = more.scheduleWithFixedDelay(
                    () -> sockets.forEach(MonitorServerTest::send), 50, 50, TimeUnit.MILLISECONDS);
            for (int i = 0; i < Streams.MOST + 300; i++) {
                Socket socket = Http.open(here.port());
                socket.getOutputStream().write(request);
                sockets.add(socket);
            }
            for (int round = 0; round < 20; round++) {
                assertEquals("OK", here.get("/health").body());
                Thread.sleep(50);
            }
        } finally {
            more.shutdownNow();
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    private static void send(Socket socket) {
        try {
            socket.getOutputStream().write('x');
        } catch (IOException e) {
            // Closed by then, as it should be.
            assertTrue(e.getMessage() != null, e::toString);
        }
    }

    @Test
    void headOfAStreamIsHowItWouldBegin() {
        try (Monitored here = new Monitored()) {
            Http head = Http.send(here.port(), "HEAD", "/api/monitoring/stream");
            assertEquals(200, head.status());
            assertEquals("text/event-stream", head.headers().get("content-type"));
            assertEquals("", head.body());
            assertEquals(
                    405,
                    Http.send(here.port(), "POST", "/api/monitoring/stream").status());
        }
    }

    private static boolean isAnswered(int port) {
        try {
            return Http.get(port, "/health").body().equals("OK");
        } catch (AssertionError e) {
            return false; // no place was free
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
    void anAddressOfAnotherMachineIsNamedAndNotThePort() {
        CacheConfigException refused = assertThrows(
                CacheConfigException.class,
                () -> new Monitored(
                        "REDIS_MONITORING_HOST",
                        "192.0.2.1",
                        "REDIS_MONITORING_TOKEN",
                        TOKEN,
                        "CACHE_STRICT_START",
                        "true"));
        assertTrue(
                refused.getMessage()
                        .startsWith("REDIS_MONITORING_HOST is 192.0.2.1, but this machine has no such address"),
                refused::getMessage);
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
        assertTrue(settings("REDIS_MONITORING_HOST", "0.0.0.0", "REDIS_MONITORING_TOKEN", TOKEN)
                .guarded());
        assertFalse(settings().guarded());
        try (Monitored here = Monitored.guarded("holdfast", "REDIS_MONITORING_TOKEN", TOKEN)) {
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

    private static MonitorSettings settings(String... namesAndValues) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            values.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return MonitorSettings.of(Settings.of(values));
    }

    /** What stands for every address can't be listened on beside another at the same port. */
    @Test
    void probesAtEveryAddressNeedOneListener() throws IOException {
        InetAddress every = InetAddress.getByAddress(new byte[4]);
        InetAddress own = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        InetAddress pod = InetAddress.getByAddress(new byte[] {10, 0, 0, 5});
        assertEquals(List.of(own), settings().addresses());
        MonitorSettings open = settings("REDIS_MONITORING_PROBES_HOST", "0.0.0.0");
        assertEquals(List.of(every), open.addresses());
        assertEquals(
                List.of(own, pod),
                settings("REDIS_MONITORING_PROBES_HOST", "10.0.0.5").addresses());
        MonitorSettings both = settings(
                "REDIS_MONITORING_HOST",
                "0.0.0.0",
                "REDIS_MONITORING_TOKEN",
                TOKEN,
                "REDIS_MONITORING_PROBES_HOST",
                "0.0.0.0");
        assertEquals(List.of(every), both.addresses());
        assertEquals("", asked(open, "/health", pod, ""));
        assertEquals("", asked(open, "/ready", pod, ""));
        assertEquals("404", asked(open, "/metrics", pod, "127.0.0.1"));
        assertEquals("", asked(open, "/metrics", own, "127.0.0.1"));
        assertEquals("421", asked(open, "/metrics", own, "evil.example"));
        assertEquals("", asked(both, "/health", pod, ""));
        assertEquals("401", asked(both, "/metrics", pod, ""));
        assertEquals("401", asked(both, "/metrics", own, ""));
    }

    /** The status of the refusal, if there is one. */
    private static String asked(MonitorSettings settings, String path, InetAddress at, String host) {
        Request request = new Request("GET", path, Map.of(), null, "10.0.0.9");
        Reply refusal = HostCheck.of(settings, new Access(settings.token(), System::nanoTime))
                .refusal(host, request, at);
        return refusal == null ? "" : "" + refusal.status();
    }

    @ParameterizedTest
    @ValueSource(strings = {"s3cret", "s3cret with blanks in it", "s3cret-of-sixteen\u00e9", "s3cret-of-sixteen\t"})
    void aTokenThatWouldNotArriveInAHeaderEndsTheStart(String token) {
        CacheConfigException refused =
                assertThrows(CacheConfigException.class, () -> settings("REDIS_MONITORING_TOKEN", token));
        assertTrue(
                refused.getMessage().startsWith("REDIS_MONITORING_TOKEN is \"***\", but must have at least 16"),
                refused::getMessage);
        assertFalse(refused.getMessage().contains("s3cret"), refused::getMessage);
    }

    @Test
    void aTokenFromAFileEndsBeforeItsLineBreak() {
        assertTrue(settings("REDIS_MONITORING_TOKEN", TOKEN + "\n").token() != null);
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
                .filter(name -> name.contains("-monitor"))
                .toList();
    }

    /** One that the system gives to nobody who leaves the choice to it, as other tests do meanwhile. */
    private static int portOfNobody() throws IOException {
        for (int port = 20_000 + ThreadLocalRandom.current().nextInt(10_000); port < 32_000; port++) {
            try (ServerSocket free = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return free.getLocalPort();
            } catch (BindException e) {
                // Somebody has it; the next.
            }
        }
        throw new IOException("no free port up to 32000");
    }

    @Test
    void aClientStartsItsMonitorByTheVariableAlone() throws IOException {
        int port = portOfNobody();
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
