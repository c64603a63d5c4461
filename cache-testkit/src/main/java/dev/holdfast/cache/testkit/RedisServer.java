package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A real {@code redis-server} process on {@code 127.0.0.1}, to be killed, frozen and restarted by a test.
 *
 * <pre>{@code
 * try (RedisServer redis = RedisServer.builder().password("s3cret").start()) {
 *     var app = new App(redis.url());     // redis://:s3cret@127.0.0.1:23456
 *     redis.freeze();                     // the port is open and nobody answers: the cruellest outage
 *     assertTrue(app.stillAnswers());
 *     redis.thaw();
 * }
 * }</pre>
 *
 * <p>The executable comes with the testkit for Linux and macOS on amd64 and arm64 (Redis 7.0.15); {@code
 * -Dholdfast.redis=/path} names another, of Redis or Valkey, version 7 or later for clusters. A server is ready well
 * within a second, and is gone, with its files, when it is closed or the JVM ends, be it by {@code kill -9}.
 *
 * <p>Every server has a user {@code holdfast-testkit}, through which {@link #command(String...)} works whatever the passwords are.
 *
 * <p>Thread-safe. Operations take effect one after another; {@code command} does not wait for them.
 */
public final class RedisServer implements AutoCloseable {
    /** What reaches the disk. The names speak of the server's end by a kill, not of a power cut. */
    public enum Persistence {
        /** Nothing: every restart begins empty. */
        NONE("save \"\""),
        /** An append-only file, written before the reply and never synced: an acknowledged write survives a kill. The default. */
        AOF("save \"\"\nappendfsync no"),
        /** As most servers run: the file is synced every second, and what came during a slow sync may be lost by a kill. */
        AOF_EVERYSEC("save \"\"\nappendfsync everysec"),
        /** The file is synced before the reply. Slow. */
        AOF_ALWAYS("save \"\"\nappendfsync always"),
        /** Snapshots on {@code SAVE} and on {@link RedisServer#stop()} only: after a kill the server is back at the last one. */
        RDB("save 86400 1000000");

        private final String lines;

        Persistence(String lines) {
            this.lines = lines;
        }

        String lines() {
            return lines;
        }

        boolean isAppendOnly() {
            return this != NONE && this != RDB;
        }
    }

    /** What a restarted server begins with. */
    public enum Data {
        /** What {@link Persistence} has kept. */
        KEEP,
        /** No key. A cluster's node keeps its identity and slots. */
        EMPTY
    }

    private static final String SNAPSHOT = "dump.rdb";

    private final ReentrantLock lock = new ReentrantLock();
    private volatile ServerConfig config;
    private final Path directory;
    private final boolean portIsFixed;
    private volatile ServerProcess process;
    private volatile @Nullable String password;
    private volatile @Nullable Certificates certificates;
    private Certificates.@Nullable Identity identity;
    private int port;
    private boolean closed;

    private RedisServer(Builder builder, int busPort) {
        config = builder.config().withBusPort(busPort);
        password = builder.password;
        certificates = builder.certificates;
        identity = certificates == null ? null : certificates.issue(builder.kind);
        portIsFixed = builder.port > 0;
        port = portIsFixed ? builder.port : Ports.free();
        directory = Guard.get().newDirectory("redis-");
        try {
            process = firstStart();
        } catch (RuntimeException e) {
            delete(directory);
            throw e;
        }
    }

    /** Starts a server with the defaults of {@link Builder}. */
    public static RedisServer start() {
        return builder().start();
    }

    public static Builder builder() {
        return new Builder();
    }

    /** {@code redis://} or {@code rediss://} with what a client needs to log in: the first ACL user, else the password, else nothing. */
    public String url() {
        String scheme = certificates == null ? "redis://" : "rediss://";
        String secret = password;
        String login = "";
        if (!config.users().isEmpty()) {
            ServerConfig.User user = config.users().get(0);
            login = encoded(user.name()) + ":" + encoded(user.password()) + "@";
        } else if (secret != null) {
            login = ":" + encoded(secret) + "@";
        }
        return scheme + login + host() + ":" + port();
    }

    /** Always {@code 127.0.0.1}. */
    public String host() {
        return "127.0.0.1";
    }

    /** The one port it listens on, with TLS if it has a certificate. It stays the same over restarts. */
    public int port() {
        return process.port();
    }

    /** The process id of the running server, or of the last one that ran. */
    public long pid() {
        return process.pid();
    }

    /** Whether the process exists, frozen or not. */
    public boolean isRunning() {
        return process.isAlive();
    }

    /**
     * The authority that signed this server's certificate.
     *
     * @throws IllegalStateException if the server has no TLS
     */
    public Certificates certificates() {
        Certificates known = certificates;
        if (known == null) {
            throw new IllegalStateException("built without tls()");
        }
        return known;
    }

    /** Ends the process as {@code kill -9} does: connections are reset, nothing is saved. Nothing happens if it does not run. */
    public void kill() {
        exclusively(() -> process.kill());
    }

    /**
     * Stops the process where it stands (SIGSTOP). The kernel still accepts connections and acknowledges bytes; no answer comes.
     *
     * @throws IllegalStateException if it does not run
     */
    public void freeze() {
        exclusively(() -> process.freeze());
    }

    /**
     * Lets a frozen process go on (SIGCONT); it then executes what has queued up meanwhile.
     *
     * @throws IllegalStateException if it does not run
     */
    public void thaw() {
        exclusively(() -> process.thaw());
    }

    /** Ends the process as {@code SHUTDOWN} does: it saves what its persistence asks for. Frozen, it is thawed first. */
    public void stop() {
        exclusively(() -> process.stop());
    }

    /**
     * Starts the server again on the same port, with the present password and certificate, and waits until it is ready. If it runs, it is
     * stopped first, or killed if it is frozen.
     *
     * @throws IllegalStateException if it does not come up; the message has the end of its log
     */
    public void restart(Data data) {
        exclusively(() -> {
            prepare(data);
            process = launch(config.persistence().isAppendOnly());
            process.awaitReady();
        });
    }

    /**
     * As {@link #restart(Data)}, but returns as soon as the server answers at all, be it with {@code LOADING}; see {@link
     * Builder#loadDelay}.
     */
    public void restartWithoutWaiting(Data data) {
        exclusively(() -> {
            prepare(data);
            process = launch(config.persistence().isAppendOnly());
            process.awaitAnswer();
        });
    }

    /**
     * As {@link #restart(Data)}, with the data of an earlier moment: the server goes back in time.
     *
     * @param snapshot from {@link #saveSnapshot()}, of this server or another
     */
    public void restart(Path snapshot) {
        exclusively(() -> {
            prepare(Data.EMPTY);
            Files.copy(snapshot, directory.resolve(SNAPSHOT), StandardCopyOption.REPLACE_EXISTING);
            // With an append-only file Redis would not look at the snapshot.
            process = launch(false);
            process.awaitReady();
            if (config.persistence().isAppendOnly()) {
                process.startAppendOnlyFile();
            }
        });
    }

    /**
     * Saves all data to a new file, which stays until the server is closed.
     *
     * @throws IllegalStateException if it does not run
     */
    public Path saveSnapshot() {
        command("SAVE");
        try {
            Path copy = Files.createTempFile(directory, "snapshot-", ".rdb");
            return Files.copy(directory.resolve(SNAPSHOT), copy, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Changes the password of the default user, at once and for later starts. Connections that are logged in stay so, as with Redis.
     *
     * @param newPassword {@code null} for none
     */
    public void setPassword(@Nullable String newPassword) {
        exclusively(() -> {
            if (process.isAlive()) {
                process.call("CONFIG", "SET", "requirepass", newPassword == null ? "" : newPassword);
            }
            password = newPassword;
        });
    }

    /**
     * Gives the server another certificate, at once and for later starts. Connections that are open stay so.
     *
     * @throws IllegalStateException if it was built without TLS
     */
    public void setCertificate(Certificates authority, Certificates.Kind kind) {
        certificates();
        exclusively(() -> {
            Certificates.Identity next = authority.issue(kind);
            if (process.isAlive()) {
                process.call(
                        "CONFIG",
                        "SET",
                        "tls-cert-file",
                        next.certificate().toString(),
                        "tls-key-file",
                        next.key().toString(),
                        "tls-ca-cert-file",
                        next.authority().toString());
            }
            certificates = authority;
            identity = next;
        });
    }

    /** {@code CLIENT PAUSE}: for so long every client waits for its answers, {@link #command} included. Millisecond resolution. */
    public void pauseClients(Duration duration) {
        command("CLIENT", "PAUSE", Long.toString(duration.toMillis()), "ALL");
    }

    /**
     * Sends one command as the testkit's own user, past every client under test.
     *
     * @return the reply: {@code String} (UTF-8), {@code Long}, {@code List} of such, or {@code null}
     * @throws IllegalStateException if the server answers with an error, whose text the message is
     * @throws UncheckedIOException if it does not answer within 30 s or does not run
     */
    public @Nullable Object command(String... args) {
        return text(process.call(args));
    }

    /** As {@link #command(String...)} for bytes that are not text: bulk replies are {@code byte[]}. */
    public @Nullable Object command(byte[]... args) {
        return process.call(args);
    }

    /** Kills the server and deletes its files. */
    @Override
    public void close() {
        exclusively(() -> {
            if (!closed) {
                closed = true;
                process.kill();
                Ports.release(port);
                Ports.release(busPort());
                delete(directory);
            }
        });
    }

    @Override
    public String toString() {
        return "RedisServer[" + host() + ":" + port() + ", pid " + pid() + "]";
    }

    /** Where {@code nodes.conf} of a cluster's node is. */
    Path directory() {
        return directory;
    }

    /** Neither down nor frozen, as far as the testkit has brought it about. */
    boolean isAnswering() {
        return process.isAlive() && !process.isFrozen();
    }

    int busPort() {
        return config.busPort();
    }

    /** As {@code nodes.conf} has it. */
    String clusterAddress() {
        return host() + ":" + port + "@" + busPort();
    }

    /** Takes other ports, from the next start on. */
    void move() {
        exclusively(() -> {
            Ports.release(port);
            Ports.release(busPort());
            port = Ports.free();
            config = config.withBusPort(Ports.free());
        });
    }

    private ServerProcess firstStart() {
        for (int attempt = 1; ; attempt++) {
            try {
                return ready(launch(config.persistence().isAppendOnly()));
            } catch (PortTakenException taken) {
                // somebody was faster between our look and the server's bind
                if (portIsFixed || attempt == 5) {
                    throw taken;
                }
                port = Ports.free();
                config = config.isClustered() ? config.withBusPort(Ports.free()) : config;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static ServerProcess ready(ServerProcess started) {
        try {
            started.awaitReady();
            return started;
        } catch (RuntimeException e) {
            started.kill();
            throw e;
        }
    }

    private ServerProcess launch(boolean appendOnly) throws IOException {
        Path conf = directory.resolve("redis.conf");
        Files.writeString(conf, config.text(port, directory, password, identity, appendOnly), UTF_8);
        return ServerProcess.launch(directory, conf, port, identity != null);
    }

    private void prepare(Data data) throws IOException {
        if (closed) {
            throw new IllegalStateException(this + " is closed");
        }
        if (process.isFrozen()) {
            process.kill();
        } else {
            process.stop();
        }
        if (data == Data.EMPTY) {
            Files.deleteIfExists(directory.resolve(SNAPSHOT));
            delete(directory.resolve("appendonlydir"));
        }
    }

    private void exclusively(Action action) {
        lock.lock();
        try {
            action.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            lock.unlock();
        }
    }

    private static @Nullable Object text(@Nullable Object reply) {
        if (reply instanceof byte[] bytes) {
            return new String(bytes, UTF_8);
        }
        if (reply instanceof List<?> items) {
            List<@Nullable Object> texts = new ArrayList<>(items.size());
            for (Object item : items) {
                texts.add(text(item));
            }
            return texts;
        }
        return reply;
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, UTF_8).replace("+", "%20");
    }

    static void delete(Path path) {
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

    /** A step that may fail on a file or a socket. */
    private interface Action {
        void run() throws IOException;
    }

    /**
     * What a server is to be. Defaults: a free port, no password, no TLS, {@link Persistence#AOF}, no bound on memory. Not thread-safe;
     * may start several servers.
     */
    public static final class Builder {
        private int port;
        private @Nullable String password;
        private @Nullable Certificates certificates;
        private Certificates.Kind kind = Certificates.Kind.VALID;
        private Persistence persistence = Persistence.AOF;
        private long maxMemoryBytes;
        private final List<ServerConfig.User> users = new ArrayList<>();
        private final List<String> lines = new ArrayList<>();

        private Builder() {}

        /** The port to listen on, 1 to 65535, rather than a free one. */
        public Builder port(int port) {
            if (port < 1 || port > 65_535) {
                throw new IllegalArgumentException("port must be 1 to 65535: " + port);
            }
            this.port = port;
            return this;
        }

        /** The password of the default user. */
        public Builder password(String password) {
            this.password = Objects.requireNonNull(password, "password");
            return this;
        }

        /** An ACL user who may do everything. The default user stays; {@code line("user default off")} ends it. */
        public Builder user(String name, String password) {
            return user(name, password, "~* &* +@all");
        }

        /**
         * An ACL user.
         *
         * @param rules as of {@code ACL SETUSER}, such as {@code ~app:* +@read}
         */
        public Builder user(String name, String password, String rules) {
            users.add(new ServerConfig.User(name, password, rules));
            return this;
        }

        /** TLS only, with a valid certificate of a new authority. */
        public Builder tls() {
            return tls(Certificates.create(), Certificates.Kind.VALID);
        }

        /** TLS only, with such a certificate. */
        public Builder tls(Certificates authority, Certificates.Kind kind) {
            this.certificates = Objects.requireNonNull(authority, "authority");
            this.kind = Objects.requireNonNull(kind, "kind");
            return this;
        }

        public Builder persistence(Persistence persistence) {
            this.persistence = Objects.requireNonNull(persistence, "persistence");
            return this;
        }

        /** Above this many bytes writes get {@code OOM}, unless a line sets another {@code maxmemory-policy} than noeviction. */
        public Builder maxMemory(long bytes) {
            if (bytes < 1) {
                throw new IllegalArgumentException("maxMemory must be positive: " + bytes);
            }
            this.maxMemoryBytes = bytes;
            return this;
        }

        /**
         * Makes a restarted server take so long for every key it loads, and say {@code LOADING} meanwhile. Its persistence becomes {@link
         * Persistence#RDB}, since Redis hardly looks up from reading a short append-only file.
         *
         * @param perKey at least a microsecond
         */
        public Builder loadDelay(Duration perKey) {
            line("key-load-delay " + TimeUnit.NANOSECONDS.toMicros(perKey.toNanos()));
            line("loading-process-events-interval-bytes 1024");
            line("rdbcompression no");
            return persistence(Persistence.RDB);
        }

        /** One more line of {@code redis.conf}, after all others. */
        public Builder line(String line) {
            lines.add(Objects.requireNonNull(line, "line"));
            return this;
        }

        /**
         * Starts a server and waits until it is ready.
         *
         * @throws IllegalStateException if it does not come up (the message has the end of its log), or on a system without a binary
         */
        public RedisServer start() {
            return new RedisServer(this, 0);
        }

        /** The authority of its certificate; {@code null} without TLS. */
        @Nullable
        Certificates authority() {
            return certificates;
        }

        Builder copy() {
            Builder copy = new Builder();
            copy.port = port;
            copy.password = password;
            copy.certificates = certificates;
            copy.kind = kind;
            copy.persistence = persistence;
            copy.maxMemoryBytes = maxMemoryBytes;
            copy.users.addAll(users);
            copy.lines.addAll(lines);
            return copy;
        }

        RedisServer startClustered(int busPort) {
            return new RedisServer(this, busPort);
        }

        private ServerConfig config() {
            return new ServerConfig(persistence, maxMemoryBytes, users, lines, 0);
        }
    }
}
