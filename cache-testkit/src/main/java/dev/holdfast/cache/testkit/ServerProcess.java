package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One life of a server, from launch to exit. */
final class ServerProcess {
    private static final Duration READY_BOUND = Duration.ofSeconds(60);
    private static final Duration STOP_BOUND = Duration.ofSeconds(20);
    private static final int LOG_LINES = 15;

    /** What Redis and Valkey say, before the words of the system's library. */
    private static final Pattern PORT_TAKEN = Pattern.compile("Could not create server TCP listening socket .* in use");

    private final Process process;
    private final Path log;
    private final int port;
    private final AdminConnection admin;
    private volatile boolean frozen;

    private ServerProcess(Process process, Path log, int port, boolean tls) {
        this.process = process;
        this.log = log;
        this.port = port;
        this.admin = new AdminConnection(port, tls);
    }

    static ServerProcess launch(Path directory, Path conf, int port, boolean tls, String... options)
            throws IOException {
        Guard guard = Guard.get();
        Path log = Files.createTempFile(directory, "redis-", ".log");
        List<String> line = new ArrayList<>(List.of(guard.binary().toString(), conf.toString()));
        line.addAll(List.of(options));
        Process process = guard.launch(line, log);
        return new ServerProcess(process, log, port, tls);
    }

    int port() {
        return port;
    }

    long pid() {
        return process.pid();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    boolean isFrozen() {
        return frozen && process.isAlive();
    }

    void kill() {
        admin.close();
        process.destroyForcibly();
        awaitExit(STOP_BOUND);
    }

    void stop() {
        if (!process.isAlive()) {
            return;
        }
        if (frozen) {
            thaw();
        }
        admin.close();
        process.destroy();
        if (!awaitExit(STOP_BOUND)) {
            kill();
        }
    }

    void freeze() {
        requireAlive();
        Guard.signal(process, "STOP");
        frozen = true;
        Path state = Path.of("/proc", Long.toString(pid()), "stat");
        if (Files.exists(state)) {
            // The signal is asynchronous, and a caller relies on silence from here on.
            await("SIGSTOP to take effect", () -> read(state).contains(") T "));
        }
    }

    void thaw() {
        requireAlive();
        Guard.signal(process, "CONT");
        frozen = false;
    }

    @Nullable
    Object call(String... args) {
        byte[][] bytes = new byte[args.length][];
        for (int i = 0; i < args.length; i++) {
            bytes[i] = args[i].getBytes(UTF_8);
        }
        return call(bytes);
    }

    @Nullable
    Object call(byte[]... args) {
        try {
            return admin.call(args);
        } catch (IOException e) {
            String message =
                    "no answer from the server on port " + port + (process.isAlive() ? "" : ", which does not run");
            throw new UncheckedIOException(message, e);
        }
    }

    /** Waits until this very process answers, and not another that had the port before it. */
    void awaitAnswer() {
        await("the server to answer", this::answers);
    }

    void awaitReady() {
        await("the server to be ready", () -> answers() && isLoaded() && reads());
    }

    void startAppendOnlyFile() {
        call("CONFIG", "SET", "appendonly", "yes");
        await("the append-only file to be written", () -> {
            String info = info("persistence");
            return info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0");
        });
    }

    String info(String section) {
        return new String((byte[]) Objects.requireNonNull(call("INFO", section)), UTF_8);
    }

    private boolean answers() {
        try {
            return info("server").contains("process_id:" + pid() + "\r\n");
        } catch (UncheckedIOException | IllegalStateException notYet) {
            return false;
        }
    }

    private boolean isLoaded() {
        return info("persistence").contains("\r\nloading:0");
    }

    /** Whether it answers a read; one without a key, since a node of a cluster sends those for other keys away though it loads. */
    private boolean reads() {
        try {
            call("DBSIZE");
            return true;
        } catch (IllegalStateException e) {
            return !isLoading(e);
        }
    }

    /** Whether a server refused a command since it still loads its data, its own or, as a replica, that of its master. */
    static boolean isLoading(IllegalStateException refusal) {
        return String.valueOf(refusal.getMessage()).startsWith("LOADING");
    }

    /** Polls; a server that ended meanwhile ends the wait. */
    private void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + READY_BOUND.toNanos();
        while (!condition.getAsBoolean()) {
            if (!process.isAlive()) {
                String tail = logTail();
                String message =
                        "redis-server on port " + port + " ended with exit value " + process.exitValue() + ":\n" + tail;
                throw PORT_TAKEN.matcher(tail).find()
                        ? new PortTakenException(message)
                        : new IllegalStateException(message);
            }
            if (System.nanoTime() - deadline > 0) {
                kill();
                throw new IllegalStateException(
                        "waited " + READY_BOUND.toSeconds() + " s for " + what + ", port " + port + ":\n" + logTail());
            }
            pause();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(5);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for a server", e);
        }
    }

    private boolean awaitExit(Duration bound) {
        boolean interrupted = false;
        long deadline = System.nanoTime() + bound.toNanos();
        try {
            while (true) {
                try {
                    return process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void requireAlive() {
        if (!process.isAlive()) {
            throw new IllegalStateException("the server on port " + port + " does not run");
        }
    }

    /** The end of its log, as far as it can be read. */
    String logTail() {
        List<String> lines = read(log).lines().toList();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size()));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, UTF_8);
        } catch (IOException e) {
            return "";
        }
    }
}
