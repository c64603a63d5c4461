package dev.holdfast.cache.deploy;

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

/** Documents of YAML as maps and lists, and what is at a path in them. */
final class Yamls {
    static final Path DEPLOY = Path.of("..", "deploy");

    private Yamls() {}

    static List<Object> documents(Path file) {
        try {
            return documents(Files.readString(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<Object> documents(String text) {
        LoaderOptions options = new LoaderOptions();
        options.setAllowDuplicateKeys(false);
        List<Object> all = new ArrayList<>();
        new Yaml(new SafeConstructor(options)).loadAll(text).forEach(all::add);
        return all;
    }

    /** What is at a path of names and positions, {@code null} if nothing. */
    static Object at(Object object, Object... path) {
        Object found = object;
        for (Object step : path) {
            if (found instanceof Map<?, ?> map) {
                found = map.get(step);
            } else if (found instanceof List<?> list && step instanceof Integer index && index < list.size()) {
                found = list.get(index);
            } else {
                return null;
            }
        }
        return found;
    }

    static List<?> list(Object object, Object... path) {
        Object found = at(object, path);
        return found == null ? List.of() : (List<?>) found;
    }

    static Map<?, ?> map(Object object, Object... path) {
        Object found = at(object, path);
        return found == null ? Map.of() : (Map<?, ?>) found;
    }

    static String text(Object object, Object... path) {
        return String.valueOf(at(object, path));
    }
}
