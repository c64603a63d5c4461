package dev.holdfast.spring.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What editors and the actuator know of the properties. */
class MetadataTest {
    private static JsonNode metadata() throws Exception {
        try (var in = HoldfastProperties.class.getResourceAsStream("/META-INF/spring-configuration-metadata.json")) {
            return new JsonMapper().readTree(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    /** The names of the records' components, which are all that can be bound. */
    private static void leaves(Class<?> type, String prefix, List<String> names) {
        for (RecordComponent component : type.getRecordComponents()) {
            String name = prefix
                    + '.'
                    + component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(java.util.Locale.ROOT);
            if (component.getType().isRecord()) {
                leaves(component.getType(), name, names);
            } else {
                names.add(name);
            }
        }
    }

    @Test
    void everyPropertyIsThereWithADescription() throws Exception {
        List<String> expected = new ArrayList<>();
        leaves(HoldfastProperties.class, "holdfast", expected);
        List<String> found = new ArrayList<>();
        for (JsonNode property : metadata().get("properties")) {
            found.add(property.get("name").asString());
            assertTrue(
                    property.path("description").asString("").endsWith("."),
                    () -> property.get("name").asString() + " says nothing");
        }
        assertEquals(new TreeSet<>(expected), new TreeSet<>(found));
        found.forEach(ConfigurationPropertyName::of);
    }

    @Test
    void everyAutoConfigurationIsListedAndExists() throws Exception {
        List<String> listed = Files.readAllLines(Path.of(
                "src/main/resources/META-INF/spring/org.springframework.boot.autoconfigure.AutoConfiguration.imports"));
        try (var sources = Files.list(Path.of("src/main/java/dev/holdfast/spring/boot"))) {
            List<String> there = sources.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith("AutoConfiguration.java"))
                    .map(name -> "dev.holdfast.spring.boot." + name.replace(".java", ""))
                    .sorted()
                    .toList();
            assertEquals(there, listed);
        }
    }

    @Test
    void secretsAreInNoText() {
        HoldfastProperties.Single single = new HoldfastProperties.Single(
                "redis://:s3cret@h", "h", 1, "u", "s3cret", 0, new HoldfastProperties.Ssl(null, null));
        HoldfastProperties.Cluster cluster = new HoldfastProperties.Cluster(
                List.of("h:1"), "u", "s3cret", null, new HoldfastProperties.Ssl(null, null));
        String all = "" + single + cluster + new HoldfastProperties.Upstash("https://u", "s3cret")
                + new HoldfastProperties.Monitoring(true, "", "s3cret") + Map.of();
        assertTrue(all.contains("***") && !all.contains("s3cret"), all);
    }
}
