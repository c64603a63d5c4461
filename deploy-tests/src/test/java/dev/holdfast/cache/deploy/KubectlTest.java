package dev.holdfast.cache.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code mvn -Pkubectl verify}: the real kustomize makes the same of each overlay as {@link Kustomization}, which the other tests look at. */
@Tag("kubectl")
class KubectlTest {
    @ParameterizedTest
    @MethodSource("dev.holdfast.cache.deploy.Overlay#all")
    void kubectlKustomizeMakesTheSame(Overlay overlay) {
        Path folder = Yamls.DEPLOY.resolve("k8s").resolve("overlays").resolve(overlay.name());
        Shell.Output built = Shell.run(List.of("kubectl", "kustomize", folder.toString()), Map.of())
                .mustEndWith(0);
        assertEquals(byName(overlay.objects()), byName(Yamls.documents(built.out())));
    }

    private static Map<String, Object> byName(List<Object> objects) {
        Map<String, Object> all = new TreeMap<>();
        objects.forEach(
                object -> all.put(Yamls.text(object, "metadata", "namespace") + " " + Overlay.named(object), object));
        assertEquals(objects.size(), all.size());
        return all;
    }
}
