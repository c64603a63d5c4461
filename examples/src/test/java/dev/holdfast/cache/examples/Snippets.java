package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What stands in a document as Java stands in a test, between {@code // doc} and {@code // end}, and runs there. */
final class Snippets {
    private static final Path MODULE = Path.of("").toAbsolutePath();

    private Snippets() {}

    /** Fails unless the document's snippets in Java are those of the test's source, all of them. */
    static void assertAreIn(String document, Class<?> test) throws IOException {
        String text = Files.readString(MODULE.resolve("../docs").resolve(document));
        String source = "src/test/java/" + test.getName().replace('.', '/') + ".java";
        List<String> snippet = null;
        int count = 0;
        for (String line : Files.readAllLines(MODULE.resolve(source))) {
            if (line.strip().equals("// doc")) {
                snippet = new ArrayList<>();
            } else if (line.strip().equals("// end") && snippet != null) {
                String expected = "```java\n" + String.join("\n", snippet).stripIndent() + "\n```";
                assertTrue(text.contains(expected), () -> document + " lacks:\n" + expected);
                snippet = null;
                count++;
            } else if (snippet != null) {
                snippet.add(line);
            }
        }
        assertEquals(text.split("```java", -1).length - 1, count, "snippets in " + document);
    }
}
