package dev.holdfast.cache.monitor;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/** A client and its monitor, on a port that was free. */
final class Monitored implements AutoCloseable {
    final CacheClient client;
    final Monitor monitor;

    Monitored(String... namesAndValues) {
        this("holdfast", UnaryOperator.identity(), namesAndValues);
    }

    private Monitored(String name, UnaryOperator<MonitorSettings> change, String... namesAndValues) {
        Map<String, String> values = new HashMap<>(Map.of("REDIS_MONITORING_PORT", "0"));
        for (int i = 0; i < namesAndValues.length; i += 2) {
            values.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        Settings settings = Settings.of(values);
        client = CacheClient.builder().name(name).settings(settings).build();
        try {
            monitor = new Monitor(client, settings, change.apply(MonitorSettings.of(settings)), true);
        } catch (RuntimeException | Error e) {
            client.close();
            throw e;
        }
    }

    /** One that guards its figures as one does that others can reach, though only this machine reaches it. */
    static Monitored guarded(String name, String... namesAndValues) {
        return new Monitored(
                name,
                own -> new MonitorSettings(
                        own.host(),
                        own.hostName(),
                        own.port(),
                        own.token(),
                        true,
                        own.probesHost(),
                        own.strict(),
                        own.warmup()),
                namesAndValues);
    }

    int port() {
        return monitor.port().orElseThrow();
    }

    Http get(String path, String... headers) {
        return Http.get(port(), path, headers);
    }

    /** What is answered after everything that has happened up to now was seen: within a second several share one look. */
    Http fresh(String path, String... headers) {
        Instant now = Instant.now();
        Request health = new Request("GET", "/api/monitoring/health", Map.of(), null, "test");
        Await.until(
                Duration.ofSeconds(20),
                () -> "a look later than " + now + ", but "
                        + monitor.handle(health).body(),
                () -> Instant.parse(monitor.handle(health).body().replaceAll(".*\"timestamp\":\"([^\"]+)\".*", "$1"))
                        .isAfter(now));
        return get(path, headers);
    }

    @Override
    public void close() {
        monitor.close();
        client.close();
    }
}
