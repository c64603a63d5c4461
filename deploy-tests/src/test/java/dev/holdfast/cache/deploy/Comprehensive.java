package dev.holdfast.cache.deploy;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Prints a line for each suite, {@code NAME PASSED (n tests, s)} or {@code NAME FAILED (…)}, from the reports that the tests of this build have left. A
 * suite passes if each of its classes has a report, at least one test ran, and none failed.
 */
final class Comprehensive {
    private static final Pattern COUNTS = Pattern.compile(
            "<testsuite [^>]*?name=\"[^\"]*?(\\w+)\"[^>]*?time=\"([0-9.]+)\"[^>]*?tests=\"([0-9]+)\"[^>]*?errors=\"([0-9]+)\""
                    + "[^>]*?skipped=\"([0-9]+)\"[^>]*?failures=\"([0-9]+)\"");

    /** A suite and its classes. */
    record Suite(String name, Set<String> classes) {}

    private record Report(String test, double seconds, int tests, int failed) {}

    private Comprehensive() {}

    /** Reads the reports below the root of this repository. */
    public static void main(String[] args) throws IOException {
        List<String> lines = lines(Path.of("..").toAbsolutePath().normalize(), suites());
        lines.forEach(System.out::println);
        System.exit(lines.stream().allMatch(line -> line.contains(" PASSED (")) ? 0 : 1);
    }

    static List<Suite> suites() throws IOException {
        Properties properties = new Properties();
        try (InputStream in = Comprehensive.class.getResourceAsStream("suites.properties");
                Reader text = new StringReader(new String(in.readAllBytes(), StandardCharsets.UTF_8))) {
            properties.load(text);
        }
        TreeMap<String, Suite> suites = new TreeMap<>();
        properties
                .stringPropertyNames()
                .forEach(name -> suites.put(
                        name,
                        new Suite(
                                name.substring(name.indexOf('.') + 1),
                                new TreeSet<>(Arrays.asList(
                                        properties.getProperty(name).split(",", -1))))));
        return List.copyOf(suites.values());
    }

    static List<String> lines(Path root, List<Suite> suites) throws IOException {
        List<Report> reports = reports(root);
        List<String> lines = new ArrayList<>();
        for (Suite suite : suites) {
            List<Report> own = reports.stream()
                    .filter(report -> suite.classes().contains(report.test()))
                    .toList();
            Set<String> missing = new TreeSet<>(suite.classes());
            own.forEach(report -> missing.remove(report.test()));
            int tests = own.stream().mapToInt(Report::tests).sum();
            int failed = own.stream().mapToInt(Report::failed).sum();
            double seconds = own.stream().mapToDouble(Report::seconds).sum();
            boolean passed = failed == 0 && tests > 0 && missing.isEmpty();
            String counts = String.format(Locale.ROOT, "%d tests, %.1f s", tests, seconds);
            String noReport = missing.isEmpty() ? "" : ", no report of " + String.join(", ", missing);
            lines.add(suite.name()
                    + (passed ? " PASSED (" + counts : " FAILED (" + counts + ", " + failed + " failed" + noReport)
                    + ')');
        }
        return lines;
    }

    /** Those of this build, not what older ones left. */
    private static List<Report> reports(Path root) throws IOException {
        List<Report> reports = new ArrayList<>();
        try (Stream<Path> files = Files.find(root, 4, (file, attributes) -> file.toString()
                .matches(".*/[^/]+/target/surefire-reports/TEST-[^/]+\\.xml"))) {
            for (Path file : files.toList()) {
                Matcher counts = COUNTS.matcher(Files.readString(file));
                if (counts.find() && isOfThisBuild(file)) {
                    reports.add(new Report(
                            counts.group(1),
                            Double.parseDouble(counts.group(2)),
                            Integer.parseInt(counts.group(3)) - Integer.parseInt(counts.group(5)),
                            Integer.parseInt(counts.group(4)) + Integer.parseInt(counts.group(6))));
                }
            }
        }
        return reports;
    }

    private static boolean isOfThisBuild(Path file) throws IOException {
        String start = System.getProperty("comprehensive.start", "");
        return start.isEmpty() || !Files.getLastModifiedTime(file).toInstant().isBefore(Instant.parse(start));
    }
}
