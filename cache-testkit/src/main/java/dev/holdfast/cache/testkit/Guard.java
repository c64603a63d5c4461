package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Sees to it that no server and no file outlives this JVM, however it ends.
 *
 * <p>A shell reads the pids of the servers from a pipe that this JVM holds open. When the pipe ends, because the JVM exits or was
 * killed, the shell kills what is still registered (SIGKILL reaches stopped processes too) and deletes the directory. A
 * server itself waits, as a shell that has not yet turned into it, until its pid is registered, so there is no moment at
 * which it runs unguarded.
 *
 * <p>Needs a POSIX shell. Thread-safe.
 */
final class Guard {
    // Ctrl-C reaches the whole process group, and the shell must outlive it.
    private static final String WATCH = """
            trap '' INT TERM HUP
            all=' '
            while read -r op pid; do
              case "$op" in
                +) all="$all$pid " ;;
                -) case "$all" in *" $pid "*) all="${all%% $pid *} ${all#* $pid }" ;; esac ;;
              esac
            done
            for pid in $all; do kill -9 "$pid" 2>/dev/null; done
            rm -rf "$1" 2>/dev/null || { sleep 1; rm -rf "$1"; }
            """;

    private static final String WAIT_THEN_RUN = "read -r registered && exec \"$@\"";

    private final ReentrantLock lock = new ReentrantLock();
    private final Path directory;
    private final Process watch;
    private final Path binary;

    private Guard() {
        RedisBinary.requirePosix();
        try {
            directory = Files.createTempDirectory("holdfast-");
            watch = new ProcessBuilder("/bin/sh", "-c", WATCH, "holdfast-guard", directory.toString())
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException("can't start the guard of the test servers", e);
        }
        Runtime.getRuntime().addShutdownHook(new Thread(this::end, "holdfast-testkit-guard"));
        binary = RedisBinary.locate(directory);
    }

    static Guard get() {
        return Holder.GUARD;
    }

    Path binary() {
        return binary;
    }

    /** A new directory, private to this user, that is deleted when the JVM ends if not before. */
    Path newDirectory(String prefix) {
        try {
            return Files.createTempDirectory(directory, prefix);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts a process that dies with this JVM; what it prints goes to {@code log}. Its standard input is empty. */
    Process launch(List<String> command, Path log) throws IOException {
        List<String> line = new ArrayList<>(List.of("/bin/sh", "-c", WAIT_THEN_RUN, "sh"));
        line.addAll(command);
        Process process = new ProcessBuilder(line)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
        try {
            tell("+ " + process.pid());
            var unused = process.onExit().thenRun(() -> forget(process.pid()));
            process.getOutputStream().write('\n');
            process.getOutputStream().close();
        } catch (IOException e) {
            process.destroyForcibly();
            throw e;
        }
        return process;
    }

    /** Sends a signal that {@link Process} has no method for. */
    static void signal(Process process, String name) {
        try {
            Process kill = new ProcessBuilder("/bin/sh", "-c", "kill -" + name + " " + process.pid())
                    .redirectErrorStream(true)
                    .start();
            if (!kill.waitFor(10, TimeUnit.SECONDS) || kill.exitValue() != 0) {
                throw new IllegalStateException(
                        "kill -" + name + " " + process.pid() + " failed; is the process gone?");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while sending " + name, e);
        }
    }

    private void tell(String line) throws IOException {
        lock.lock();
        try {
            watch.getOutputStream().write((line + "\n").getBytes(US_ASCII));
            watch.getOutputStream().flush();
        } finally {
            lock.unlock();
        }
    }

    private void forget(long pid) {
        try {
            tell("- " + pid);
        } catch (IOException ended) {
            // the JVM is on its way out: the shell has read all it will
        }
    }

    private void end() {
        lock.lock();
        try {
            watch.getOutputStream().close();
            watch.waitFor(10, TimeUnit.SECONDS);
        } catch (IOException e) {
            // it ends with the JVM all the same
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
    }

    private static final class Holder {
        static final Guard GUARD = new Guard();
    }
}
