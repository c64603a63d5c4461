package dev.holdfast.cache.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs programs and keeps what they print. */
final class Shell {
    private static final int SECONDS = 300;

    private Shell() {}

    /** How a program ended and what it printed. */
    record Output(List<String> command, int exit, String out, String err) {
        Output mustEndWith(int code) {
            assertEquals(code, exit, () -> command + "\n" + out + err);
            return this;
        }
    }

    static Output run(List<String> command, Map<String, String> environment) {
        return run(Path.of("."), command, environment);
    }

    static Output run(Path folder, List<String> command, Map<String, String> environment) {
        try {
            Path out = Files.createTempFile("holdfast-out", ".txt");
            Path err = Files.createTempFile("holdfast-err", ".txt");
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(folder.toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile());
            builder.environment().putAll(environment);
            Process process = builder.start();
            try {
                process.getOutputStream().close();
                if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                    throw new AssertionError(
                            "no end of " + command + "\n" + Files.readString(out) + Files.readString(err));
                }
                return new Output(command, process.exitValue(), Files.readString(out), Files.readString(err));
            } finally {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
                Files.delete(out);
                Files.delete(err);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }
}
