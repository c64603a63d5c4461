package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplicationAotProcessor;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.ssl.SslAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.cache.annotation.EnableCaching;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.aot.AbstractAotProcessor;

/** What Spring prepares ahead of time, as {@code process-aot} of its Maven plugin does. */
class AotTest {
    @TempDir
    Path directory;

    @Configuration(proxyBeanMethods = false)
    @EnableCaching
    @ImportAutoConfiguration({
        SslAutoConfiguration.class,
        HoldfastAutoConfiguration.class,
        HoldfastCacheAutoConfiguration.class,
        HoldfastHealthAutoConfiguration.class
    })
    static class Application {
        @Bean
        Origin origin() {
            return new Origin();
        }

        public static void main(String[] args) {
            new SpringApplicationBuilder(Application.class)
                    .web(WebApplicationType.NONE)
                    .run(args);
        }
    }

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
        new SpringApplicationAotProcessor(Application.class, settings, new String[0]).process();

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
    }
}
