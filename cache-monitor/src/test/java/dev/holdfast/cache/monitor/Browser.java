package dev.holdfast.cache.monitor;

import dev.holdfast.cache.client.JsonWriter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A real Chromium without a window, over the protocol of its driver. */
final class Browser implements AutoCloseable {
    private static final Pattern PORT = Pattern.compile("successfully on port ([0-9]+)");
    private static final int PATIENCE = 60_000;

    private final Process driver;
    private final String base;
    private final String session;

    Browser() {
        driver = started();
        try {
            base = "http://127.0.0.1:" + port();
            String capabilities = "{\"capabilities\":{\"alwaysMatch\":{\"browserName\":\"chrome\","
                    + "\"goog:loggingPrefs\":{\"browser\":\"ALL\"},\"goog:chromeOptions\":{\"args\":"
                    + "[\"--headless=new\",\"--no-sandbox\",\"--disable-gpu\",\"--hide-scrollbars\"]}}}}";
            String answer = call("POST", "/session", capabilities);
            session = "/session/" + first(Pattern.compile("\"sessionId\":\"([^\"]+)\""), answer);
        } catch (IOException | RuntimeException | Error e) {
            driver.destroyForcibly();
            throw new IllegalStateException("no browser", e);
        }
    }

    private static Process started() {
        try {
            return new ProcessBuilder("chromedriver", "--port=0")
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException("chromium and chromium-driver are needed for -Pbrowser", e);
        }
    }

    private String port() throws IOException {
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(driver.getInputStream(), StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Matcher matcher = PORT.matcher(line);
            if (matcher.find()) {
                return matcher.group(1);
            }
        }
        throw new IOException("chromedriver ended");
    }

    private static String first(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        if (!matcher.find()) {
            throw new AssertionError(pattern + " is not in " + text);
        }
        return matcher.group(1);
    }

    private String call(String method, String path, String body) {
        try {
            HttpURLConnection connection =
                    (HttpURLConnection) URI.create(base + path).toURL().openConnection();
            connection.setRequestMethod(method);
            connection.setReadTimeout(PATIENCE);
            if (!body.isEmpty()) {
                connection.setDoOutput(true);
                connection.setRequestProperty("Content-Type", "application/json");
                connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
            }
            boolean good = connection.getResponseCode() < 400;
            try (InputStream in = good ? connection.getInputStream() : connection.getErrorStream()) {
                String answer = new String(in.readAllBytes(), StandardCharsets.UTF_8);
                if (!good) {
                    throw new AssertionError(path + ": " + answer);
                }
                return answer;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(path, e);
        }
    }

    /** Looks as a device of such a size does, by day or by night. */
    Browser device(int width, int height, boolean dark) {
        cdp(
                "Emulation.setDeviceMetricsOverride",
                "{\"width\":" + width + ",\"height\":" + height + ",\"deviceScaleFactor\":1,\"mobile\":false}");
        cdp(
                "Emulation.setEmulatedMedia",
                "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"" + (dark ? "dark" : "light") + "\"}]}");
        return this;
    }

    private String cdp(String command, String parameters) {
        return call(
                "POST", session + "/goog/cdp/execute", "{\"cmd\":\"" + command + "\",\"params\":" + parameters + '}');
    }

    Browser open(String address) {
        call("POST", session + "/url", JsonWriter.object(json -> json.field("url", address)));
        return this;
    }

    /** Runs a script that returns a value, and returns that as text. */
    String run(String script) {
        String encoded = "const value = await (async () => {" + script + "})();"
                + "return btoa(unescape(encodeURIComponent(String(value))));";
        String body = JsonWriter.object(
                json -> json.field("script", encoded).array("args", List.<String>of(), (each, none) -> {}));
        String answer = call("POST", session + "/execute/sync", body);
        return new String(
                Base64.getDecoder().decode(first(Pattern.compile("\"value\":\"([^\"]*)\""), answer)),
                StandardCharsets.UTF_8);
    }

    /** Of an element, as it is seen. */
    String text(String selector) {
        return run("return document.querySelector('" + selector + "').innerText");
    }

    /** What the browser complained of. */
    String console() {
        return call("POST", session + "/se/log", "{\"type\":\"browser\"}");
    }

    byte[] picture() {
        String answer = call("GET", session + "/screenshot", "");
        return Base64.getMimeDecoder().decode(first(Pattern.compile("\"value\":\"([^\"]*)\""), answer));
    }

    /** For documents: small. */
    byte[] smallPicture() {
        String answer = cdp("Page.captureScreenshot", "{\"format\":\"webp\",\"quality\":80}");
        return Base64.getMimeDecoder().decode(first(Pattern.compile("\"data\":\"([^\"]*)\""), answer));
    }

    /** What the page's scripts keep, in bytes, when everything that can be collected was. */
    long heap() {
        cdp("HeapProfiler.enable", "{}");
        cdp("HeapProfiler.collectGarbage", "{}");
        cdp("Performance.enable", "{}");
        String metrics = cdp("Performance.getMetrics", "{}");
        return (long) Double.parseDouble(first(Pattern.compile("\"JSHeapUsedSize\",\"value\":([0-9.]+)"), metrics));
    }

    @Override
    public void close() {
        try {
            call("DELETE", session, "");
        } finally {
            driver.descendants().forEach(ProcessHandle::destroyForcibly);
            driver.destroyForcibly();
        }
    }
}
