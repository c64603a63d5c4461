package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The module lies on the class path, and nobody has asked for it. */
class UnmonitoredTest {
    @TempDir
    Path dir;

    private String run(String enabled, Path loaded) throws Exception {
        Process process = started(path(), "-Xlog:class+load:file=" + loaded, enabled);
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), () -> output);
        return output;
    }

    private static String path() {
        return String.join(
                File.pathSeparator,
                "target/classes",
                "target/test-classes",
                System.getProperty("jdk.module.path", ""),
                System.getProperty("java.class.path"));
    }

    private Process started(String path, String option, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                option,
                "-cp",
                path,
                Unmonitored.class.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command)
                .redirectError(dir.resolve("err").toFile())
                .start();
    }

    @Test
    void mailWithoutWhatSendsItEndsTheStartAndNothingElseMissesIt() throws Exception {
        String without = Arrays.stream(path().split(File.pathSeparator, -1))
                .filter(entry -> !entry.contains("mail"))
                .collect(Collectors.joining(File.pathSeparator));
        assertEquals(0, started(without, "-Xshare:auto", "true").waitFor(), "mail is not wanted");
        String url = "smtps://u:s3cret@mail.example.com?from=a@example.com&to=b@example.com";
        assertEquals(1, started(without, "-Xshare:auto", "true", url).waitFor());
        String error = Files.readString(dir.resolve("err"));
        assertTrue(error.contains("REDIS_ALERT_SMTP_URL is set, but"), error);
        assertTrue(error.contains("add org.eclipse.angus:angus-mail"), error);
        assertFalse(error.contains("s3cret"), error);
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
