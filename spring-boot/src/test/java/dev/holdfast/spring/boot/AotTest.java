package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplicationAotProcessor;
import org.springframework.context.aot.AbstractAotProcessor;

/** What Spring prepares ahead of time, as {@code process-aot} of its Maven plugin does. */
class AotTest {
    @TempDir
    Path directory;

    private String all(Path root) throws Exception {
        StringBuilder text = new StringBuilder();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                text.append(file.getFileName())
                        .append('\n')
                        .append(Files.readString(file).replace("\\/", "/"))
                        .append('\n');
            }
        }
        return text.toString();
    }

    @Test
    void anApplicationIsProcessedAheadOfTime() throws Exception {
        AbstractAotProcessor.Settings settings = AbstractAotProcessor.Settings.builder()
                .sourceOutput(directory.resolve("sources"))
                .resourceOutput(directory.resolve("resources"))
                .classOutput(directory.resolve("classes"))
                .groupId("com.example")
                .artifactId("application")
                .build();
        new SpringApplicationAotProcessor(AotApplication.class, settings, new String[0]).process();

        assertThat(all(directory.resolve("sources")))
                .contains(
                        "HoldfastAutoConfiguration__BeanDefinitions",
                        "HoldfastCacheAutoConfiguration__BeanDefinitions");
        assertThat(all(directory.resolve("resources")))
                .contains(
                        User.class.getName(),
                        "org.springframework.cache.interceptor.SimpleKey",
                        RedisProperties.class.getName(),
                        "META-INF/services/dev.holdfast.*");
        compile();
        assertThat(started()).contains("started with " + User.class.getName());
    }

    private void compile() throws Exception {
        List<String> arguments = new ArrayList<>(List.of(
                "-proc:none",
                "-nowarn",
                "-cp",
                directory.resolve("classes") + File.pathSeparator + classPath(),
                "-d",
                directory.resolve("classes").toString()));
        try (Stream<Path> sources = Files.walk(directory.resolve("sources"))) {
            sources.filter(Files::isRegularFile).map(Path::toString).forEach(arguments::add);
        }
        StringWriter output = new StringWriter();
        assertThat(ToolProvider.findFirst("javac")
                        .orElseThrow()
                        .run(new PrintWriter(output), new PrintWriter(output), arguments.toArray(String[]::new)))
                .as(output.toString())
                .isZero();
    }

    /** Runs what was prepared, in a JVM of its own, as an image does. */
    private String started() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dspring.aot.enabled=true",
                        "-cp",
                        String.join(
                                File.pathSeparator,
                                directory.resolve("classes").toString(),
                                directory.resolve("resources").toString(),
                                classPath()),
                        AotApplication.class.getName(),
                        "--spring.main.banner-mode=off")
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }

    /** With whatever the tests were started with, in the manifest of a jar or not. */
    private static String classPath() {
        return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    }
}
