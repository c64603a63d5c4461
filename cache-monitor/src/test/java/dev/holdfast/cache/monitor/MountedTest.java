package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A monitor behind somebody else's server. */
class MountedTest {
    @Test
    void itAnswersAndListensNowhere() {
        Settings settings = Settings.of(Map.of());
        try (CacheClient client = CacheClient.from(settings);
                Monitor monitor = Monitor.mounted(client, settings)) {
            Reply reply = monitor.handle(new Request("GET", "/api/health/cache", Map.of(), null, "127.0.0.1"));

            assertEquals(200, reply.status());
            assertTrue(reply.body().contains("\"status\""), reply::body);
            assertTrue(monitor.port().isEmpty());
        }
    }
}
