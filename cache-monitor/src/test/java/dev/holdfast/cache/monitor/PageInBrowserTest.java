package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
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
    void aTokenIsAskedForOnceAndANameIsText() {
        String token = "0123456789abcdef";
        Settings settings = Settings.of(Map.of(
                "REDIS_MONITORING_HOST", "0.0.0.0", "REDIS_MONITORING_PORT", "0", "REDIS_MONITORING_TOKEN", token));
        try (CacheClient client = CacheClient.builder()
                        .name("<img src=x onerror=\"document.title='harmed'\">")
                        .settings(settings)
                        .build();
                Monitor monitor = Monitor.start(client, settings);
                Browser browser = new Browser()) {
            browser.device(800, 800, false)
                    .open("http://127.0.0.1:" + monitor.port().orElseThrow() + "/");
            Await.until(PATIENCE, () -> "a question", () -> browser.run("return document.getElementById('ask').open")
                    .equals("true"));
            browser.run("document.getElementById('token').value = '" + token + "';"
                    + "document.getElementById('form').requestSubmit(); return ''");
            awaitText(browser, "#word", "healthy", PATIENCE);
            awaitText(browser, "#name", "<img src=x", PATIENCE);
            assertTrue(browser.run("return document.title").endsWith("Holdfast"));
        }
    }
}
