package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GuardTest {
    /** What the child JVM runs: two servers, one of them frozen; it then prints and waits for its end. */
    static final class Child {
        public static void main(String[] args) throws Exception {
            RedisServer first = RedisServer.start();
            RedisServer second = RedisServer.start();
            second.freeze();
            System.out.println(
                    first.pid() + " " + second.pid() + " " + first.directory().getParent());
            if (args[0].equals("exit")) {
                System.exit(0);
            }
            Thread.sleep(120_000);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"KILL", "TERM", "INT", "exit"})
    void noServerAndNoFileOutlivesTheJvm(String end) throws Exception {
        assumeFalse(end.equals("INT") && ignoresInterrupts(), "run in the background, where a shell ignores SIGINT");
        Process child = startChild(end);
        try (BufferedReader out = child.inputReader()) {
            String line = out.readLine();
            assertTrue(line != null, "the child JVM ended early");
            String[] words = line.split(" ", 3);
            if (!end.equals("exit")) {
                Guard.signal(child, end);
            }
            assertTrue(child.waitFor(30, TimeUnit.SECONDS), "the child JVM goes on");
            for (String pid : List.of(words[0], words[1])) {
                Eventually.until("the end of " + pid, () -> !isAlive(Long.parseLong(pid)));
            }
            Path directory = Path.of(words[2]);
            Eventually.until("the end of " + directory, () -> !Files.exists(directory));
        } finally {
            child.destroyForcibly();
        }
    }

    @Test
    void aServerThatEndsByItselfIsForgotten() throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            try {
                redis.command("SHUTDOWN", "NOSAVE");
            } catch (java.io.UncheckedIOException closed) {
                assertEquals("no answer", closed.getMessage().substring(0, 9));
            }
            Eventually.until("the server's end", () -> !redis.isRunning());
            redis.restart(RedisServer.Data.KEEP);
            assertTrue(redis.isRunning());
        }
    }

    /** A signal that was ignored when a JVM began stays ignored, in its children too. */
    private static boolean ignoresInterrupts() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.isReadable(status)) {
            return false;
        }
        String ignored = Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("SigIgn:"))
                .findFirst()
                .orElse("SigIgn: 0");
        return (Long.parseUnsignedLong(ignored.substring("SigIgn:".length()).strip(), 16) & 1L << 1) != 0;
    }

    private static boolean isAlive(long pid) {
        return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
    }

    private static Process startChild(String end) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", classPath()));
        command.addAll(List.of(Child.class.getName(), end));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** The tests may run on the module path, and then {@code java.class.path} has but a part. */
    private static String classPath() throws Exception {
        List<String> entries = new ArrayList<>();
        for (String property : List.of("java.class.path", "jdk.module.path", "surefire.test.class.path")) {
            String value = System.getProperty(property, "");
            if (!value.isEmpty()) {
                entries.add(value);
            }
        }
        for (Class<?> type : List.of(GuardTest.class, RedisServer.class)) {
            entries.add(Path.of(type.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString());
        }
        assertFalse(entries.isEmpty());
        return String.join(java.io.File.pathSeparator, entries);
    }
}
