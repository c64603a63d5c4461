package dev.holdfast.cache.validation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** One run of the program, as it is printed. */
record Run(int exit, String output, String errors) {
    /** In every environment: targets that a busy machine meets, where the test is not about them. */
    static final String[] PATIENT = {"--p50-ms", "5000", "--p99-ms", "60000"};

    static Run of(String[] arguments, String... namesAndValues) {
        return of(arguments, variables(namesAndValues));
    }

    static Run of(String[] arguments, Map<String, String> variables) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int exit = Validate.run(
                Arrays.asList(arguments),
                variables,
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                prefix -> () -> {});
        return new Run(exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** With somebody who is shown each line as soon as it is printed. */
    static Run watched(Consumer<String> watcher, String... namesAndValues) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(all, true, StandardCharsets.UTF_8) {
            @Override
            public void println(String line) {
                super.println(line);
                watcher.accept(line);
            }
        };
        int exit = Validate.run(Arrays.asList(PATIENT), variables(namesAndValues), out, out, prefix -> () -> {});
        return new Run(exit, all.toString(StandardCharsets.UTF_8), "");
    }

    private static Map<String, String> variables(String... namesAndValues) {
        Map<String, String> variables = new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            variables.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return variables;
    }

    static Run patient(String... namesAndValues) {
        return of(PATIENT, namesAndValues);
    }

    List<String> lines() {
        return output.lines().toList();
    }

    String line(String check) {
        return lines().stream()
                .filter(line -> line.substring(Math.min(6, line.length())).startsWith(check))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no line of " + check + " in\n" + output));
    }

    Run mustBeReady(String word) {
        assertEquals(0, exit, output + errors);
        assertEquals("PRODUCTION READY - " + word, lines().get(lines().size() - 1), output);
        return this;
    }

    /** The run failed, and of its checks this one, in a line that has all these words. */
    Run mustFail(String check, String... words) {
        assertEquals(1, exit, output + errors);
        assertTrue(lines().get(lines().size() - 1).matches("NOT READY: [1-9][0-9]* checks failed"), output);
        String line = line(check);
        assertTrue(line.startsWith("FAIL"), output);
        for (String word : words) {
            assertTrue(line.contains(word), word + " is not in: " + line);
        }
        assertTrue(line.contains("  -> "), line);
        return this;
    }

    /** The line of a check begins with this mark, and has all these words. */
    Run mustSay(String mark, String check, String... words) {
        String line = line(check);
        assertTrue(line.startsWith(mark), output);
        for (String word : words) {
            assertTrue(line.contains(word), word + " is not in: " + line);
        }
        return this;
    }

    Run mustHide(String secret) {
        assertFalse(output.contains(secret) || errors.contains(secret), output + errors);
        return this;
    }

    JsonNode json() {
        return JsonMapper.builder().build().readTree(output);
    }
}
