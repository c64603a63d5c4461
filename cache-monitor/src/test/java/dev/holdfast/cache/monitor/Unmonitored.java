package dev.holdfast.cache.monitor;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.util.HashMap;
import java.util.Map;

/** A program that knows nothing of monitoring. Prints how many threads it has with a client open. */
final class Unmonitored {
    private Unmonitored() {}

    public static void main(String[] args) throws InterruptedException {
        Map<String, String> values =
                new HashMap<>(Map.of("REDIS_MONITORING_ENABLED", args[0], "REDIS_MONITORING_PORT", "0"));
        if (args.length > 1) {
            values.put("REDIS_ALERT_SMTP_URL", args[1]);
        }
        try (CacheClient client = CacheClient.from(Settings.of(values))) {
            client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            // The thread that registers MBeans ends by itself.
            for (int i = 0; i < 500 && names().contains("-jmx"); i++) {
                Thread.sleep(10);
            }
            System.out.println("threads:" + names());
        }
    }

    private static String names() {
        Thread[] all = new Thread[200];
        int count = Thread.enumerate(all);
        StringBuilder names = new StringBuilder();
        for (int i = 0; i < count; i++) {
            names.append(' ').append(all[i].getName());
        }
        return names.toString();
    }
}
