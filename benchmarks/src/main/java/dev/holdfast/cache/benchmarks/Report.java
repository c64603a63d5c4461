package dev.holdfast.cache.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Locale;

/** Writes figures as they are found: a line each, {@code name value low high unit}, to a file and to the console. */
final class Report {
    private final Path file;

    /** Begins with an empty file. */
    Report(Path file) {
        this.file = file;
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.write(file, new byte[0]);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path file() {
        return file;
    }

    /**
     * Adds a figure.
     *
     * @param name its name
     * @param value the figure: of ratios, the ratio of the medians; of anything else, the median
     * @param each the same of each round, from which its spread is taken
     * @param unit what is counted
     */
    void add(String name, double value, double[] each, String unit) {
        double low = Arrays.stream(each).min().orElse(value);
        double high = Arrays.stream(each).max().orElse(value);
        line(String.format(Locale.ROOT, "%s %.3f %.3f %.3f %s", name, value, low, high, unit));
    }

    /** Adds a finished line, as another process of this program has made it. */
    void line(String line) {
        System.out.println(line);
        try {
            Files.writeString(file, line + '\n', StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Says something that is no figure; to the console only. */
    static void say(String format, Object... arguments) {
        System.out.println("# " + String.format(Locale.ROOT, format, arguments));
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
