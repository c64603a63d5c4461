package dev.holdfast.cache.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The {@code redis-server} executable: that of {@code -Dholdfast.redis}, else the one in the jar {@code org.signal:embedded-redis}. */
final class RedisBinary {
    static final String PROPERTY = "holdfast.redis";
    private static final String VERSION = "7.0.15";

    private RedisBinary() {}

    /** On Windows there are neither signals nor a shell to guard the servers; only POSIX systems run them. */
    static void requirePosix() {
        String os = System.getProperty("os.name", "");
        if (os.toLowerCase(Locale.ROOT).contains("windows")) {
            throw unsupported(os, System.getProperty("os.arch", ""));
        }
    }

    /**
     * @param directory private to this JVM, so that neither another JVM nor another user can come between writing and running it
     */
    static Path locate(Path directory) {
        String configured = System.getProperty(PROPERTY);
        if (configured != null && !configured.isBlank()) {
            Path binary = Path.of(configured).toAbsolutePath();
            if (!Files.isExecutable(binary)) {
                throw new IllegalStateException(
                        "-D" + PROPERTY + " must name an executable redis-server or valkey-server: " + binary);
            }
            return binary;
        }
        return extract(resourceName(System.getProperty("os.name", ""), System.getProperty("os.arch", "")), directory);
    }

    static String resourceName(String osName, String osArch) {
        String os = os(osName.toLowerCase(Locale.ROOT));
        String arch = arch(osArch.toLowerCase(Locale.ROOT));
        if (os == null || arch == null) {
            throw unsupported(osName, osArch);
        }
        return "redis-server-" + VERSION + "-" + os + "-" + arch;
    }

    private static IllegalStateException unsupported(String osName, String osArch) {
        return new IllegalStateException(
                "the testkit carries redis-server for Linux and macOS on amd64 and arm64, not for " + osName
                        + " on " + osArch + ": run it on a POSIX system (on Windows: WSL) and, if need be, set -D"
                        + PROPERTY
                        + "=/path/to/redis-server (or valkey-server)");
    }

    private static @Nullable String os(String name) {
        if (name.contains("linux")) {
            return "linux";
        }
        return name.contains("mac") || name.contains("darwin") ? "darwin" : null;
    }

    private static @Nullable String arch(String name) {
        if (name.equals("amd64") || name.equals("x86_64")) {
            return "amd64";
        }
        return name.equals("aarch64") || name.equals("arm64") ? "arm64" : null;
    }

    private static Path extract(String resource, Path directory) {
        Path binary = directory.resolve("redis-server");
        try (InputStream in = RedisBinary.class.getClassLoader().getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException(
                        resource + " is not on the class path: add org.signal:embedded-redis, or set -D" + PROPERTY
                                + "=/path/to/redis-server");
            }
            Files.copy(in, binary, StandardCopyOption.REPLACE_EXISTING);
            if (!binary.toFile().setExecutable(true, true)) {
                throw new IOException("can't make executable: " + binary);
            }
            return binary;
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "can't write " + binary + "; set -D" + PROPERTY + " or another -Djava.io.tmpdir", e);
        }
    }
}
