package dev.holdfast.cache.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The runbook has every alert that somebody may be woken by, the process's own and Prometheus', and no other. */
class RunbookTest {
    private static final Path DOCS = Path.of("..", "docs");
    private static final Pattern ROW = Pattern.compile("(?m)^\\| (`[^|]*) \\|");
    private static final Pattern NAME = Pattern.compile("`([A-Za-z-]+)`");

    private static Set<String> namesOfRows(String document, String heading) {
        Matcher section =
                Pattern.compile("(?ms)^## " + heading + "\\R(.*?)(?=^## |\\z)").matcher(document);
        assertTrue(section.find(), heading);
        Set<String> names = new TreeSet<>();
        Matcher rows = ROW.matcher(section.group(1));
        while (rows.find()) {
            Matcher in = NAME.matcher(rows.group(1));
            while (in.find()) {
                names.add(in.group(1));
            }
        }
        return names;
    }

    @Test
    void everyAlertHasARow() throws IOException {
        Set<String> alerts = namesOfRows(Files.readString(DOCS.resolve("monitoring.md")), "Alerts");
        assertTrue(alerts.size() >= 7, alerts.toString());
        Matcher rules = Pattern.compile("(?m)^ *- alert: (\\w+)$")
                .matcher(Files.readString(Yamls.DEPLOY.resolve("prometheus").resolve("holdfast-alerts.yml")));
        while (rules.find()) {
            alerts.add(rules.group(1));
        }
        assertEquals(alerts, namesOfRows(Files.readString(DOCS.resolve("rollout.md")), "Runbook"));
    }
}
