package consumer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.micrometer.CacheClientMetrics;
import dev.holdfast.cache.micrometer.Observations;
import dev.holdfast.cache.testkit.RedisServer;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;

/** Meters and spans where Spring Boot has chosen the version of Micrometer. */
class MicrometerTest {
    @Test
    void aCacheThatIsOpenedAfterTheStartIsInTheNextScrape() {
        PrometheusMeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())))) {
            CacheClientMetrics.of(client).bindTo(meters);
            assertFalse(meters.scrape().contains("cache_gets_total"));
            Cache<String, String> users = client.cache("users", String.class, String.class);
            users.get("ada", key -> "Ada");
            users.get("ada", key -> "Ada");
            String text = meters.scrape();
            assertTrue(
                    text.contains(
                            "cache_gets_total{cache=\"users\",cache_manager=\"holdfast\",name=\"users\",result=\"hit\"} 1.0"),
                    text);
            assertTrue(text.contains("db_client_operation_duration_seconds_bucket{client=\"holdfast\""), text);
        }
        assertFalse(meters.scrape().contains("holdfast"));
    }

    @Test
    void aLoadIsASpan() {
        ObservationRegistry observations = ObservationRegistry.create();
        Queue<String> stopped = new ConcurrentLinkedQueue<>();
        observations.observationConfig().observationHandler(new ObservationHandler<Observation.Context>() {
            @Override
            public void onStop(Observation.Context context) {
                stopped.add(context.getName());
            }

            @Override
            public boolean supportsContext(Observation.Context context) {
                return true;
            }
        });
        try (CacheClient client = CacheClient.builder()
                .settings(Settings.of(Map.of()))
                .contextCarrier(Observations.carrier())
                .build()) {
            Runnable end = Observations.observe(client, observations);
            client.cache("users", String.class, String.class).get("ada", key -> "Ada");
            end.run();
        }
        assertEquals(List.of(Observations.LOAD), List.copyOf(stopped));
    }
}
