package dev.holdfast.cache.deploy;

import static dev.holdfast.cache.deploy.Yamls.at;
import static dev.holdfast.cache.deploy.Yamls.list;
import static dev.holdfast.cache.deploy.Yamls.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.zjsonpatch.JsonPatch;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * What {@code kubectl kustomize} makes of a folder, as far as the overlays use it: {@code resources}, {@code namespace}, and {@code patches} that are
 * JSON patches with a target by kind, and name or label. Anything else is an error. {@link KubectlTest} holds it against the real one.
 */
final class Kustomization {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Set<String> KNOWN =
            Set.of("apiVersion", "kind", "resources", "namespace", "patches", "sortOptions");

    private Kustomization() {}

    static List<JsonNode> build(Path folder) {
        Object file = Yamls.documents(folder.resolve("kustomization.yaml")).get(0);
        for (Object name : Yamls.map(file).keySet()) {
            if (!KNOWN.contains(name)) {
                throw new IllegalArgumentException(folder + ": " + name + " is not known to this test");
            }
        }
        List<JsonNode> objects = new ArrayList<>();
        for (Object resource : list(file, "resources")) {
            Path path = folder.resolve((String) resource);
            if (Files.isDirectory(path)) {
                objects.addAll(build(path));
            } else {
                Yamls.documents(path).forEach(object -> objects.add(JSON.valueToTree(object)));
            }
        }
        list(file, "patches").forEach(patch -> patch(objects, patch));
        if (at(file, "namespace") != null) {
            objects.forEach(object -> move(object, text(file, "namespace")));
        }
        return objects;
    }

    private static void patch(List<JsonNode> objects, Object patch) {
        JsonNode operations = operations(text(patch, "patch"));
        int found = 0;
        for (int i = 0; i < objects.size(); i++) {
            JsonNode object = objects.get(i);
            if (isTarget(object, at(patch, "target"))) {
                objects.set(i, JsonPatch.apply(operations, object));
                found++;
            }
        }
        boolean one = at(patch, "target", "name") != null;
        if (one ? found != 1 : found == 0) {
            throw new IllegalArgumentException(found + " objects are the target of " + patch);
        }
    }

    /** What begins with a bracket has to be JSON, as the real one demands. */
    private static JsonNode operations(String patch) {
        try {
            return patch.startsWith("[")
                    ? JSON.readTree(patch)
                    : JSON.valueToTree(Yamls.documents(patch).get(0));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("no JSON patch: " + patch, e);
        }
    }

    private static boolean isTarget(JsonNode object, Object target) {
        String[] label = at(target, "labelSelector") == null
                ? new String[0]
                : text(target, "labelSelector").split("=", 2);
        return object.get("kind").asText().equals(at(target, "kind"))
                && (at(target, "name") == null
                        || object.at("/metadata/name").asText().equals(at(target, "name")))
                && (label.length == 0
                        || object.at("/metadata/labels/" + label[0]).asText().equals(label[1]));
    }

    private static void move(JsonNode object, String namespace) {
        if (!object.get("kind").asText().equals("Namespace")) {
            ((ObjectNode) object.get("metadata")).put("namespace", namespace);
        }
    }
}
