package dev.holdfast.cache.monitor;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.util.HashMap;
import java.util.Map;

/** A client and its monitor, on a port that was free. */
final class Monitored implements AutoCloseable {
    final CacheClient client;
    final Monitor monitor;

    Monitored(String... namesAndValues) {
        Map<String, String> values = new HashMap<>(Map.of("REDIS_MONITORING_PORT", "0"));
        for (int i = 0; i < namesAndValues.length; i += 2) {
            values.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        Settings settings = Settings.of(values);
        client = CacheClient.from(settings);
        try {
            monitor = Monitor.start(client, settings);
        } catch (RuntimeException | Error e) {
            client.close();
            throw e;
        }
    }

    int port() {
        return monitor.port().orElseThrow();
    }

    Http get(String path, String... headers) {
        return Http.get(port(), path, headers);
    }

    @Override
    public void close() {
        monitor.close();
        client.close();
    }
}
