package dev.holdfast.cache.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.deploy.Comprehensive.Suite;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComprehensiveTest {
    private static final List<Suite> SUITES =
            List.of(new Suite("Unit", Set.of("ATest", "BTest")), new Suite("E2E Webhook", Set.of("CTest")));

    @TempDir
    Path root;

    private void report(String module, String test, int tests, int errors, int failures) throws IOException {
        Path folder = Files.createDirectories(root.resolve(module).resolve("target/surefire-reports"));
        Files.writeString(
                folder.resolve("TEST-x." + test + ".xml"),
                "<?xml version=\"1.0\"?>\n<testsuite xmlns:xsi=\"x\" version=\"3.0.2\" name=\"x." + test
                        + "\" time=\"1.5\" tests=\"" + tests + "\" errors=\"" + errors + "\" skipped=\"0\" failures=\""
                        + failures + "\">\n</testsuite>");
    }

    @Test
    void aBrokenTestTurnsExactlyItsLine() throws IOException {
        report("one", "ATest", 3, 0, 0);
        report("two", "BTest", 2, 0, 0);
        report("two", "CTest", 4, 0, 0);
        assertEquals(
                List.of("Unit PASSED (5 tests, 3.0 s)", "E2E Webhook PASSED (4 tests, 1.5 s)"),
                Comprehensive.lines(root, SUITES));
        report("two", "BTest", 2, 0, 1);
        assertEquals(
                List.of("Unit FAILED (5 tests, 3.0 s, 1 failed)", "E2E Webhook PASSED (4 tests, 1.5 s)"),
                Comprehensive.lines(root, SUITES));
    }

    @Test
    void aSuiteWithoutTestsHasNotPassed() throws IOException {
        report("one", "ATest", 3, 0, 0);
        assertEquals(
                List.of(
                        "Unit FAILED (3 tests, 1.5 s, 0 failed, no report of BTest)",
                        "E2E Webhook FAILED (0 tests, 0.0 s, 0 failed, no report of CTest)"),
                Comprehensive.lines(root, SUITES));
    }

    @Test
    void theProfileRunsTheClassesOfItsSevenSuitesWhichAreThere() throws IOException {
        List<Suite> suites = Comprehensive.suites();
        assertEquals(7, suites.size());
        Set<String> all = new TreeSet<>();
        suites.forEach(suite -> all.addAll(suite.classes()));
        Matcher profile = Pattern.compile("<id>comprehensive</id>\\s*<properties>\\s*<test>([^<]+)</test>")
                .matcher(Files.readString(Path.of("..", "pom.xml")));
        assertTrue(profile.find());
        assertEquals(all, new TreeSet<>(Arrays.asList(profile.group(1).split(",", -1))));
    }
}
