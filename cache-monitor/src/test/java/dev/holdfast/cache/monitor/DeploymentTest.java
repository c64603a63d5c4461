package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The dashboard and the alert rules for Prometheus, as they are in {@code deploy}; what real programs make of them is for {@link PrometheusTest}. */
class DeploymentTest {
    private static final Pattern METRIC = Pattern.compile("holdfast_[a-z_]+");
    private static final Set<String> VARIABLES = Set.of("datasource", "client", "cache", "__rate_interval");

    private static void assertBySource(Object owner) {
        Map<?, ?> source =
                assertInstanceOf(Map.class, assertInstanceOf(Map.class, owner).get("datasource"));
        assertEquals(Map.of("type", "prometheus", "uid", "${datasource}"), source);
    }

    @Test
    void theDashboardTakesItsDataFromTheSourceThatIsChosen() {
        Map<?, ?> dashboard = Deployment.dashboard();
        int schema = assertInstanceOf(Integer.class, dashboard.get("schemaVersion"));
        assertTrue(schema >= 36, () -> "schema " + schema + " is older than Grafana 9");
        Set<Object> ids = new HashSet<>();
        for (Map<?, ?> panel : Deployment.maps(dashboard.get("panels"))) {
            assertTrue(ids.add(assertNotNullId(panel)), () -> "two panels are " + panel.get("id"));
            assertBySource(panel);
            List<Map<?, ?>> targets = Deployment.maps(panel.get("targets"));
            assertTrue(!targets.isEmpty(), () -> panel.get("title") + " asks for nothing");
            targets.forEach(DeploymentTest::assertBySource);
        }
        Map<?, ?> templating = assertInstanceOf(Map.class, dashboard.get("templating"));
        List<Object> variables = Deployment.maps(templating.get("list")).stream()
                .<Object>map(each -> each.get("name"))
                .toList();
        assertEquals(List.of("datasource", "client", "cache"), variables);
        for (String expression : Deployment.panels()) {
            Matcher variable = Pattern.compile("\\$\\{?(\\w+)").matcher(expression);
            while (variable.find()) {
                assertTrue(VARIABLES.contains(variable.group(1)), expression);
            }
        }
    }

    private static Object assertNotNullId(Map<?, ?> panel) {
        assertNotNull(panel.get("id"), () -> panel.get("title") + " has no id");
        return Objects.requireNonNull(panel.get("id"));
    }

    @Test
    void theyAskForWhatTheMetricsHave() {
        Set<String> asked = new HashSet<>();
        for (List<String> expressions : List.of(Deployment.panels(), Deployment.rules())) {
            for (String expression : expressions) {
                Matcher names = METRIC.matcher(expression.replaceAll("holdfast:[a-z_:0-9]+", ""));
                while (names.find()) {
                    asked.add(names.group().replaceAll("_(bucket|sum|count)$", ""));
                }
            }
        }
        assertTrue(asked.size() > 10, asked::toString);
        try (RedisServer redis = RedisServer.builder().maxMemory(64 << 20).start();
                Monitored here = new Monitored("REDIS_URL", redis.url())) {
            here.client.cache("leads", String.class, String.class).build().get("k", key -> "v");
            here.client.forceFailover("single");
            String metrics = here.fresh("/metrics").body();
            asked.removeIf(name -> metrics.contains("# TYPE " + name + ' '));
            assertEquals(Set.of(), asked, "that nobody has");
        }
    }
}
