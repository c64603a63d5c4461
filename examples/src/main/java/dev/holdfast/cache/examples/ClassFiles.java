package dev.holdfast.cache.examples;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/** The class files of the running JDK: real input that every machine has. */
final class ClassFiles {
    private final Map<String, Path> byName = new HashMap<>();
    private final List<String> names;

    /** Lists them, in an order that {@code seed} decides: the first are the ones most looked up. */
    ClassFiles(long seed) {
        Path modules = FileSystems.getFileSystem(URI.create("jrt:/")).getPath("/modules/java.base");
        try (Stream<Path> files = Files.walk(modules)) {
            files.filter(file -> file.toString().endsWith(".class"))
                    .forEach(file -> byName.put(
                            modules.relativize(file)
                                    .toString()
                                    .replace('/', '.')
                                    .replaceFirst("\\.class$", ""),
                            file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        names = new ArrayList<>(byName.keySet());
        Collections.sort(names);
        Collections.shuffle(names, new Random(seed));
    }

    int count() {
        return names.size();
    }

    String name(int rank) {
        return names.get(rank);
    }

    byte[] read(String name) throws IOException {
        return Files.readAllBytes(byName.get(name));
    }
}
