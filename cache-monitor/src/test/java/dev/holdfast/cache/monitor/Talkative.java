package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A program that has secrets in all of its settings, and says all that it can: its log is to be read by a test. */
final class Talkative {
    private Talkative() {}

    /** Takes the variables, each with its value, and last the token. */
    public static void main(String[] args) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            values.put(args[i], args[i + 1]);
        }
        String bearer = "Authorization: Bearer " + args[args.length - 1];
        watch(values, bearer);
        for (String variable : List.of("REDIS_ALERT_WEBHOOK_URL", "REDIS_ALERT_SMTP_URL", "REDIS_MONITORING_TOKEN")) {
            Map<String, String> wrong = new HashMap<>(values);
            wrong.put(
                    variable, ' ' + values.get(variable).replace("http", "ftp").replace("smtp", "ftp") + " \u00e9");
            try {
                watch(wrong, bearer);
            } catch (CacheConfigException e) {
                StringWriter whole = new StringWriter();
                e.printStackTrace(new PrintWriter(whole));
                System.out.println(whole);
            }
        }
        values.put("REDIS_URL", values.get("REDIS_URL").replace("@", "-wrong@"));
        watch(values, bearer);
    }

    private static void watch(Map<String, String> values, String bearer) {
        Settings settings = Settings.of(values);
        System.out.println(settings);
        try (CacheClient client = CacheClient.from(settings);
                Monitor monitor = Monitor.start(client, settings)) {
            System.out.println(client + " " + MonitorSettings.of(settings) + " " + Webhook.of(settings) + " "
                    + MailServer.of(settings));
            int port = monitor.port().orElseThrow();
            for (String path : List.of("/metrics", "/api/monitoring/health/redis", "/api/admin/cache/stats", "/%zz")) {
                System.out.println(Http.get(port, path, bearer));
                System.out.println(Http.get(port, path, bearer + "-wrong"));
            }
            client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            client.forceFailover("single");
            Await.until(
                    Duration.ofSeconds(30),
                    () -> "two who can't be reached",
                    () -> !Http.get(port, "/api/monitoring/alerts").body().contains("\"lastError\":null"));
            System.out.println(Http.get(port, "/api/monitoring/alerts"));
            System.out.println(client.healthJson());
        }
    }
}
