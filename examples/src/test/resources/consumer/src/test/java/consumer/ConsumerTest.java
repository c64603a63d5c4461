package consumer;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ConsumerTest {
    @Test
    void itCaches() throws Exception {
        assertTrue(Consumer.greeting().startsWith("hello from in-memory"), Consumer.greeting());
        // What Maven has resolved, for whoever runs this program without Maven.
        List<String> paths = Stream.of("jdk.module.path", "java.class.path", "surefire.test.class.path")
                .flatMap(name -> Stream.of(System.getProperty(name, "").split(File.pathSeparator)))
                .filter(path -> path.endsWith(".jar"))
                .distinct()
                .toList();
        Files.write(Path.of("target", "resolved.txt"), paths);
    }
}
