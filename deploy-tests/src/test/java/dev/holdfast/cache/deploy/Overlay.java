package dev.holdfast.cache.deploy;

import static dev.holdfast.cache.deploy.Yamls.at;
import static dev.holdfast.cache.deploy.Yamls.list;
import static dev.holdfast.cache.deploy.Yamls.map;
import static dev.holdfast.cache.deploy.Yamls.text;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/** The objects of one overlay, and what is asked of them. */
record Overlay(String name, List<Object> objects) {
    /** All of them; the last has files of its own throughout. */
    static final List<String> NAMES =
            List.of("dev", "staging", "production", "canary", "blue-green", "traefik-weighted", "streams-demo");

    static Overlay of(String name) {
        return of(Yamls.DEPLOY.resolve("k8s").resolve("overlays").resolve(name), name);
    }

    static Overlay of(Path folder, String name) {
        ObjectMapper json = new ObjectMapper();
        List<Object> objects = new ArrayList<>();
        Kustomization.build(folder).forEach(object -> objects.add(json.convertValue(object, Object.class)));
        return new Overlay(name, objects);
    }

    /** Those of the cache. */
    static Stream<Overlay> cached() {
        return NAMES.stream().filter(name -> !name.equals("streams-demo")).map(Overlay::of);
    }

    static Stream<Overlay> all() {
        return NAMES.stream().map(Overlay::of);
    }

    Stream<Object> kind(String... kinds) {
        return objects.stream().filter(object -> List.of(kinds).contains(at(object, "kind")));
    }

    Object one(String kind, String named) {
        List<Object> found = kind(kind)
                .filter(object -> named.equals(at(object, "metadata", "name")))
                .toList();
        assertEquals(1, found.size(), kind + " " + named + " of " + name);
        return found.get(0);
    }

    List<Object> workloads() {
        return kind("Deployment", "StatefulSet", "Job").toList();
    }

    /** The workloads of a namespace whose pods have these labels; all if there are none. */
    List<Object> selected(Object namespace, Object labels) {
        return workloads().stream()
                .filter(each -> Objects.equals(namespace, at(each, "metadata", "namespace")))
                .filter(each -> labels == null
                        || map(each, "spec", "template", "metadata", "labels")
                                .entrySet()
                                .containsAll(map(labels).entrySet()))
                .toList();
    }

    static List<Object> containers(Object workload) {
        List<Object> all = new ArrayList<>(list(workload, "spec", "template", "spec", "containers"));
        all.addAll(list(workload, "spec", "template", "spec", "initContainers"));
        return all;
    }

    /** What a container of the application has in its environment; of secrets and of fields only that there is something. */
    Map<String, String> environment(Object container) {
        Map<String, String> all = new HashMap<>();
        for (Object from : list(container, "envFrom")) {
            map(one("ConfigMap", text(from, "configMapRef", "name")), "data")
                    .forEach((key, value) -> all.put((String) key, (String) value));
        }
        for (Object each : list(container, "env")) {
            all.put(text(each, "name"), at(each, "value") == null ? "(by reference)" : text(each, "value"));
        }
        return all;
    }

    static String named(Object object) {
        return text(object, "kind") + " " + text(object, "metadata", "name");
    }
}
