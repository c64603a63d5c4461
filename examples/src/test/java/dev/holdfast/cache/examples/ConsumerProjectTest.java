package dev.holdfast.cache.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A project that knows the BOM and the client, and nothing else of ours, is built by Maven from a local repository that holds
 * what a user would download, and is run on the class path and on the module path. Everything of others comes from the local
 * repository of this build, so it works without a network.
 */
class ConsumerProjectTest {
    private static final Path MODULE =
            Path.of(System.getProperty("basedir", ".")).toAbsolutePath();
    private static final Path ROOT = MODULE.getParent();
    private static final List<String> ARTIFACTS =
            List.of("cache-api", "cache-memory", "cache-failover", "cache-client");
    private static final String GREETING = "hello from in-memory, named module: ";

    @TempDir
    Path dir;

    private final String rootPom = read(ROOT.resolve("pom.xml"));
    private final String version = find("<artifactId>holdfast-parent</artifactId>\\s*<version>([^<]+)<");

    @Test
    void aProjectWithTheBomAndTheClientIsBuiltAndRuns() throws Exception {
        String maven = System.getProperty("maven.home", "");
        String repository = System.getProperty("localRepository", "");
        assumeTrue(!maven.isEmpty() && !repository.isEmpty(), "not run by Maven");

        Path local = localRepository(Path.of(repository));
        Path project = project();
        String mvn = Path.of(maven, "bin", File.separatorChar == '\\' ? "mvn.cmd" : "mvn")
                .toString();
        String output = run(
                project,
                List.of(
                        mvn,
                        "-B",
                        "-q",
                        "-o",
                        "-Dmaven.repo.local=" + local,
                        // Whichever mirror this build has downloaded from, the artifacts are the same.
                        "-Daether.enhancedLocalRepository.trackingFilename=none",
                        "test"));
        assertFalse(output.contains("ERROR"), output);

        List<String> resolved = Files.readAllLines(project.resolve("target/resolved.txt")).stream()
                .filter(jar -> !fileName(jar).matches("(junit|surefire|opentest4j|apiguardian).*"))
                .toList();
        for (String artifact : ARTIFACTS) {
            assertTrue(
                    resolved.stream().anyMatch(jar -> fileName(jar).startsWith("holdfast-" + artifact)),
                    () -> "" + resolved);
        }
        assertFalse(
                resolved.stream().anyMatch(jar -> fileName(jar).matches("(jedis|lettuce|okhttp|jackson).*")),
                () -> "the client alone brings no server's library: " + resolved);

        String path =
                String.join(File.pathSeparator, resolved) + File.pathSeparator + project.resolve("target/classes");
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        assertTrue(run(project, List.of(java, "-cp", path, "consumer.Consumer")).contains(GREETING + "false"));
        assertTrue(run(project, List.of(java, "-p", path, "-m", "consumer/consumer.Consumer"))
                .contains(GREETING + "true"));
    }

    private static String fileName(String path) {
        return Path.of(path).getFileName().toString();
    }

    private Path project() throws IOException {
        Path template = MODULE.resolve("src/test/resources/consumer");
        Path project = dir.resolve("project");
        try (Stream<Path> files = Files.walk(template)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path copy = project.resolve(template.relativize(file).toString());
                Files.createDirectories(copy.getParent());
                Files.copy(file, copy);
            }
        }
        String pom = read(project.resolve("pom.xml"))
                .replace("@holdfast.version@", version)
                .replace("@junit.version@", find("<junit.version>([^<]+)<"));
        for (String plugin : List.of("maven-resources-plugin", "maven-compiler-plugin", "maven-surefire-plugin")) {
            pom = pom.replace('@' + plugin + '@', find("<artifactId>" + plugin + "</artifactId>\\s*<version>([^<]+)<"));
        }
        Files.writeString(project.resolve("pom.xml"), pom);
        return project;
    }

    /** A local repository with our artifacts as they would be downloaded, and links to those of others. */
    private Path localRepository(Path session) throws IOException {
        Path local = Files.createDirectories(dir.resolve("repository"));
        linkAllBut("dev", session, local);
        linkAllBut("holdfast", session.resolve("dev"), Files.createDirectories(local.resolve("dev")));
        install(local, "holdfast-parent", ROOT.resolve("pom.xml"));
        install(local, "holdfast-cache-bom", ROOT.resolve("cache-bom/pom.xml"));
        for (String artifact : ARTIFACTS) {
            Path folder = install(
                    local, "holdfast-" + artifact, ROOT.resolve(artifact).resolve("pom.xml"));
            jar(artifact, folder.resolve("holdfast-" + artifact + '-' + version + ".jar"));
        }
        return local;
    }

    private static void linkAllBut(String name, Path from, Path to) throws IOException {
        if (!Files.isDirectory(from)) {
            return;
        }
        try (Stream<Path> entries = Files.list(from)) {
            for (Path entry : entries.toList()) {
                if (!entry.getFileName().toString().equals(name)) {
                    Files.createSymbolicLink(to.resolve(entry.getFileName()), entry.toAbsolutePath());
                }
            }
        }
    }

    private Path install(Path local, String artifact, Path pom) throws IOException {
        Path folder = Files.createDirectories(
                local.resolve("dev/holdfast").resolve(artifact).resolve(version));
        Files.copy(pom, folder.resolve(artifact + '-' + version + ".pom"));
        return folder;
    }

    /** The jar that this build has made, or its classes if it stopped before. */
    private static void jar(String artifact, Path target) throws IOException {
        Path built = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(Path::of)
                .filter(entry -> entry.startsWith(ROOT.resolve(artifact)))
                .findFirst()
                .orElseThrow(() -> new AssertionError(artifact + " is not on the class path"));
        if (Files.isRegularFile(built)) {
            Files.copy(built, target);
            return;
        }
        try (OutputStream out = Files.newOutputStream(target);
                JarOutputStream jar = new JarOutputStream(out);
                Stream<Path> files = Files.walk(built)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                jar.putNextEntry(new JarEntry(built.relativize(file).toString().replace('\\', '/')));
                jar.write(Files.readAllBytes(file));
                jar.closeEntry();
            }
        }
    }

    private String run(Path directory, List<String> command) throws IOException, InterruptedException {
        Path output = Files.createTempFile(dir, "output", ".txt");
        ProcessBuilder builder = new ProcessBuilder(new ArrayList<>(command))
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        // A user's settings for the JVM or Maven are not part of what is tested; nor is a server in the environment.
        builder.environment()
                .keySet()
                .removeIf(name -> name.startsWith("REDIS_")
                        || name.startsWith("CACHE_")
                        || name.startsWith("MAVEN_OPTS")
                        || name.startsWith("MAVEN_ARGS"));
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        try {
            assertTrue(process.waitFor(90, TimeUnit.SECONDS), () -> "no end of " + command + "\n" + read(output));
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        assertEquals(0, process.exitValue(), () -> command + "\n" + read(output));
        return read(output);
    }

    private String find(String pattern) {
        Matcher matcher = Pattern.compile(pattern).matcher(rootPom);
        assertTrue(matcher.find(), pattern);
        return matcher.group(1);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
