package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The files of one server or sentinel, in a directory of their own: its configuration, its logs, what it has saved. All state is on the
 * disk; whoever changes it does so while the server is down, one thread at a time.
 */
final class ServerFiles {
    private static final String SNAPSHOT = "dump.rdb";
    private static final Pattern NODE_ADDRESS = Pattern.compile("127\\.0\\.0\\.1:\\d+@\\d+");

    private final Path directory;

    /** @param prefix what the directory's name begins with */
    ServerFiles(String prefix) {
        directory = Guard.get().newDirectory(prefix);
    }

    Path directory() {
        return directory;
    }

    Path configuration() {
        return directory.resolve("redis.conf");
    }

    void configure(List<String> lines) {
        unchecked(() -> Files.write(configuration(), lines, UTF_8));
    }

    /** A text as a word of a configuration, as {@code sdssplitargs} of Redis reads it. */
    static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }

    Path newLog() {
        return unchecked(() -> Files.createTempFile(directory, "redis-", ".log"));
    }

    /** Copies the last snapshot to a new file beside it. */
    Path copySnapshot() {
        return unchecked(() -> {
            Path copy = Files.createTempFile(directory, "snapshot-", ".rdb");
            return Files.copy(directory.resolve(SNAPSHOT), copy, StandardCopyOption.REPLACE_EXISTING);
        });
    }

    /** Puts a snapshot in the place of what was saved. */
    void restore(Path snapshot) {
        wipe();
        unchecked(() -> Files.copy(snapshot, directory.resolve(SNAPSHOT)));
    }

    /** Deletes what was saved of keys; what a cluster's node knows of the cluster stays. */
    void wipe() {
        unchecked(() -> Files.deleteIfExists(directory.resolve(SNAPSHOT)));
        delete(directory.resolve("appendonlydir"));
    }

    /**
     * Gives nodes of a cluster other addresses in what this one of them knows.
     *
     * @param moves each as {@code host:port@busPort}, by what it was before
     */
    void readdress(Map<String, String> moves) {
        Path nodes = directory.resolve("nodes.conf");
        unchecked(() -> {
            String moved = NODE_ADDRESS
                    .matcher(Files.readString(nodes))
                    .replaceAll(found -> moves.getOrDefault(found.group(), found.group()));
            return Files.writeString(nodes, moved);
        });
    }

    void delete() {
        delete(directory);
    }

    private static void delete(Path path) {
        if (!Files.exists(path)) {
            return;
        }
        try (var files = Files.walk(path)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | UncheckedIOException e) {
            // what a dying server still wrote goes with the JVM
        }
    }

    /** What may fail on the disk. */
    private interface Access<T> {
        T run() throws IOException;
    }

    private static <T> T unchecked(Access<T> access) {
        try {
            return access.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
