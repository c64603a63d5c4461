package dev.holdfast.cache.monitor;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** What lies in {@code deploy} for Prometheus and Grafana. */
final class Deployment {
    static final Path RULES = Path.of("..", "deploy", "prometheus", "holdfast-alerts.yml");
    static final Path RULE_TESTS = Path.of("..", "deploy", "prometheus", "holdfast-alerts-test.yml");
    private static final Path DASHBOARD = Path.of("..", "deploy", "grafana", "holdfast-cache.json");

    private Deployment() {}

    /** YAML, of which JSON is a part. */
    private static Map<?, ?> read(Path file) {
        try {
            return (Map<?, ?>) new Yaml(new SafeConstructor(new LoaderOptions())).load(Files.readString(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<Map<?, ?>> maps(Object list) {
        List<Map<?, ?>> maps = new ArrayList<>();
        for (Object each : (List<?>) list) {
            maps.add((Map<?, ?>) each);
        }
        return maps;
    }

    static Map<?, ?> dashboard() {
        return read(DASHBOARD);
    }

    /** The expressions of the dashboard. */
    static List<String> panels() {
        return maps(dashboard().get("panels")).stream()
                .flatMap(panel -> maps(panel.get("targets")).stream())
                .map(target -> (String) target.get("expr"))
                .toList();
    }

    /** The rules themselves. */
    static List<Map<?, ?>> rulesAsTheyAre() {
        return maps(maps(read(RULES).get("groups")).get(0).get("rules"));
    }

    /** The expressions of the rules. */
    static List<String> rules() {
        return rulesAsTheyAre().stream()
                .map(rule -> ((String) rule.get("expr")).strip())
                .toList();
    }

    /** What an expression of the dashboard is once its variables are chosen. */
    static String chosen(String expression) {
        return expression.replace("$client", ".*").replace("$cache", ".*").replace("$__rate_interval", "10s");
    }
}
