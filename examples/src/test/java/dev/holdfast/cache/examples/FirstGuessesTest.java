package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What people type first compiles, and where another word is ours, the list says which. */
class FirstGuessesTest {
    private static final String IMPORTS = """
            import dev.holdfast.cache.*;
            import dev.holdfast.cache.CacheEvent.*;
            import dev.holdfast.cache.client.*;
            import dev.holdfast.cache.jackson.*;
            import dev.holdfast.cache.single.*;
            import dev.holdfast.cache.testkit.*;
            import java.time.*;
            import java.util.*;
            import java.util.concurrent.*;
            """;

    private static final String AT_HAND = """
              record User(long id) {}
              record Sku(String shop, long number) {}
              interface Database {
                User find(Long id);
                Map<Long, User> findAll(Set<Long> ids);
                String slow(String key) throws Exception;
              }
              CacheClient client; Cache<String, String> cache; LoadingCache<Long, User> users; Counter counter;
              Database database; String url;
            """;

    /** A guess, compiled as a class of its own. */
    private static final class Guess extends SimpleJavaFileObject {
        private final String source;

        Guess(int number, String statement) {
            super(URI.create("string:///Guess" + number + ".java"), Kind.SOURCE);
            source = IMPORTS + "\nclass Guess" + number + " {\n" + AT_HAND + "\n  void guess() throws Exception { "
                    + statement + " }\n}\n";
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return source;
        }
    }

    private static List<String> guesses() {
        try (var list = FirstGuessesTest.class.getResourceAsStream("/first-guesses.txt")) {
            return new String(list.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What is called in a guess that does not compile stands in the document's first column, or with another library. */
    @Test
    void whereAnotherWordIsOursTheDocumentSaysIt() throws IOException {
        String text = Files.readString(Path.of("../docs/migrating.md"));
        Pattern called = Pattern.compile("\\.(\\w+)\\(");
        for (String guess : guesses()) {
            String[] parts = guess.split(" ## ", 2);
            if (parts.length == 1) {
                continue;
            }
            List<String> words = called.matcher(parts[0])
                    .results()
                    .map(each -> each.group(1))
                    .toList();
            assertTrue(
                    words.stream()
                            .anyMatch(word -> text.contains('`' + word + '`')
                                    || text.contains('`' + word + '(')
                                    || text.contains('.' + word + '(')),
                    () -> "migrating.md does not say what is ours for: " + parts[0]);
        }
    }

    @Test
    void mostOfThemCompileAndTheOthersAreToldOurWord(@TempDir Path classes) {
        List<String> guesses = guesses();
        List<Guess> sources = new ArrayList<>();
        for (int i = 0; i < guesses.size(); i++) {
            sources.add(new Guess(i, guesses.get(i).split(" ## ", 2)[0]));
        }
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        List<String> options =
                List.of("-proc:none", "-Xmaxerrs", "1000", "-d", classes.toString(), "-classpath", classPath);
        compiler.getTask(new StringWriter(), null, diagnostics, options, null, sources)
                .call();
        Set<String> refused = new TreeSet<>();
        Set<String> unexpected = new TreeSet<>();
        for (Diagnostic<? extends JavaFileObject> each : diagnostics.getDiagnostics()) {
            if (each.getKind() == Diagnostic.Kind.ERROR && each.getSource() instanceof Guess guess) {
                String statement = guesses.get(sources.indexOf(guess));
                refused.add(statement);
                if (!statement.contains(" ## ")) {
                    unexpected.add(statement + ": " + each.getMessage(null));
                }
            }
        }
        assertEquals(Set.of(), unexpected);
        assertEquals(
                guesses.stream().filter(guess -> guess.contains(" ## ")).count(),
                refused.size(),
                "what has another word does not compile");
        assertEquals(97, guesses.size());
        assertTrue(guesses.size() - refused.size() >= 70, () -> refused.size() + " do not compile");
    }
}
