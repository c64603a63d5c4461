package dev.holdfast.cache.micrometer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.NearCache;
import dev.holdfast.cache.testkit.RedisServer;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.ObservationRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/micrometer.md: its table has just the meters that there are, with just their tags, and the monitor's names are the monitor's. */
class MicrometerDocTest {
    private static final Path DOCS = Path.of("..", "docs");
    private static final Pattern WORD = Pattern.compile("`([a-z_.]+)`");

    /** A line of the table: its cells. */
    private static List<String[]> rows() throws IOException {
        List<String[]> rows = new ArrayList<>();
        for (String line : Files.readAllLines(DOCS.resolve("micrometer.md"))) {
            if (line.startsWith("| `")) {
                rows.add(line.split(" *\\| *", -1));
            }
        }
        return rows;
    }

    private static Set<String> words(String text) {
        Set<String> words = new TreeSet<>();
        Matcher each = WORD.matcher(text);
        while (each.find()) {
            words.add(each.group(1));
        }
        return words;
    }

    private static Set<String> tags(String meter, String cell, Set<String> before) {
        if (cell.startsWith("the same")) {
            return before;
        }
        // What stands behind a colon are values.
        Set<String> tags =
                words(cell.replaceAll(": *`[^a-z]*[a-z_]+`(, `[a-z_]+`)*", "").replaceAll("\\([^)]*\\)", ""));
        if (meter.startsWith("cache.")) {
            tags.addAll(Set.of("cache", "name", "cache.manager"));
        } else {
            tags.addAll(Set.of("client", "region"));
        }
        return tags;
    }

    @Test
    void theTableHasJustTheMetersThatThereAre() throws Exception {
        MeterRegistry registry = new SimpleMeterRegistry();
        try (RedisServer redis = RedisServer.start();
                CacheClient there = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())));
                CacheClient here = CacheClient.from(Settings.of(Map.of()))) {
            for (CacheClient client : List.of(there, here)) {
                CacheClientMetrics.of(client)
                        .withTags(Tags.of("region", "north"))
                        .bindTo(registry);
                client.cache("users", String.class, String.class).build().get("k", key -> "v");
                Cache<String, String> near = client.cache("near", String.class, String.class)
                        .near(NearCache.ofBytes(1 << 20))
                        .build();
                near.get("k", key -> "v");
                near.clear();
            }
            Set<String> documented = new TreeSet<>();
            Set<String> before = Set.of();
            for (String[] row : rows()) {
                String meter = words(row[1]).iterator().next();
                documented.add(meter);
                Set<String> tags = tags(meter, row[2], before);
                assertEquals(Set.of(tags), Meters.keys(registry, meter), meter);
                before = new TreeSet<>(tags);
                before.remove("db.client.connection.state");
            }
            assertEquals(Meters.names(registry), documented);
        }
    }

    @Test
    void theMonitorsNamesAreTheMonitors() throws Exception {
        String monitoring = Files.readString(DOCS.resolve("monitoring.md"));
        Set<String> names = new TreeSet<>();
        for (String[] row : rows()) {
            Matcher name = Pattern.compile("holdfast_[a-z_]+").matcher(row[4]);
            while (name.find()) {
                names.add(name.group());
            }
        }
        assertTrue(names.size() > 8, names::toString);
        names.forEach(name -> assertTrue(monitoring.contains(name), name));
    }

    @Test
    void theExampleRuns() {
        MeterRegistry meters = new SimpleMeterRegistry();
        ObservationRegistry observations = ObservationRegistry.create();
        try (CacheClient client = CacheClient.builder()
                .settings(Settings.of(Map.of()))
                .contextCarrier(Observations.carrier())
                .build()) {
            CacheClientMetrics.of(client).bindTo(meters);
            Runnable end = Observations.observe(client, observations);
            assertEquals(
                    "v", client.cache("c", String.class, String.class).build().get("k", key -> "v"));
            assertEquals(1, Meters.value(meters, "cache.puts"));
            end.run();
        }
    }
}
