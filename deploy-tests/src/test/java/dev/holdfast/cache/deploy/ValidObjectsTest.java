package dev.holdfast.cache.deploy;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.lang.reflect.InvocationTargetException;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every object is one of Kubernetes' own, to two models of it that were made apart: no field is misspelt, missing or of another type. */
class ValidObjectsTest {
    private static final ObjectMapper JSON =
            new ObjectMapper().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
    private static final Map<String, String> PACKAGES = Map.of(
            "v1", "io.fabric8.kubernetes.api.model.",
            "apps/v1", "io.fabric8.kubernetes.api.model.apps.",
            "batch/v1", "io.fabric8.kubernetes.api.model.batch.v1.",
            "autoscaling/v2", "io.fabric8.kubernetes.api.model.autoscaling.v2.",
            "networking.k8s.io/v1", "io.fabric8.kubernetes.api.model.networking.v1.",
            "policy/v1", "io.fabric8.kubernetes.api.model.policy.v1.",
            "rbac.authorization.k8s.io/v1", "io.fabric8.kubernetes.api.model.rbac.");
    private static final String TRAEFIK = "traefik.io/v1alpha1";

    @ParameterizedTest
    @MethodSource("dev.holdfast.cache.deploy.Overlay#all")
    void everyObjectIsValid(Overlay overlay) {
        assertFalse(overlay.objects().isEmpty());
        for (Object object : overlay.objects()) {
            JsonNode node = JSON.valueToTree(object);
            if (node.get("apiVersion").asText().equals(TRAEFIK)) {
                assertTrue(overlay.name().equals("traefik-weighted"), overlay.name());
            } else {
                assertDoesNotThrow(() -> check(node), () -> overlay.name() + ": " + Overlay.named(object));
            }
        }
    }

    /** Both models, one after the other. */
    private static void check(JsonNode object) throws Throwable {
        String api = object.get("apiVersion").asText();
        String kind = object.get("kind").asText();
        String version = api.substring(api.indexOf('/') + 1).toUpperCase(Locale.ROOT);
        Class<?> ofClient = Class.forName("io.kubernetes.client.openapi.models." + version + kind);
        try {
            ofClient.getMethod("validateJsonElement", JsonElement.class)
                    .invoke(null, JsonParser.parseString(JSON.writeValueAsString(object)));
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
        Class<?> ofModel = Class.forName(PACKAGES.get(api) + kind);
        JsonNode back = JSON.valueToTree(JSON.treeToValue(object, ofModel));
        // The model keeps what it does not know: what it knows comes back in another form, or is the same.
        UnknownFields.assertNone(JSON.treeToValue(object, ofModel));
        assertEquals(object.at("/metadata/name"), back.at("/metadata/name"));
    }

    @Test
    void aMisspeltFieldAndAWrongTypeAreFound() {
        Object deployment = Overlay.of("production").one("Deployment", "cached-service");
        ObjectNode misspelt = JSON.valueToTree(deployment);
        ((ObjectNode) misspelt.at("/spec/template/spec")).put("enableServiceLink", false);
        assertThrows(Throwable.class, () -> check(misspelt));
        ObjectNode wrong = JSON.valueToTree(deployment);
        ((ObjectNode) wrong.at("/spec")).put("replicas", "many");
        assertThrows(Throwable.class, () -> check(wrong));
        ObjectNode alsoInside = JSON.valueToTree(deployment);
        ((ObjectNode) alsoInside.at("/spec/template/spec/containers/0/livenessProbe")).put("periodSecond", 5);
        assertThrows(
                AssertionError.class,
                () -> UnknownFields.assertNone(JSON.treeToValue(
                        alsoInside, Class.forName("io.fabric8.kubernetes.api.model.apps.Deployment"))));
    }
}
