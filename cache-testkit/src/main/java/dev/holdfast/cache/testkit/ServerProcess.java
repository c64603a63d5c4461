package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;
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

    static ServerProcess launch(ServerFiles files, int port, boolean tls, String... options) {
        Guard guard = Guard.get();
        Path log = files.newLog();
        List<String> line = new ArrayList<>(
                List.of(guard.binary().toString(), files.configuration().toString()));
        line.addAll(List.of(options));
        try {
            return new ServerProcess(guard.launch(line, log), log, port, tls);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
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

    /** Neither down nor frozen, as far as the testkit has brought it about. */
    boolean isAnswering() {
        return process.isAlive() && !frozen;
    }

    void kill() {
        admin.close();
        process.destroyForcibly();
        boolean unused = awaitExit();
    }

    /** Ends it for a restart. */
    void end() {
        if (isAnswering()) {
            stop();
        } else {
            kill();
        }
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
        if (!awaitExit()) {
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

    /** As {@link #call(byte[]...)}, with replies that are text. */
    @Nullable
    Object call(String... args) {
        return text(call(Stream.of(args).map(arg -> arg.getBytes(UTF_8)).toArray(byte[][]::new)));
    }

    private static @Nullable Object text(@Nullable Object reply) {
        if (reply instanceof byte[] bytes) {
            return new String(bytes, UTF_8);
        }
        if (reply instanceof List<?> items) {
            List<@Nullable Object> texts = new ArrayList<>(items.size());
            items.forEach(item -> texts.add(text(item)));
            return texts;
        }
        return reply;
    }

    /**
     * Has the testkit's own user send a command.
     *
     * @return the reply, bulk ones as {@code byte[]}
     * @throws IllegalStateException if it is an error, whose text the message is
     * @throws UncheckedIOException if none comes
     */
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

    /** Waits until it serves; whatever ends the wait before ends the server too. */
    void awaitReady() {
        try {
            await("the server to be ready", () -> answers() && isLoaded() && reads());
        } catch (RuntimeException e) {
            kill();
            throw e;
        }
    }

    /** Changes settings, all of them or none. */
    void configure(Map<String, String> settings) {
        List<String> command = new ArrayList<>(List.of("CONFIG", "SET"));
        settings.forEach((name, value) -> command.addAll(List.of(name, value)));
        call(command.toArray(String[]::new));
    }

    void startAppendOnlyFile() {
        configure(Map.of("appendonly", "yes"));
        await("the append-only file to be written", () -> {
            String info = info("persistence");
            return info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0");
        });
    }

    String info(String section) {
        return String.valueOf(call("INFO", section));
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
        boolean came = Polling.until(READY_BOUND, () -> {
            boolean is = condition.getAsBoolean();
            if (!is && !process.isAlive()) {
                throw ended();
            }
            return is;
        });
        if (!came) {
            kill();
            throw new IllegalStateException(
                    "waited " + READY_BOUND.toSeconds() + " s for " + what + ", port " + port + ":\n" + logTail());
        }
    }

    private IllegalStateException ended() {
        String tail = logTail();
        String message =
                "redis-server on port " + port + " ended with exit value " + process.exitValue() + ":\n" + tail;
        return PORT_TAKEN.matcher(tail).find() ? new PortTakenException(message) : new IllegalStateException(message);
    }

    /** Returns whether it has ended, after a while at most, also in a thread that is interrupted. */
    private boolean awaitExit() {
        long deadline = System.nanoTime() + STOP_BOUND.toNanos();
        return Streams.uninterruptibly(() -> process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS));
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
