package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/settings.md names each setting that the code reads, and no other; README's table holds some of them. */
class SettingsDocTest {
    private static final Pattern IN_CODE = Pattern.compile("\"((?:CACHE|REDIS|UPSTASH|KV)_[A-Z0-9_]*[A-Z0-9])\"");
    private static final Pattern IN_DOCUMENT = Pattern.compile("`((?:CACHE|REDIS|UPSTASH|KV)_[A-Z0-9_]*[A-Z0-9])`");

    /** Read from a file, too, whose setting has the same name with _FILE behind it. */
    private static final List<String> SECRETS = List.of(
            "REDIS_PASSWORD",
            "REDIS_CLUSTER_PASSWORD",
            "REDIS_SENTINEL_PASSWORD",
            "UPSTASH_REDIS_REST_TOKEN",
            "KV_REST_API_TOKEN",
            "REDIS_TLS_KEY_PASSWORD",
            "REDIS_CLUSTER_TLS_KEY_PASSWORD",
            "UPSTASH_TLS_KEY_PASSWORD");

    private final Path root = root();

    private static Path root() {
        Path root = Path.of("").toAbsolutePath();
        while (!Files.exists(root.resolve("docs/settings.md"))) {
            root = root.getParent();
        }
        return root;
    }

    private static Set<String> names(Pattern pattern, String text) {
        Set<String> names = new TreeSet<>();
        Matcher matcher = pattern.matcher(text);
        while (matcher.find()) {
            names.add(matcher.group(1));
        }
        return names;
    }

    private Set<String> inCode() throws IOException {
        Set<String> names = new TreeSet<>();
        List<Path> modules;
        try (Stream<Path> all = Files.list(root)) {
            modules = all.filter(path -> path.getFileName().toString().startsWith("cache-"))
                    .map(module -> module.resolve("src/main/java"))
                    .filter(Files::exists)
                    .toList();
        }
        assertTrue(modules.size() >= 8, () -> modules + " under " + root);
        for (Path module : modules) {
            try (Stream<Path> files = Files.walk(module)) {
                for (Path file :
                        files.filter(path -> path.toString().endsWith(".java")).toList()) {
                    names.addAll(names(IN_CODE, Files.readString(file)));
                }
            }
        }
        SECRETS.forEach(secret -> names.add(secret + "_FILE"));
        return names;
    }

    @Test
    void theDocumentNamesWhatTheCodeReadsAndNothingElse() throws IOException {
        String document = Files.readString(root.resolve("docs/settings.md"));
        assertEquals(inCode(), names(IN_DOCUMENT, document));
    }

    @Test
    void whatReadmeAndTheDocumentOfProvidersNameIsRead() throws IOException {
        Set<String> read = inCode();
        String readme = Files.readString(root.resolve("README.md"));
        String providers = Files.readString(root.resolve("docs/managed.md"));
        Pattern assigned = Pattern.compile("(?m)^((?:CACHE|REDIS|UPSTASH|KV)_[A-Z0-9_]*[A-Z0-9])=");
        for (Set<String> named :
                List.of(names(IN_DOCUMENT, readme), names(IN_DOCUMENT, providers), names(assigned, providers))) {
            named.removeAll(read);
            assertEquals(Set.of(), named, "named, and read by nobody");
        }
        assertTrue(readme.lines().filter(line -> line.startsWith("| `")).count() < 35, "README's table is one screen");
    }
}
