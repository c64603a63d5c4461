package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.preinitialize.BackgroundPreinitializer;
import org.springframework.core.io.support.SpringFactoriesLoader;

/** What is done beside an application's start; in a JVM of its own, as it is done once in each. */
class PreinitializationTest {

    /** By then the main thread finds them loaded, and the first outage does as well. */
    @Test
    void springBootFindsWhatLoadsTheClassesThatAClientNeeds() throws Exception {
        List<String> loaded = inAJvmOfItsOwn();
        assertThat(loaded)
                .contains("dev.holdfast.cache.failover.FailoverStore")
                .contains("io.github.resilience4j.circuitbreaker.CircuitBreaker")
                .contains("tools.jackson.databind.deser.bean.BeanDeserializer")
                .noneMatch(name -> name.startsWith("sun.security.ssl."))
                .contains("threads left: []");
    }

    private static List<String> inAJvmOfItsOwn() throws IOException, InterruptedException {
        Process jvm = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xlog:class+load",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Preinitializing.class.getName())
                .redirectErrorStream(true)
                .start();
        String said = new String(jvm.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, jvm.waitFor(), said);
        return said.lines()
                .map(line -> line.replaceFirst("^(\\[[^]]*])+ ", "").replaceFirst(" source: .*", ""))
                .toList();
    }

    /** As Spring Boot's listener does at the beginning of a start. */
    static final class Preinitializing {
        private Preinitializing() {}

        public static void main(String[] args) throws Exception {
            for (BackgroundPreinitializer each :
                    SpringFactoriesLoader.forDefaultResourceLocation().load(BackgroundPreinitializer.class)) {
                if (each.getClass().getName().startsWith("dev.holdfast.")) {
                    each.preinitialize();
                }
            }
            List<String> left = List.of();
            for (int i = 0; i < 500; i++) {
                left = Thread.getAllStackTraces().keySet().stream()
                        .map(Thread::getName)
                        .filter(name -> name.contains("holdfast"))
                        .toList();
                if (left.isEmpty()) {
                    break;
                }
                Thread.sleep(20);
            }
            System.out.println("threads left: " + left);
            Runtime.getRuntime().halt(0);
        }
    }
}
