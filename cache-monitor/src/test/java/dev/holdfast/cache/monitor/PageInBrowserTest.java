package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The page in a real Chromium: {@code mvn -Pbrowser}. */
@Tag("browser")
class PageInBrowserTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int[] WIDTHS = {360, 768, 1_440};
    private static final Path PICTURES = Path.of("target", "pictures");

    private static String address(Monitored here) {
        return "http://127.0.0.1:" + here.port() + "/";
    }

    private static void awaitText(Browser browser, String selector, String part, Duration most) {
        Await.until(most, () -> part + " in " + browser.text(selector), () -> browser.text(selector)
                .toLowerCase(Locale.ROOT)
                .contains(part));
    }

    private static void picture(Browser browser, String name) {
        try {
            Files.createDirectories(PICTURES);
            Files.write(PICTURES.resolve(name + ".png"), browser.picture());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** No violation of a rule of accessibility that axe knows. */
    private static void assertAccessible(Browser browser, String where) {
        String script = read(Path.of(System.getProperty("axe.js", "target/axe/node_modules/axe-core/axe.min.js")));
        browser.run(script + "; return 'there'");
        String found = browser.run("const r = await axe.run(document, {resultTypes: ['violations']});"
                + "return JSON.stringify(r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))");
        assertEquals("[]", found, where);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void assertFits(Browser browser) {
        assertEquals("true", browser.run("return document.documentElement.scrollWidth <= window.innerWidth"));
    }

    @Test
    void anOutageIsSeenWhileItHappensOnEveryScreen() {
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url());
                Browser browser = new Browser()) {
            here.client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            browser.device(1_280, 1_000, false).open(address(here));
            awaitText(browser, "#word", "healthy", PATIENCE);
            look(browser, "healthy");
            redis.kill();
            here.client.cache("leads", String.class, String.class).build().get("k");
            awaitText(browser, "#why", "memory serves; single is out", Duration.ofSeconds(6));
            awaitText(browser, "#alerts", "no redis server serves the cache", PATIENCE);
            look(browser, "alert");
            // How long it lasts is what the one who is paged wants to know; it grows though nothing else happens.
            for (String place : List.of("#alerts", "#lasts", "#tiers")) {
                awaitText(browser, place, "for ", PATIENCE);
                String before = browser.text(place);
                Await.until(PATIENCE, () -> "more than " + before, () -> !browser.text(place)
                        .equals(before));
            }
            redis.restart(RedisServer.Data.KEEP);
            awaitText(browser, "#word", "healthy", PATIENCE);
            awaitText(browser, "#turns", "back to single", PATIENCE);
            assertEquals(
                    "[]",
                    browser.run("return JSON.stringify(performance.getEntriesByType('resource').map(e => e.name)"
                            + ".filter(n => !n.startsWith(location.origin)))"));
            assertFalse(browser.console().contains("SEVERE"), browser::console);
        }
    }

    private static void look(Browser browser, String state) {
        for (boolean dark : new boolean[] {false, true}) {
            for (int width : WIDTHS) {
                browser.device(width, 1_000, dark);
                String name = state + '-' + width + (dark ? "-dark" : "-light");
                assertFits(browser);
                assertAccessible(browser, name);
                picture(browser, name);
            }
        }
    }

    @Test
    void aMonitorThatIsGoneTurnsThePageGrey() {
        Monitored here = new Monitored();
        try (Browser browser = new Browser()) {
            browser.device(800, 800, false).open(address(here));
            awaitText(browser, "#word", "healthy", PATIENCE);
            here.close();
            awaitText(browser, "#age", "no data since", Duration.ofSeconds(20));
            assertEquals("true", browser.run("return document.body.classList.contains('stale')"));
            awaitText(browser, "#word", "no data", PATIENCE);
        } finally {
            here.close();
        }
    }

    @Test
    void aTokenIsAskedForOnceANameIsTextAndTheStreamIsReadWithIt() {
        String token = "0123456789abcdef";
        try (RedisServer redis = RedisServer.start();
                Monitored here = Monitored.guarded(
                        "<img src=x onerror=\"document.title='harmed'\">",
                        "REDIS_URL",
                        redis.url(),
                        "REDIS_MONITORING_TOKEN",
                        token);
                Browser browser = new Browser()) {
            here.client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            browser.device(800, 800, false).open(address(here));
            Await.until(PATIENCE, () -> "a question", () -> browser.run("return document.getElementById('ask').open")
                    .equals("true"));
            browser.run("document.getElementById('token').value = '" + token + "';"
                    + "document.getElementById('form').requestSubmit(); return ''");
            awaitText(browser, "#word", "healthy", PATIENCE);
            awaitText(browser, "#name", "<img src=x", PATIENCE);
            redis.kill();
            here.client.cache("leads", String.class, String.class).build().get("k");
            awaitText(browser, "#word", "critical", Duration.ofSeconds(10));
            redis.restart(RedisServer.Data.KEEP);
            awaitText(browser, "#word", "healthy", PATIENCE);
            assertTrue(browser.run("return document.title").endsWith("Holdfast"));
        }
    }

    @Test
    void aTokenThatIsNotTheRightOneIsAskedForAgain() {
        String token = "0123456789abcdef";
        try (Monitored here = Monitored.guarded("holdfast", "REDIS_MONITORING_TOKEN", token);
                Browser browser = new Browser()) {
            browser.device(360, 640, false).open(address(here));
            // More often than ten guesses would allow if each were several.
            for (int wrong = 0; wrong < 6; wrong++) {
                give(browser, "fedcba987654321" + wrong);
                awaitText(browser, "#askWhy", "not the right one", PATIENCE);
            }
            assertAccessible(browser, "the question");
            give(browser, "0123 \u201cabc\u201d");
            awaitText(browser, "#askWhy", "no blanks", PATIENCE);
            browser.run("document.getElementById('ask').close(); return ''");
            give(browser, ' ' + token + ' ');
            awaitText(browser, "#word", "healthy", PATIENCE);
        }
    }

    private static void give(Browser browser, String token) {
        Await.until(PATIENCE, () -> "a question", () -> browser.run("return document.getElementById('ask').open")
                .equals("true"));
        browser.run("document.getElementById('token').value = '" + token + "';"
                + "document.getElementById('form').requestSubmit(); return ''");
    }

    /** As when a tunnel breaks, or a machine between sleeps: nobody says that the connection has ended. */
    @Test
    void aConnectionThatNobodyClosedIsBegunAnew() {
        try (Monitored here = new Monitored();
                TcpProxy proxy = TcpProxy.to("127.0.0.1", here.port());
                Browser browser = new Browser()) {
            browser.device(800, 800, false).open("http://127.0.0.1:" + proxy.port() + '/');
            awaitText(browser, "#age", "live", PATIENCE);
            proxy.clientPorts().forEach(proxy::swallow);
            awaitText(browser, "#age", "no data since", PATIENCE);
            awaitText(browser, "#word", "healthy", Duration.ofSeconds(60));
            awaitText(browser, "#age", "live", PATIENCE);
        }
    }

    @Test
    void whereNoStreamCanBeHadThePageAsks() throws IOException {
        List<Socket> streams = new ArrayList<>();
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url());
                Browser browser = new Browser()) {
            for (int i = 0; i < Streams.MOST; i++) {
                Socket socket = Http.open(here.port());
                socket.getOutputStream()
                        .write("GET /api/monitoring/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                .getBytes(StandardCharsets.US_ASCII));
                streams.add(socket);
            }
            assertEquals(503, here.get("/api/monitoring/stream").status());
            browser.device(800, 800, false).open(address(here));
            seesAKill(browser, here, redis);
        } finally {
            for (Socket socket : streams) {
                socket.close();
            }
        }
    }

    private static void seesAKill(Browser browser, Monitored here, RedisServer redis) {
        awaitText(browser, "#word", "healthy", PATIENCE);
        awaitText(browser, "#age", "live", PATIENCE);
        redis.kill();
        here.client.cache("leads", String.class, String.class).build().get("k");
        awaitText(browser, "#word", "critical", PATIENCE);
        awaitText(browser, "#why", "memory serves", PATIENCE);
    }

    @Test
    void behindSomebodyElsesServerThePageMayBeAnywhere() throws IOException {
        ScheduledExecutorService alarms = Executors.newScheduledThreadPool(1);
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url());
                Streams streams = new Streams(new EventLog("m"));
                MonitorServer server = new MonitorServer(
                        "mounted",
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        HostCheck.none(),
                        alarms,
                        request -> mounted(here.monitor, request),
                        streams);
                Browser browser = new Browser()) {
            browser.device(800, 800, false).open("http://127.0.0.1:" + server.port() + "/ops");
            seesAKill(browser, here, redis);
        } finally {
            alarms.shutdownNow();
        }
    }

    /** Below a path of the application's, as Spring mounts it. */
    private static Reply mounted(Monitor monitor, Request request) {
        if (!request.path().startsWith("/ops")) {
            return Reply.error(404, "not of the monitor");
        }
        String own = request.path().substring("/ops".length());
        return monitor.handle(new Request(
                request.method(),
                own.isEmpty() ? "/" : own,
                request.query(),
                request.authorization(),
                request.remote()));
    }

    @Test
    void ofManyCachesThoseThatAreReadMostAreShown() {
        try (Monitored here = new Monitored();
                Browser browser = new Browser()) {
            for (int i = 0; i < 300; i++) {
                here.client
                        .cache("cache-" + i, String.class, String.class)
                        .build()
                        .get("k");
            }
            here.client.cache("cache-299", String.class, String.class).build().get("k");
            browser.device(360, 800, false).open(address(here));
            awaitText(browser, "#caches", "and 200 more that are read less", PATIENCE);
            awaitText(browser, "#caches", "cache-299", PATIENCE);
            assertEquals("100", browser.run("return document.querySelectorAll('#caches tbody tr').length"));
            assertFits(browser);
        }
    }

    @Test
    void anEventSourceSeesAKillAndTheReturn() {
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url());
                Browser browser = new Browser()) {
            browser.device(800, 800, false).open(address(here));
            browser.run("window.seen = []; const source = new EventSource('/api/monitoring/stream');"
                    + "source.addEventListener('health', e => { const s = JSON.parse(e.data).status;"
                    + "if (seen[seen.length - 1] !== s) seen.push(s); }); return ''");
            awaitSeen(browser, "healthy");
            redis.kill();
            here.client.cache("leads", String.class, String.class).build().get("k");
            awaitSeen(browser, "healthy,critical");
            redis.restart(RedisServer.Data.KEEP);
            awaitSeen(browser, "healthy,critical,healthy");
        }
    }

    private static void awaitSeen(Browser browser, String states) {
        Await.until(PATIENCE, () -> states + ", but " + browser.run("return seen.join()"), () -> browser.run(
                        "return seen.join()")
                .equals(states));
    }

    /** The states that the documents show; whoever changes the page copies these pictures there. */
    @Test
    void thePicturesOfTheDocuments() throws IOException {
        try (RedisServer redis = RedisServer.start();
                RedisServer other = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + other.port(), "t");
                Monitored here = new Monitored(
                        "REDIS_URL",
                        redis.url(),
                        "UPSTASH_REDIS_REST_URL",
                        gateway.url(),
                        "UPSTASH_REDIS_REST_TOKEN",
                        "t");
                Browser browser = new Browser()) {
            traffic(here, "leads", 4);
            traffic(here, "sessions", 2);
            browser.device(1_080, 860, false).open(address(here));
            awaitText(browser, "#word", "healthy", PATIENCE);
            awaitText(browser, "#caches", "sessions", PATIENCE);
            long bytes = document(browser, "healthy");
            redis.kill();
            traffic(here, "leads", 1);
            awaitText(browser, "#word", "degraded", PATIENCE);
            awaitText(browser, "#turns", "upstash", PATIENCE);
            bytes += document(browser, "degraded");
            gateway.close();
            traffic(here, "leads", 1);
            awaitText(browser, "#alerts", "no redis server serves the cache", PATIENCE);
            bytes += document(browser, "alert");
            long all = bytes;
            assertTrue(all < 150_000, () -> all + " bytes");
        }
    }

    private static void traffic(Monitored here, String cache, int rounds) {
        for (int i = 0; i < 100 * rounds; i++) {
            here.client.cache(cache, String.class, String.class).build().get("k" + i % 100, key -> "v");
        }
    }

    private static long document(Browser browser, String state) throws IOException {
        Files.createDirectories(PICTURES);
        return Files.write(PICTURES.resolve("monitor-" + state + ".webp"), browser.smallPicture())
                .toFile()
                .length();
    }

    @Test
    void eightHoursOfEventsLeaveNothingBehind() throws IOException {
        ScheduledExecutorService alarms = Executors.newScheduledThreadPool(1);
        EventLog log = new EventLog("m");
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url());
                Streams streams = new Streams(log);
                MonitorServer server = new MonitorServer(
                        "hours",
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        HostCheck.none(),
                        alarms,
                        here.monitor::handle,
                        streams);
                Browser browser = new Browser()) {
            traffic(here, "leads", 1);
            String health = here.fresh("/api/monitoring/health").body();
            String metrics = here.get("/api/monitoring/metrics/performance").body();
            browser.device(1_280, 1_000, false).open("http://127.0.0.1:" + server.port() + "/");
            browser.run(
                    "window.count = 0; const before = event; event = text => { count++; before(text); }; return ''");
            hours(browser, log, health, metrics, 1);
            long heap = browser.heap();
            hours(browser, log, health, metrics, 8);
            long more = browser.heap() - heap;
            assertTrue(more < 10 << 20, () -> more + " bytes more than after an hour");
        } finally {
            alarms.shutdownNow();
        }
    }

    /** As many snapshots as come in so many hours, each of them read and shown. */
    private static void hours(Browser browser, EventLog log, String health, String metrics, int hours) {
        int snapshots = hours * 720;
        browser.run("count = 0; return ''");
        for (int sent = 0; Integer.parseInt(browser.run("return count")) < 2 * snapshots; ) {
            for (int i = 0; i < 20; i++, sent++) {
                log.snapshot(() -> health, () -> metrics);
                LockSupport.parkNanos(1_000_000);
            }
            int now = sent;
            assertTrue(now < 20 * snapshots, () -> "the page does not read on after " + now);
        }
    }
}
