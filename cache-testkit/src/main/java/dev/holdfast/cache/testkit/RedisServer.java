package dev.holdfast.cache.testkit;

import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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

    private final ReentrantLock lock = new ReentrantLock();
    private final ServerInstallation installation;
    private volatile ServerProcess process;
    private boolean closed;

    private RedisServer(Builder builder, boolean clustered) {
        installation =
                new ServerInstallation(builder.persistence, builder.lines, builder.access, builder.ports(clustered));
        try {
            process = installation.launchFirst();
        } catch (RuntimeException e) {
            installation.remove();
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
        return installation.access().url(host() + ":" + port());
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
        return installation.access().certificates();
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
        exclusively(() -> relaunch(data).awaitReady());
    }

    /**
     * As {@link #restart(Data)}, but returns as soon as the server answers at all, be it with {@code LOADING}; see {@link
     * Builder#loadDelay}.
     */
    public void restartWithoutWaiting(Data data) {
        exclusively(() -> relaunch(data).awaitAnswer());
    }

    /**
     * As {@link #restart(Data)}, with the data of an earlier moment: the server goes back in time.
     *
     * @param snapshot from {@link #saveSnapshot()}, of this server or another
     */
    public void restart(Path snapshot) {
        exclusively(() -> {
            end();
            installation.files().restore(snapshot);
            // With an append-only file Redis would not look at the snapshot.
            process = installation.launch(false);
            process.awaitReady();
            if (installation.isAppendOnly()) {
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
        return installation.files().copySnapshot();
    }

    /**
     * Changes the password of the default user, at once and for later starts. Connections that are logged in stay so, as with Redis.
     *
     * @param newPassword {@code null} for none
     */
    public void setPassword(@Nullable String newPassword) {
        exclusively(() -> {
            if (process.isAlive()) {
                process.configure(Map.of("requirepass", newPassword == null ? "" : newPassword));
            }
            installation.changePassword(newPassword);
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
            Certificates.Identity issued = authority.issue(kind);
            if (process.isAlive()) {
                process.configure(issued.settings());
            }
            installation.changeCertificate(authority, kind, issued);
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
        return process.call(args);
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
                installation.remove();
            }
        });
    }

    @Override
    public String toString() {
        return "RedisServer[" + host() + ":" + port() + ", pid " + pid() + "]";
    }

    Path directory() {
        return installation.files().directory();
    }

    boolean isAnswering() {
        return process.isAnswering();
    }

    /** Where it listens from the next start on; until then it may listen elsewhere. */
    ServerPorts ports() {
        return installation.ports();
    }

    /** Takes other ports, from the next start on. */
    void move() {
        exclusively(installation::move);
    }

    /** As {@link ServerFiles#readdress}, while it is down. */
    void readdress(Map<String, String> moves) {
        exclusively(() -> installation.files().readdress(moves));
    }

    private ServerProcess relaunch(Data data) {
        end();
        if (data == Data.EMPTY) {
            installation.files().wipe();
        }
        process = installation.launch(installation.isAppendOnly());
        return process;
    }

    private void end() {
        if (closed) {
            throw new IllegalStateException(this + " is closed");
        }
        process.end();
    }

    private void exclusively(Runnable action) {
        lock.lock();
        try {
            action.run();
        } finally {
            lock.unlock();
        }
    }

    /**
     * What a server is to be. Defaults: a free port, no password, no TLS, {@link Persistence#AOF}, no bound on memory. Not thread-safe;
     * may start several servers.
     */
    public static final class Builder {
        private @Nullable ServerPorts ports;
        private ServerAccess access = ServerAccess.OPEN;
        private Persistence persistence = Persistence.AOF;
        private final List<String> lines = new ArrayList<>();

        private Builder() {}

        /** The port to listen on, 1 to 65535, rather than a free one. */
        public Builder port(int port) {
            ports = ServerPorts.fixed(port);
            return this;
        }

        /** The password of the default user. */
        public Builder password(String password) {
            access = access.withPassword(Objects.requireNonNull(password, "password"));
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
            access = access.withUser(new ServerAccess.User(name, password, rules));
            return this;
        }

        /** TLS only, with a valid certificate of a new authority. */
        public Builder tls() {
            return tls(Certificates.create(), Certificates.Kind.VALID);
        }

        /** TLS only, with such a certificate. */
        public Builder tls(Certificates authority, Certificates.Kind kind) {
            access = access.withCertificate(
                    Objects.requireNonNull(authority, "authority"), Objects.requireNonNull(kind, "kind"));
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
            return line("maxmemory " + bytes);
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
            return new RedisServer(this, false);
        }

        /** The authority of its certificate; {@code null} without TLS. */
        @Nullable
        Certificates authority() {
            return access.authority();
        }

        Builder copy() {
            Builder copy = new Builder();
            copy.ports = ports;
            copy.access = access;
            copy.persistence = persistence;
            copy.lines.addAll(lines);
            return copy;
        }

        RedisServer startClustered() {
            return new RedisServer(this, true);
        }

        private ServerPorts ports(boolean clustered) {
            return ports == null ? ServerPorts.free(clustered) : ports;
        }
    }
}
