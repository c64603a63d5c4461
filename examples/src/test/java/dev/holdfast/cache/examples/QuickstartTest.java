package dev.holdfast.cache.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class QuickstartTest {
    private static final Path MODULE = Path.of(System.getProperty("basedir", "."));

    @Test
    void theReadmesLinesAreTheQuickstarts() throws IOException {
        List<String> source =
                Files.readAllLines(MODULE.resolve("src/main/java/dev/holdfast/cache/examples/Quickstart.java"));
        List<String> lines = source.subList(index(source, "// begin") + 1, index(source, "// end"));
        assertEquals(10, lines.size());
        String readme = Files.readString(MODULE.resolve("../README.md"));
        String snippet = readme.split("```java\n", 2)[1].split("```", 2)[0];
        assertEquals(String.join("\n", lines).stripIndent() + '\n', snippet);
    }

    private static int index(List<String> source, String marker) {
        for (int i = 0; i < source.size(); i++) {
            if (source.get(i).strip().equals(marker)) {
                return i;
            }
        }
        throw new AssertionError("no line " + marker);
    }

    @Test
    void theReadmeFitsOnItsPage() throws IOException {
        int lines = Files.readAllLines(MODULE.resolve("../README.md")).size();
        assertTrue(lines <= 150, lines + " lines");
    }

    @Test
    void theQuickstartComputesOnce() {
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, UTF_8));
        try {
            Quickstart.main(new String[0]);
        } finally {
            System.setOut(before);
        }
        assertEquals(
                "computing holdfast\nholdfast -> tsafdloh\nholdfast -> tsafdloh\n",
                out.toString(UTF_8).replace("\r\n", "\n"));
    }
}
