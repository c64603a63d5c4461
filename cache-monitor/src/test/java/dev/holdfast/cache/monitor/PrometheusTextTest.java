package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The text that Prometheus reads. */
class PrometheusTextTest {
    private static Map<String, Double> series(Monitored here) {
        Map<String, Double> series = new TreeMap<>();
        for (String line : here.fresh("/metrics").body().split("\n", -1)) {
            int space = line.lastIndexOf(' ');
            if (!line.startsWith("#") && space > 0) {
                series.put(line.substring(0, space), Double.parseDouble(line.substring(space + 1)));
            }
        }
        return series;
    }

    @Test
    void whatCachesTiersAndPoolsDoIsCounted() {
        try (RedisServer redis =
                        RedisServer.builder().password("s3cret-of-redis").start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            Cache<String, String> leads =
                    here.client.cache("leads", String.class, String.class).build();
            leads.get("k-of-nobody", key -> "v-of-nobody");
            leads.get("k-of-nobody");
            Map<String, Double> series = series(here);
            String cache = "{cache=\"leads\",client=\"holdfast\"";
            assertEquals(1, series.get("holdfast_cache_reads_total" + cache + ",result=\"hit\"}"), series::toString);
            assertEquals(1, series.get("holdfast_cache_loads_total" + cache + ",result=\"loaded\"}"));
            assertEquals(1, series.get("holdfast_cache_load_seconds_count" + cache + "}"));
            String single = "{client=\"holdfast\",";
            assertEquals(1, series.get("holdfast_tier_serving" + single + "tier=\"single\"}"));
            assertEquals(0, series.get("holdfast_tier_serving" + single + "tier=\"memory\"}"));
            assertEquals(1, series.get("holdfast_tier_state" + single + "state=\"closed\",tier=\"single\"}"));
            assertEquals(1, series.get("holdfast_status" + single + "status=\"healthy\"}"));
            assertEquals(67_108_864, series.get("holdfast_memory_max_bytes" + single + "tier=\"memory\"}"));
            assertTrue(
                    series.get("holdfast_tier_operation_seconds_bucket" + single + "tier=\"single\",le=\"+Inf\"}") > 0);
            Http answer = here.get("/metrics");
            assertTrue(answer.headers().get("content-type").startsWith("text/plain; version=0.0.4"));
            for (String secret : List.of("of-nobody", "s3cret")) {
                assertFalse(answer.body().contains(secret), secret);
            }
        }
    }

    @Test
    void countersNeverFall() {
        try (RedisServer redis = RedisServer.start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            Cache<String, String> leads =
                    here.client.cache("leads", String.class, String.class).build();
            Map<String, Double> before = Map.of();
            for (int round = 0; round < 6; round++) {
                for (int i = 0; i < 50; i++) {
                    leads.get("k" + i, key -> "v");
                }
                switch (round) {
                    case 1 -> here.client.forceFailover("single");
                    case 2 -> here.client.forceFailback();
                    case 3 -> {
                        leads.close();
                        leads = here.client
                                .cache("leads", String.class, String.class)
                                .build();
                    }
                    case 4 -> here.client.forceFailover("single");
                    default -> {}
                }
                Map<String, Double> now = series(here);
                before.forEach((name, value) -> {
                    if (name.matches(".*_(total|count|sum|bucket)\\b.*")) {
                        assertTrue(
                                now.getOrDefault(name, -1.0) >= value,
                                () -> name + " fell from " + value + " to " + now.get(name));
                    }
                });
                before = now;
            }
            assertTrue(
                    before.get("holdfast_cache_reads_total{cache=\"leads\",client=\"holdfast\",result=\"hit\"}") > 0);
        }
    }

    @Test
    void ofManyCachesAHundredAreNamed() {
        try (Monitored here = new Monitored()) {
            for (int i = 0; i < 150; i++) {
                here.client
                        .cache("cache-" + i, String.class, String.class)
                        .build()
                        .get("absent");
            }
            List<String> names = Arrays.stream(here.fresh("/metrics").body().split("\n", -1))
                    .filter(line -> line.startsWith("holdfast_cache_reads_total{"))
                    .map(line -> line.replaceAll(".*cache=\"([^\"]*)\".*", "$1"))
                    .distinct()
                    .toList();
            assertEquals(101, names.size());
            double other =
                    series(here).get("holdfast_cache_reads_total{cache=\"other\",client=\"holdfast\",result=\"miss\"}");
            assertEquals(50, other);
        }
    }
}
