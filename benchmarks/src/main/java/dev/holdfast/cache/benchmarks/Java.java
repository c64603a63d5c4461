package dev.holdfast.cache.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Another JVM with this program's classes. */
final class Java {
    private Java() {}

    /**
     * Runs a program of ours to its end and returns what it printed.
     *
     * @param home the JDK
     * @param options what stands before the class path
     * @param main its class
     * @param environment variables beside this process's own, less all that configure a client
     */
    static List<String> run(Path home, List<String> options, Class<?> main, Map<String, String> environment)
            throws IOException, InterruptedException {
        Process process = start(home, options, main, environment);
        try {
            List<String> lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            int status = process.waitFor();
            if (status != 0) {
                throw new IOException(main.getSimpleName() + " ended with status " + status + ": " + lines);
            }
            return lines;
        } finally {
            process.destroyForcibly();
        }
    }

    /** Starts a program of ours, as {@link #run} does. */
    static Process start(Path home, List<String> options, Class<?> main, Map<String, String> environment)
            throws IOException {
        List<String> command = new ArrayList<>();
        command.add(home.resolve("bin").resolve("java").toString());
        command.add("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
        command.addAll(options);
        command.addAll(List.of("-classpath", System.getProperty("java.class.path"), main.getName()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment()
                .keySet()
                .removeIf(
                        name -> name.startsWith("REDIS_") || name.startsWith("CACHE_") || name.startsWith("UPSTASH_"));
        builder.environment().putAll(environment);
        return builder.start();
    }

    static Path home() {
        return Path.of(System.getProperty("java.home"));
    }

    /** The JDK that runs this program if it has virtual threads, or one that is installed beside it and does. */
    static Optional<Path> withVirtualThreads() throws IOException {
        if (Runtime.version().feature() >= 21) {
            return Optional.of(home());
        }
        Path beside = home().getParent();
        if (beside == null) {
            return Optional.empty();
        }
        try (Stream<Path> homes = Files.list(beside)) {
            return homes.filter(home -> feature(home) >= 21).findFirst();
        }
    }

    private static int feature(Path home) {
        try {
            return Files.readAllLines(home.resolve("release")).stream()
                    .filter(line -> line.startsWith("JAVA_VERSION=\""))
                    .map(line -> line.substring(14, line.length() - 1))
                    .map(Runtime.Version::parse)
                    .mapToInt(Runtime.Version::feature)
                    .findFirst()
                    .orElse(0);
        } catch (IOException | IllegalArgumentException e) {
            return 0;
        }
    }
}
