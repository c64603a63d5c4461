package dev.holdfast.cache.deploy;

import static dev.holdfast.cache.deploy.Overlay.containers;
import static dev.holdfast.cache.deploy.Overlay.named;
import static dev.holdfast.cache.deploy.Yamls.at;
import static dev.holdfast.cache.deploy.Yamls.list;
import static dev.holdfast.cache.deploy.Yamls.map;
import static dev.holdfast.cache.deploy.Yamls.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What the overlays say, object by object, as they are when the bases are merged. */
class OverlaysTest {
    private static final String APP = "cached-service";

    private static List<Object> deployments(Overlay overlay) {
        return overlay.kind("Deployment")
                .filter(each -> APP.equals(at(each, "metadata", "labels", "app")))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("dev.holdfast.cache.deploy.Overlay#cached")
    void applicationsFindRedisUnderOneName(Overlay overlay) {
        Object service = overlay.one("Service", "redis");
        assertEquals(6379, at(service, "spec", "ports", 0, "port"));
        assertFalse(deployments(overlay).isEmpty());
        for (Object deployment : deployments(overlay)) {
            Map<String, String> environment =
                    overlay.environment(containers(deployment).get(0));
            assertEquals("redis:6379", environment.get("REDIS_HOST") + ":" + environment.get("REDIS_PORT"));
            boolean cluster = environment.containsKey("REDIS_CLUSTER_ENABLED");
            assertEquals(!overlay.name().equals("dev"), cluster);
            if (cluster) {
                assertEquals("redis:6379", environment.get("REDIS_CLUSTER_NODES"));
            }
            assertEquals(
                    cluster,
                    environment.containsKey("REDIS_CLUSTER_PASSWORD"),
                    "in vain it would be a WARN at each start");
            assertEquals(
                    cluster ? 6 : 1, at(overlay.kind("StatefulSet").findFirst().orElseThrow(), "spec", "replicas"));
            settingsAreWellFormed(environment);
        }
    }

    /** As the client itself reads them, servers aside. */
    private static void settingsAreWellFormed(Map<String, String> environment) {
        Map<String, String> settings = new HashMap<>(environment);
        settings.values().removeIf("(by reference)"::equals);
        settings.put("REDIS_ENABLED", "false");
        settings.put("REDIS_MONITORING_ENABLED", "false");
        try (CacheClient client = CacheClient.from(Settings.of(settings))) {
            assertTrue(client.isReady());
        }
    }

    @ParameterizedTest
    @MethodSource("dev.holdfast.cache.deploy.Overlay#cached")
    void probesHaveTheirNumbersAndDependOnNoServer(Overlay overlay) {
        for (Object deployment : deployments(overlay)) {
            Object app = at(deployment, "spec", "template", "spec", "containers", 0);
            assertEquals(
                    Map.of(
                            "httpGet", Map.of("path", "/health", "port", 8080),
                            "initialDelaySeconds", 10,
                            "periodSeconds", 5,
                            "failureThreshold", 3),
                    at(app, "livenessProbe"));
            assertEquals(
                    Map.of(
                            "httpGet", Map.of("path", "/ready", "port", 8080),
                            "initialDelaySeconds", 5,
                            "periodSeconds", 3,
                            "failureThreshold", 2),
                    at(app, "readinessProbe"));
            assertEquals("/health", text(app, "startupProbe", "httpGet", "path"));
            assertEquals("512Mi", text(app, "resources", "requests", "memory"));
            assertEquals("500m", text(app, "resources", "requests", "cpu"));
            assertEquals("1Gi", text(app, "resources", "limits", "memory"));
            assertEquals("1", text(app, "resources", "limits", "cpu"));
            assertEquals(
                    "kubernetes.io/hostname",
                    text(
                            deployment,
                            "spec",
                            "template",
                            "spec",
                            "affinity",
                            "podAntiAffinity",
                            "preferredDuringSchedulingIgnoredDuringExecution",
                            0,
                            "podAffinityTerm",
                            "topologyKey"));
        }
    }

    @ParameterizedTest
    @CsvSource({"dev,1,0", "staging,2,0", "production,4,1", "canary,9,1", "traefik-weighted,4,1"})
    void updatesGoOneByOneAndCanBeUndone(String name, int replicas, int away) {
        Object deployment = Overlay.of(name).one("Deployment", APP);
        assertEquals(replicas, at(deployment, "spec", "replicas"));
        assertEquals(
                Map.of("maxSurge", 1, "maxUnavailable", away), at(deployment, "spec", "strategy", "rollingUpdate"));
        assertEquals(600, at(deployment, "spec", "progressDeadlineSeconds"));
        assertEquals(10, at(deployment, "spec", "revisionHistoryLimit"));
    }

    @Test
    void theServiceOfACanaryLeadsToNineAndOne() {
        Overlay canary = Overlay.of("canary");
        Object selector = at(canary.one("Service", APP), "spec", "selector");
        List<Object> behind = canary.selected("holdfast", selector);
        assertEquals(
                List.of(9, 1),
                behind.stream().map(each -> at(each, "spec", "replicas")).toList());
        assertEquals(
                2,
                behind.stream()
                        .map(each -> text(each, "spec", "selector"))
                        .distinct()
                        .count());
        List<?> images = behind.stream()
                .map(each -> at(each, "spec", "template", "spec", "containers", 0, "image"))
                .distinct()
                .toList();
        assertEquals(2, images.size(), images.toString());
    }

    @Test
    void ofBlueAndGreenTheServiceLeadsToOneAndAPatchLeadsItToTheOther() {
        Overlay both = Overlay.of("blue-green");
        Map<Object, Object> selector = new HashMap<>(map(both.one("Service", APP), "spec", "selector"));
        assertEquals("blue", selector.get("version"));
        assertEquals(
                List.of("Deployment cached-service-blue"),
                both.selected("holdfast", selector).stream().map(Overlay::named).toList());
        selector.put("version", "green");
        assertEquals(
                List.of("Deployment cached-service-green"),
                both.selected("holdfast", selector).stream().map(Overlay::named).toList());
        assertEquals(2, deployments(both).size());
    }

    @Test
    void traefikWeighsNineToOneBetweenServicesThatAreThere() {
        Overlay overlay = Overlay.of("traefik-weighted");
        Object weighted = overlay.one("TraefikService", "cached-service-weighted");
        assertEquals("traefik.io/v1alpha1", at(weighted, "apiVersion"));
        List<Object> weights = new ArrayList<>();
        for (Object each : list(weighted, "spec", "weighted", "services")) {
            weights.add(at(each, "weight"));
            Object service = overlay.one("Service", text(each, "name"));
            assertEquals(at(service, "spec", "ports", 0, "port"), at(each, "port"));
            assertEquals(
                    1,
                    overlay.selected("holdfast", at(service, "spec", "selector"))
                            .size());
        }
        assertEquals(List.of(9, 1), weights);
        Object route = overlay.one("IngressRoute", APP);
        assertEquals("traefik.io/v1alpha1", at(route, "apiVersion"));
        assertEquals("cached-service-weighted", at(route, "spec", "routes", 0, "services", 0, "name"));
        assertEquals("TraefikService", at(route, "spec", "routes", 0, "services", 0, "kind"));
    }

    @Test
    void theClusterIsThreeMastersWithAReplicaEachOfOneGibibyte() {
        Overlay production = Overlay.of("production");
        Object set = production.one("StatefulSet", "redis-cluster");
        assertEquals(6, at(set, "spec", "replicas"));
        assertEquals("1Gi", text(containers(set).get(0), "resources", "limits", "memory"));
        assertEquals(1, at(production.one("PodDisruptionBudget", "redis-cluster"), "spec", "maxUnavailable"));
        assertTrue(text(containers(set).get(0), "readinessProbe", "exec", "command")
                .contains("cluster_state:ok"));
        assertEquals("None", at(production.one("Service", "redis-cluster"), "spec", "clusterIP"));
        assertEquals(
                at(set, "spec", "serviceName"), at(production.one("Service", "redis-cluster"), "metadata", "name"));
        String hosts = production
                .environment(
                        containers(production.one("Job", "redis-cluster-init")).get(0))
                .get("NODES");
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            expected.add("redis-cluster-" + i + ".redis-cluster:6379");
        }
        assertEquals(expected, List.of(hosts.strip().split(" +")));
    }

    @ParameterizedTest
    @MethodSource("dev.holdfast.cache.deploy.Overlay#cached")
    void everythingBelongsToAPartInWhoseOrderItIsApplied(Overlay overlay) {
        for (Object object : overlay.objects()) {
            String part = text(object, "metadata", "labels", "holdfast.dev/part");
            assertTrue(List.of("infrastructure", "data", "application").contains(part), named(object) + " " + part);
            assertFalse(
                    !part.equals("infrastructure")
                            && List.of("NetworkPolicy", "Namespace").contains(text(object, "kind")),
                    named(object));
        }
    }

    @Test
    void applicationsOfTheStreamsDemoScaleInTheirBounds() {
        Overlay streams = Overlay.of("streams-demo");
        Map<String, List<Integer>> bounds = Map.of("ingress-service", List.of(3, 10), "proxy-service", List.of(15, 30));
        bounds.forEach((name, both) -> {
            Object scaler = streams.one("HorizontalPodAutoscaler", name);
            assertEquals(both, List.of(at(scaler, "spec", "minReplicas"), at(scaler, "spec", "maxReplicas")));
        });
    }
}
