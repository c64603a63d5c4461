package dev.holdfast.cache.validation;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The secrets of an environment, to be taken out of whatever is printed, should a server or a library have put one there. Texts of fewer than
 * four characters are left, since they stand in many words.
 */
final class Secrets {
    private static final Pattern NAMES = Pattern.compile(".*(PASSWORD|TOKEN|SECRET|WEBHOOK_URL|PAGERDUTY_KEY).*");
    private static final Pattern USER_INFO = Pattern.compile("[a-zA-Z-]+://(?:([^:@/]*):)?([^@/]*)@.*", Pattern.DOTALL);
    private static final int SHORTEST = 4;
    private static final int MOST_BYTES = 64 * 1024;

    private final List<String> longestFirst;

    Secrets(Map<String, String> variables) {
        TreeSet<String> found = new TreeSet<>(
                Comparator.comparingInt(String::length).reversed().thenComparing(Comparator.naturalOrder()));
        variables.forEach((name, value) -> {
            if (NAMES.matcher(name).matches()) {
                // The path of a file is no secret, and messages name it.
                found.add(name.endsWith("_FILE") ? inFile(value.strip()) : value.strip());
            }
            Matcher url = USER_INFO.matcher(value);
            if (url.matches()) {
                found.add(url.group(2));
                found.add(URLDecoder.decode(
                        url.group(2).replaceAll("%(?![0-9a-fA-F]{2})", "%25"), StandardCharsets.UTF_8));
            }
        });
        longestFirst =
                found.stream().filter(secret -> secret.length() >= SHORTEST).toList();
    }

    /** What a file holds; nothing if it can't be read, as the check of the settings says. */
    private static String inFile(String path) {
        try {
            Path file = Path.of(path);
            return Files.size(file) > MOST_BYTES ? "" : Files.readString(file).strip();
        } catch (IOException | InvalidPathException e) {
            return "";
        }
    }

    /** The text with {@code ***} in the place of each secret. */
    String hidden(String text) {
        String shown = text;
        for (String secret : longestFirst) {
            shown = shown.replace(secret, "***");
        }
        return shown;
    }
}
