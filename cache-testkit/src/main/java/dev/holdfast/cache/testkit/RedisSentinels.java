package dev.holdfast.cache.testkit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Three real sentinels ({@code redis-server --sentinel}) on {@code 127.0.0.1} that watch a master with a replica, to see what a client
 * makes of a switch.
 *
 * <pre>{@code
 * try (RedisSentinels sentinels = RedisSentinels.start("shop")) {
 *     var app = new App(sentinels.url());   // redis-sentinel://127.0.0.1:20001,127.0.0.1:20002,127.0.0.1:20003/shop
 *     RedisServer master = sentinels.master();
 *     master.kill();
 *     sentinels.awaitSwitch(master);
 * }
 * }</pre>
 *
 * <p>They take a master for dead after a second. Thread-safe.
 */
public final class RedisSentinels implements AutoCloseable {
    private static final int COUNT = 3;
    private static final int QUORUM = 2;
    private static final Duration BOUND = Duration.ofSeconds(60);

    private final String name;
    private final @Nullable String password;
    private final @Nullable Certificates authority;
    private final List<String> lines;
    private final List<RedisServer> servers = new ArrayList<>();
    private final List<ServerProcess> sentinels = new ArrayList<>();
    private final List<ServerFiles> files = new ArrayList<>();

    private RedisSentinels(String name, RedisServer.Builder server, @Nullable String password, List<String> lines) {
        this.name = name;
        this.password = password;
        this.authority = server.authority();
        this.lines = List.copyOf(lines);
        try {
            servers.add(server.start());
            servers.add(server.copy()
                    .line("replicaof 127.0.0.1 " + servers.get(0).port())
                    .start());
            for (int i = 0; i < COUNT; i++) {
                launch();
            }
            await("the sentinels to know each other and the replica", () -> sentinels.stream()
                    .allMatch(this::isReady));
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Starts three sentinels, a master that they call so, and its replica. */
    public static RedisSentinels start(String name) {
        return new RedisSentinels(name, RedisServer.builder(), null, List.of());
    }

    /**
     * As {@link #start(String)}, with servers of a kind, and sentinels that want a password of their own.
     *
     * @param server how the master and its replica are built; with TLS, sentinels have it too, by the same authority
     * @param sentinelPassword {@code null} for none
     * @param lines more lines of each sentinel's configuration, such as {@code sentinel resolve-hostnames yes}
     */
    public static RedisSentinels start(
            String name, RedisServer.Builder server, @Nullable String sentinelPassword, String... lines) {
        return new RedisSentinels(name, server, sentinelPassword, List.of(lines));
    }

    private void launch() {
        ServerFiles own = new ServerFiles("sentinel-");
        files.add(own);
        int port = Ports.free();
        List<String> conf = new ArrayList<>(lines);
        conf.addAll(List.of(
                ServerAccess.listening(port, authority == null ? null : authority.issue(Certificates.Kind.VALID)),
                "bind 127.0.0.1",
                // Where it listens, whichever way it reaches a master: others connect to what is announced.
                "sentinel announce-ip 127.0.0.1",
                "daemonize no",
                "logfile \"\"",
                "dir " + ServerFiles.quoted(own.directory().toString()),
                ServerAccess.ADMIN_LINE,
                "sentinel monitor " + name + " 127.0.0.1 " + servers.get(0).port() + " " + QUORUM,
                "sentinel down-after-milliseconds " + name + " 1000",
                "sentinel failover-timeout " + name + " 5000",
                "sentinel auth-user " + name + " " + ServerAccess.ADMIN,
                "sentinel auth-pass " + name + " " + ServerAccess.ADMIN_PASSWORD,
                "sentinel sentinel-user " + ServerAccess.ADMIN,
                "sentinel sentinel-pass " + ServerAccess.ADMIN_PASSWORD));
        if (password != null) {
            conf.add("requirepass " + ServerFiles.quoted(password));
        }
        own.configure(conf);
        ServerProcess sentinel = launch(own, port);
        sentinels.add(sentinel);
        sentinel.awaitAnswer();
    }

    private ServerProcess launch(ServerFiles own, int port) {
        return ServerProcess.launch(own, port, authority != null, "--sentinel");
    }

    private boolean isReady(ServerProcess sentinel) {
        List<String> state = texts(sentinel.call("SENTINEL", "MASTER", name));
        return "2".equals(value(state, "num-other-sentinels"))
                && "1".equals(value(state, "num-slaves"))
                && "master".equals(value(state, "flags"))
                && texts(sentinel.call("SENTINEL", "REPLICAS", name)).contains("ok");
    }

    private static @Nullable String value(List<String> state, String field) {
        int at = state.indexOf(field);
        return at < 0 ? null : state.get(at + 1);
    }

    /** All texts of a reply, however deep. */
    private static List<String> texts(@Nullable Object reply) {
        List<String> texts = new ArrayList<>();
        if (reply instanceof String text) {
            texts.add(text);
        } else if (reply instanceof List<?> parts) {
            parts.forEach(part -> texts.addAll(texts(part)));
        }
        return texts;
    }

    /** {@code host:port} of each sentinel. */
    public List<String> addresses() {
        return sentinels.stream()
                .map(sentinel -> "127.0.0.1:" + sentinel.port())
                .toList();
    }

    /** {@code redis-sentinel://}, or {@code rediss-sentinel://}, with all sentinels and the master's name, no password. */
    public String url() {
        return addresses().stream()
                .collect(Collectors.joining(
                        ",", authority == null ? "redis-sentinel://" : "rediss-sentinel://", "/" + name));
    }

    /** The server that the sentinels call the master now. */
    public RedisServer master() {
        int port = masterPort();
        return servers.stream()
                .filter(server -> server.port() == port)
                .findFirst()
                .orElseThrow();
    }

    /** The port of the server that most sentinels call the master now. */
    private int masterPort() {
        List<Integer> ports = sentinels.stream()
                .filter(ServerProcess::isAnswering)
                .map(sentinel -> texts(sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)))
                .map(place -> Integer.parseInt(place.get(1)))
                .sorted()
                .toList();
        return ports.get(ports.size() / 2);
    }

    /** Kills one of the sentinels as {@code kill -9} does. */
    public void killSentinel(int index) {
        sentinels.get(index).kill();
    }

    /** Has the sentinels make the replica the master though the master is well, as operators do before they work on its machine. */
    public void failOver() {
        sentinels.get(0).call("SENTINEL", "FAILOVER", name);
    }

    /** Has one of the sentinels stand still as {@code kill -STOP} does. */
    public void freezeSentinel(int index) {
        sentinels.get(index).freeze();
    }

    /** Has a frozen sentinel go on. */
    public void thawSentinel(int index) {
        sentinels.get(index).thaw();
    }

    /** Starts a sentinel that was killed again, with what it knew. */
    public void restartSentinel(int index) {
        ServerProcess sentinel = launch(files.get(index), sentinels.get(index).port());
        sentinels.set(index, sentinel);
        sentinel.awaitAnswer();
    }

    /**
     * Waits until most sentinels call another server the master than this one.
     *
     * @throws IllegalStateException if that takes more than a minute
     */
    public void awaitSwitch(RedisServer from) {
        await("a switch from " + from, () -> masterPort() != from.port());
    }

    private void await(String what, BooleanSupplier condition) {
        if (!Polling.until(BOUND, condition)) {
            // Why there was no election, or why it was aborted, only they know.
            String logs = sentinels.stream().map(ServerProcess::logTail).collect(Collectors.joining("\n---\n"));
            throw new IllegalStateException("waited in vain for " + what + "; the sentinels say:\n" + logs);
        }
    }

    /** Kills sentinels and servers, and deletes their files. */
    @Override
    public void close() {
        sentinels.forEach(ServerProcess::kill);
        sentinels.forEach(sentinel -> Ports.release(sentinel.port()));
        servers.forEach(RedisServer::close);
        files.forEach(ServerFiles::delete);
    }
}
