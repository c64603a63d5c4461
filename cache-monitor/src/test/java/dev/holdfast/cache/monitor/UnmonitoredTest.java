package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The module lies on the class path, and nobody has asked for it. */
class UnmonitoredTest {
    @TempDir
    Path dir;

    private String run(String enabled, Path loaded) throws Exception {
        String path = String.join(
                File.pathSeparator,
                "target/classes",
                "target/test-classes",
                System.getProperty("jdk.module.path", ""),
                System.getProperty("java.class.path"));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xlog:class+load:file=" + loaded,
                        "-cp",
                        path,
                        Unmonitored.class.getName(),
                        enabled)
                .redirectError(dir.resolve("err").toFile())
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), () -> output);
        return output;
    }

    private static List<String> ofTheModule(Path loaded) throws Exception {
        return Files.readAllLines(loaded).stream()
                .filter(line -> line.contains("dev.holdfast.cache.monitor.") && !line.contains(".Unmonitored"))
                .toList();
    }

    @Test
    void noClassIsLoadedAndNoThreadStartedUnlessTheVariableSaysSo() throws Exception {
        Path loaded = dir.resolve("loaded");
        String off = run("false", loaded);
        assertEquals(List.of(), ofTheModule(loaded));
        assertFalse(off.contains("monitor") || off.contains("HTTP"), off);
        String on = run("true", loaded);
        assertFalse(ofTheModule(loaded).isEmpty(), "the other case shows that this one would be seen");
        assertTrue(on.contains("holdfast-holdfast-monitor"), on);
    }
}
