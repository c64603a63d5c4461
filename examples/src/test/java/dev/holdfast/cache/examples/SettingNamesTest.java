package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** No store speaks of a variable to who may have configured it by code: whatever names one also knows its name in code. */
class SettingNamesTest {
    private static final Pattern VARIABLE =
            Pattern.compile("\"[^\"\\n]*\\b(REDIS|CACHE|UPSTASH|KV)_[A-Z][A-Z_]*[^\"\\n]*\"");

    /** Reads settings, so that each of its messages is for who has set them. */
    private static final Pattern READER = Pattern.compile(".*(Provider|AccessSettings|AccessVariables)\\.java");

    @Test
    void aStoreNamesAVariableOnlyBesideItsNameInCode() {
        List<String> alone = new ArrayList<>();
        int named = 0;
        for (String module : List.of("cache-redis", "cache-single", "cache-cluster", "cache-upstash")) {
            for (Path source : sources(Path.of("..", module, "src", "main", "java"))) {
                String text = read(source);
                Matcher variables = VARIABLE.matcher(text);
                while (variables.find()) {
                    String statement = text.substring(text.lastIndexOf(';', variables.start()) + 1, variables.start());
                    if (statement.contains("named(") || statement.contains("variables.equals(AccessVariables.")) {
                        named++;
                    } else {
                        alone.add(source.getFileName() + ": " + variables.group());
                    }
                }
            }
        }
        assertEquals(List.of(), alone);
        assertTrue(named >= 15, "names were found: " + named);
    }

    private static List<Path> sources(Path folder) {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(file -> file.toString().endsWith(".java")
                            && !READER.matcher(file.toString()).matches())
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path source) {
        try {
            return Files.readString(source);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
