package dev.holdfast.cache.validation;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Variables that nobody reads and whose names are nearly those of others that are not set: the client passes over what it does not know, so a slip
 * of the pen is a setting that is not there.
 */
final class Misspelt {
    /** All that docs/settings.md has; a test compares them. */
    private static final Set<String> KNOWN = known();
    /** In so short a name one letter more may make another word. */
    private static final int SHORT = 10;

    private Misspelt() {}

    /** What is misspelt, and for each what is probably meant. */
    static Map<String, String> in(Map<String, String> variables) {
        Map<String, String> found = new TreeMap<>();
        for (String name : variables.keySet()) {
            if (!KNOWN.contains(name)) {
                KNOWN.stream()
                        .filter(known -> !variables.containsKey(known) && isNear(name, known))
                        .findFirst()
                        .ifPresent(known -> found.put(name, known));
            }
        }
        return found;
    }

    static Set<String> known() {
        try (InputStream in = Misspelt.class.getResourceAsStream("variables.txt")) {
            return new TreeSet<>(new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether one is the other with a slip, with its end left out, or in other letters than capitals. */
    private static boolean isNear(String name, String known) {
        String upper = name.toUpperCase(Locale.ROOT).replace('-', '_').replace('.', '_');
        boolean shortened = upper.indexOf('_') > 0
                && upper.indexOf('_') < upper.length() - 3
                && known.startsWith(upper)
                && known.indexOf('_', upper.length()) < 0;
        return shortened || slips(upper, known) <= (known.length() < SHORT ? 1 : 2);
    }

    /** How many letters were left out, put in, replaced, or changed places with their neighbours. */
    private static int slips(String one, String other) {
        int[][] least = new int[one.length() + 1][other.length() + 1];
        for (int i = 0; i <= one.length(); i++) {
            for (int j = 0; j <= other.length(); j++) {
                if (i == 0 || j == 0) {
                    least[i][j] = i + j;
                    continue;
                }
                boolean same = one.charAt(i - 1) == other.charAt(j - 1);
                least[i][j] =
                        Math.min(Math.min(least[i - 1][j], least[i][j - 1]) + 1, least[i - 1][j - 1] + (same ? 0 : 1));
                if (i > 1
                        && j > 1
                        && one.charAt(i - 1) == other.charAt(j - 2)
                        && one.charAt(i - 2) == other.charAt(j - 1)) {
                    least[i][j] = Math.min(least[i][j], least[i - 2][j - 2] + 1);
                }
            }
        }
        return least[one.length()][other.length()];
    }
}
