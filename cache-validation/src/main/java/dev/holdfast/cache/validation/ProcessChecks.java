package dev.holdfast.cache.validation;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.monitor.Monitor;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.StoreProvider;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.ServiceLoader;

/** What is checked of the process alone: its settings, life without a server, and its monitor. */
final class ProcessChecks {
    private static final int READS = 10_000;
    private static final String HOST = "REDIS_MONITORING_HOST";
    private static final List<String> PATHS =
            List.of("/health", "/ready", "/api/monitoring/health", "/api/monitoring/health/redis", "/metrics");

    private final Environment environment;

    ProcessChecks(Environment environment) {
        this.environment = environment;
    }

    /** Reads every variable as the application would, and contacts nobody. */
    Result settings() {
        List<String> tiers;
        try {
            CacheClient.from(environment.withoutServers()).close();
            tiers = environment.tiers();
            for (StoreProvider provider : ServiceLoader.load(StoreProvider.class)) {
                if (tiers.contains(provider.tier())) {
                    CacheStore store = provider.create(environment.settings());
                    store.close();
                }
            }
        } catch (CacheException e) {
            return Result.failed(
                    "settings", ForeignText.shown(e.getMessage()), "put that variable right; README.md has them all");
        }
        List<String> doubts = environment.doubts();
        if (tiers.isEmpty()) {
            return Result.failed(
                    "settings",
                    join("no server is configured", doubts),
                    "set REDIS_URL, REDIS_CLUSTER_NODES, or UPSTASH_REDIS_REST_URL and its token");
        }
        String measured = join("well-formed; " + String.join(" > ", tiers) + " > memory", doubts);
        return doubts.isEmpty()
                ? Result.ok("settings", measured)
                : Result.warning(
                        "settings",
                        measured,
                        "set what is meant, and take away what is not; docs/settings.md has them all");
    }

    private static String join(String measured, List<String> doubts) {
        return doubts.isEmpty() ? measured : measured + "; but " + String.join("; ", doubts);
    }

    /** Whether an application answers with the kill switch on. */
    Result baseline() {
        try (CacheClient client =
                CacheClient.builder().settings(environment.killed()).build()) {
            Cache<String, String> cache =
                    client.cache("baseline", String.class, String.class).build();
            cache.put("k", "v");
            long start = System.nanoTime();
            for (int i = 0; i < READS; i++) {
                if (!"v".equals(cache.get("k"))) {
                    return Result.failed("baseline", "memory lost a value at once", "raise CACHE_MEMORY_MAX_BYTES");
                }
            }
            return Result.ok(
                    "baseline",
                    String.format(
                            Locale.ROOT,
                            "with REDIS_ENABLED=false memory answers, a read takes %.1f us",
                            (System.nanoTime() - start) / 1e3 / READS));
        } catch (CacheException e) {
            return Result.failed(
                    "baseline",
                    ForeignText.shown(e.getMessage()),
                    "without a server memory must answer: leave it in CACHE_TIERS");
        }
    }

    /** Whether the monitor answers, over tiers that are well. */
    Result monitoring(List<String> tiers) {
        Settings asked = environment.with(Map.of("REDIS_MONITORING_PORT", "0"));
        try (CacheClient client =
                        CacheClient.builder().settings(environment.over(tiers)).build();
                Monitor monitor = Monitor.start(client, asked)) {
            if (monitor.port().isPresent()) {
                return asked(monitor.port().getAsInt(), asked);
            }
        } catch (CacheConfigException e) {
            return Result.failed(
                    "monitoring",
                    ForeignText.shown(e.getMessage()),
                    "put that variable right; docs/monitoring.md has them all");
        }
        return Result.warning(
                "monitoring",
                "this host does not let " + HOST + " be listened on",
                "run this where the application runs, or let " + HOST + " name an address of this host");
    }

    private Result asked(int port, Settings settings) {
        List<String> wrong = new ArrayList<>();
        for (String path : PATHS) {
            String answer = get(port, path, settings);
            if (!answer.equals("200")) {
                wrong.add(path + " " + answer);
            }
        }
        if (!wrong.isEmpty()) {
            return Result.failed(
                    "monitoring", String.join(", ", wrong), "look at docs/monitoring.md; REDIS_MONITORING_ENABLED");
        }
        String measured = PATHS.size() + " endpoints answer";
        return environment.settings().flag("REDIS_MONITORING_ENABLED", false)
                ? Result.ok("monitoring", measured)
                : Result.warning(
                        "monitoring",
                        measured + " here; but the application has none",
                        "set REDIS_MONITORING_ENABLED=true");
    }

    private static String get(int port, String path, Settings settings) {
        String host = settings.text(HOST).orElse("127.0.0.1");
        try {
            InetAddress address = InetAddress.getByName(host);
            String at = address.isAnyLocalAddress() ? "127.0.0.1" : host.indexOf(':') >= 0 ? '[' + host + ']' : host;
            HttpURLConnection connection = (HttpURLConnection)
                    URI.create("http://" + at + ':' + port + path).toURL().openConnection();
            connection.setConnectTimeout(5_000);
            connection.setReadTimeout(5_000);
            settings.secret("REDIS_MONITORING_TOKEN")
                    .ifPresent(token -> connection.setRequestProperty("Authorization", "Bearer " + token.reveal()));
            int status = connection.getResponseCode();
            try (InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
                String text = new String(body.readAllBytes(), StandardCharsets.UTF_8);
                return text.isEmpty() ? status + " and nothing" : Integer.toString(status);
            }
        } catch (IOException e) {
            return Reach.why(e);
        }
    }
}
