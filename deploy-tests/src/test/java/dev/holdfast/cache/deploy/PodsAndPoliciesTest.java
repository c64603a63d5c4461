package dev.holdfast.cache.deploy;

import static dev.holdfast.cache.deploy.Overlay.containers;
import static dev.holdfast.cache.deploy.Overlay.named;
import static dev.holdfast.cache.deploy.Yamls.at;
import static dev.holdfast.cache.deploy.Yamls.list;
import static dev.holdfast.cache.deploy.Yamls.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What pods may do and whom they may talk to, in every overlay. */
class PodsAndPoliciesTest {
    private static final String APP = "cached-service";

    @ParameterizedTest
    @MethodSource("dev.holdfast.cache.deploy.Overlay#all")
    void podsHaveNoMoreRightsThanTheyNeedAndNoImageChangesUnderneath(Overlay overlay) {
        for (Object workload : overlay.workloads()) {
            Object pod = at(workload, "spec", "template", "spec");
            assertEquals(true, at(pod, "securityContext", "runAsNonRoot"), named(workload));
            assertEquals(false, at(pod, "enableServiceLinks"), named(workload));
            assertTrue(
                    at(pod, "serviceAccountName") != null
                            || Objects.equals(at(pod, "automountServiceAccountToken"), false),
                    named(workload));
            for (Object container : containers(workload)) {
                assertEquals(true, at(container, "securityContext", "readOnlyRootFilesystem"), named(workload));
                assertEquals(false, at(container, "securityContext", "allowPrivilegeEscalation"), named(workload));
                assertEquals(List.of("ALL"), at(container, "securityContext", "capabilities", "drop"), named(workload));
                assertNotNull(at(container, "resources", "limits", "memory"), named(workload));
                assertTrue(text(container, "image").matches(".+:[^:]*[0-9][^:]*"), text(container, "image"));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.holdfast.cache.deploy.Overlay#all")
    void selectorsFindPodsAndPortsAreThoseOfContainers(Overlay overlay) {
        overlay.kind("Service", "PodDisruptionBudget").forEach(object -> {
            boolean service = Objects.equals(at(object, "kind"), "Service");
            Object labels = service ? at(object, "spec", "selector") : at(object, "spec", "selector", "matchLabels");
            List<Object> found = overlay.selected(at(object, "metadata", "namespace"), labels);
            assertFalse(found.isEmpty(), overlay.name() + ": " + named(object));
            for (Object port : list(object, "spec", "ports")) {
                assertTrue(
                        found.stream().allMatch(each -> ports(each).contains(at(port, "targetPort"))),
                        named(object) + port);
            }
        });
        for (Object workload : overlay.workloads()) {
            Object selector = at(workload, "spec", "selector", "matchLabels");
            assertTrue(
                    overlay.selected(at(workload, "metadata", "namespace"), selector)
                            .contains(workload),
                    named(workload));
        }
        overlay.kind("NetworkPolicy").forEach(policy -> policyFits(overlay, policy));
    }

    /** Names and numbers of a workload's ports. */
    private static List<Object> ports(Object workload) {
        List<Object> ports = new ArrayList<>();
        for (Object container : containers(workload)) {
            for (Object port : list(container, "ports")) {
                ports.add(at(port, "name"));
                ports.add(at(port, "containerPort"));
            }
        }
        return ports;
    }

    private static void policyFits(Overlay overlay, Object policy) {
        Object namespace = at(policy, "metadata", "namespace");
        List<Object> pods = overlay.selected(namespace, at(policy, "spec", "podSelector", "matchLabels"));
        assertFalse(pods.isEmpty(), overlay.name() + ": " + named(policy));
        for (Object rule : list(policy, "spec", "ingress")) {
            for (Object port : list(rule, "ports")) {
                assertTrue(
                        pods.stream().anyMatch(each -> ports(each).contains(at(port, "port"))), named(policy) + port);
            }
        }
        for (String way : List.of("ingress", "egress")) {
            for (Object rule : list(policy, "spec", way)) {
                for (Object peer : list(rule, way.equals("ingress") ? "from" : "to")) {
                    Object labels = at(peer, "podSelector", "matchLabels");
                    if (at(peer, "namespaceSelector") == null
                            && labels != null
                            && !labels.toString().contains("app.kubernetes.io")) {
                        assertFalse(overlay.selected(namespace, labels).isEmpty(), named(policy) + peer);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.holdfast.cache.deploy.Overlay#cached")
    void nothingIsAllowedButWhatIsSaid(Overlay overlay) {
        Object deny = overlay.one("NetworkPolicy", "default-deny");
        assertEquals(Map.of(), at(deny, "spec", "podSelector"));
        assertEquals(List.of("Ingress", "Egress"), at(deny, "spec", "policyTypes"));
        assertNull(at(deny, "spec", "ingress"));
        assertNull(at(deny, "spec", "egress"));

        Object redis = overlay.one("NetworkPolicy", "redis");
        assertEquals(
                Map.of("redis-client", "true"),
                at(redis, "spec", "ingress", 0, "from", 0, "podSelector", "matchLabels"));
        assertEquals(List.of(Map.of("protocol", "TCP", "port", 6379)), at(redis, "spec", "ingress", 0, "ports"));

        Object app = overlay.one("NetworkPolicy", APP);
        assertEquals(8080, at(app, "spec", "ingress", 0, "ports", 0, "port"));
        assertEquals(
                Map.of("kubernetes.io/metadata.name", "monitoring"),
                at(app, "spec", "ingress", 1, "from", 0, "namespaceSelector", "matchLabels"));
        assertEquals(List.of(Map.of("protocol", "TCP", "port", 8081)), at(app, "spec", "ingress", 1, "ports"));
        assertEquals(
                List.of(6379, 443),
                list(app, "spec", "egress").stream()
                        .map(rule -> at(rule, "ports", 0, "port"))
                        .toList());
    }

    @ParameterizedTest
    @MethodSource("dev.holdfast.cache.deploy.Overlay#all")
    void noSecretIsInAnyFile(Overlay overlay) {
        assertEquals(0, overlay.kind("Secret").count());
        for (Object workload : overlay.workloads()) {
            for (Object container : containers(workload)) {
                overlay.environment(container).forEach((name, value) -> {
                    if (name.matches(".*(PASSWORD|TOKEN|AUTH$|WEBHOOK_URL|SECRET).*")) {
                        assertEquals("(by reference)", value, named(workload) + " " + name);
                    }
                });
            }
        }
    }
}
