package dev.holdfast.streams;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TlsConfig;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Where Redis is, and the bounds of requests. Clients and servers that are to find each other need the same name, partitions and reply
 * window. Start from {@link #single}, {@link #cluster} or {@link #from} and derive with the withers; every instance is
 * valid. Immutable.
 */
public final class StreamsConfig {
    private static final Duration MILLI = Duration.ofMillis(1);
    private static final Duration HOUR = Duration.ofHours(1);
    private static final Duration DAY = Duration.ofDays(1);

    private final Draft values;

    /** The values, before they are looked at. */
    private static final class Draft implements Cloneable {
        List<ServerAddress> servers = List.of();
        boolean clustered;

        @Nullable
        String username;

        @Nullable
        Secret password;

        int database;

        @Nullable
        SSLContext tls;

        Duration connectTimeout = Duration.ofSeconds(2);
        Duration commandTimeout = Duration.ofSeconds(2);
        String name = "rr";
        int partitions = 1;
        Duration claimIdle = Duration.ofSeconds(30);
        int maxDeliveries = 3;
        Duration replyWindow = Duration.ofMinutes(2);
        Duration grace = Duration.ofSeconds(25);
        int maxInFlight = 1_000;
        int maxQueueLength = 10_000;
        int maxPayloadBytes = 16 << 20;

        @Override
        public Draft clone() {
            try {
                return (Draft) super.clone();
            } catch (CloneNotSupportedException e) {
                throw new AssertionError("it is cloneable", e);
            }
        }
    }

    private StreamsConfig(Draft values) {
        this.values = values;
        between("connectTimeout", values.connectTimeout, MILLI, HOUR);
        between("commandTimeout", values.commandTimeout, MILLI, HOUR);
        between("claimIdle", values.claimIdle, Duration.ofMillis(100), DAY);
        between("replyWindow", values.replyWindow, Duration.ofMillis(100), DAY);
        between("grace", values.grace, Duration.ZERO, DAY);
        between("partitions", values.partitions, 1, 1_024);
        between("maxDeliveries", values.maxDeliveries, 1, 1_000);
        between("maxInFlight", values.maxInFlight, 1, 1_000_000);
        between("maxQueueLength", values.maxQueueLength, 1, 100_000_000);
        between("maxPayloadBytes", values.maxPayloadBytes, 1, 256 << 20);
        between("database", values.database, 0, Integer.MAX_VALUE);
        if (!values.name.matches("[A-Za-z0-9_.:-]{1,100}")) {
            throw new IllegalArgumentException(
                    "name must be 1 to 100 letters, digits or _ . : -: \"" + values.name + '"');
        }
        if (values.clustered && values.database != 0) {
            throw new IllegalArgumentException("database must be 0 in a cluster: " + values.database);
        }
    }

    /**
     * Starts with one Redis or Valkey, 6.2 or later.
     *
     * @param url {@code redis://[user[:password]@]host[:port][/database]}, or {@code rediss://…} for TLS with the JVM's trust
     * @throws IllegalArgumentException if it is malformed; the message holds no user information
     */
    public static StreamsConfig single(String url) {
        RedisUrl parsed = RedisUrl.parse(url);
        Draft draft = new Draft();
        draft.servers = List.of(parsed.server());
        draft.username = parsed.username();
        draft.password = parsed.password();
        draft.database = parsed.database();
        draft.tls = parsed.tls() ? TlsConfig.system().context() : null;
        return new StreamsConfig(draft);
    }

    /**
     * Starts with a cluster.
     *
     * @param nodes some of its nodes, each {@code host:port}, an IPv6 address in brackets
     * @throws IllegalArgumentException if there is none, or one is malformed
     */
    public static StreamsConfig cluster(List<String> nodes) {
        if (nodes.isEmpty()) {
            throw new IllegalArgumentException("nodes must not be empty");
        }
        Draft draft = new Draft();
        draft.servers = nodes.stream().map(ServerAddress::parse).toList();
        draft.clustered = true;
        return new StreamsConfig(draft);
    }

    /**
     * Reads {@code REDIS_CLUSTER_ENABLED} and {@code REDIS_CLUSTER_NODES} (with {@code _USERNAME}, {@code _PASSWORD}, {@code _TLS}), else
     * {@code REDIS_URL} or {@code REDIS_HOST} (with {@code _PORT}, {@code _USERNAME}, {@code _PASSWORD}, {@code _DB}), as the cache does; and
     * {@code STREAMS_NAME}, {@code STREAMS_PARTITIONS}, {@code STREAMS_CLAIM_IDLE} (ms), {@code STREAMS_MAX_DELIVERIES}, {@code
     * STREAMS_REPLY_WINDOW} (s), {@code STREAMS_GRACE} (s), {@code STREAMS_MAX_IN_FLIGHT}, {@code STREAMS_MAX_QUEUE_LENGTH}, {@code
     * STREAMS_MAX_PAYLOAD_BYTES}.
     *
     * @throws dev.holdfast.cache.CacheConfigException if one is malformed, or no server is named
     */
    public static StreamsConfig from(Settings settings) {
        return StreamsSettings.read(settings);
    }

    /** Derives one with an ACL user. */
    public StreamsConfig withUsername(String value) {
        return with(draft -> draft.username = Objects.requireNonNull(value, "username"));
    }

    /** Derives one with a password. */
    public StreamsConfig withPassword(Secret value) {
        return with(draft -> draft.password = Objects.requireNonNull(value, "password"));
    }

    /** Derives one with another database. */
    StreamsConfig withDatabase(int value) {
        return with(draft -> draft.database = value);
    }

    /** Derives one with TLS. Certificate and host name are verified by what the context trusts. */
    public StreamsConfig withTls(SSLContext value) {
        return with(draft -> draft.tls = Objects.requireNonNull(value, "tls"));
    }

    /** Derives one with another time to connect, from 1 ms to an hour; 2 s by default. */
    public StreamsConfig withConnectTimeout(Duration value) {
        return with(draft -> draft.connectTimeout = value);
    }

    /** Derives one with another time for a command of Redis, from 1 ms to an hour; 2 s by default. */
    public StreamsConfig withCommandTimeout(Duration value) {
        return with(draft -> draft.commandTimeout = value);
    }

    /** Derives one with another name of the service, {@code rr} by default: what every key begins with, in braces. */
    public StreamsConfig withName(String value) {
        return with(draft -> draft.name = Objects.requireNonNull(value, "name"));
    }

    /** Derives one with so many request streams, from 1 to 1,024; 1 by default. In a cluster each may be on another node. */
    public StreamsConfig withPartitions(int value) {
        return with(draft -> draft.partitions = value);
    }

    /**
     * Derives one with another time after which a silent worker is taken for dead, from 100 ms to a day; 30 s by default. Workers give a
     * sign of life every third of it, so it must exceed the longest pause of a process, not the longest work.
     */
    public StreamsConfig withClaimIdle(Duration value) {
        return with(draft -> draft.claimIdle = value);
    }

    /** Derives one with so many deliveries before a request is a dead letter, from 1 to 1,000; 3 by default. */
    public StreamsConfig withMaxDeliveries(int value) {
        return with(draft -> draft.maxDeliveries = value);
    }

    /**
     * Derives one with another time for which an id's answer is kept, from 100 ms to a day; 2 min by default. The answers of that time
     * are in Redis' memory. A server does not start with less than twice its {@link #claimIdle()}: a request whose worker died after the answer was kept would be
     * run again.
     */
    public StreamsConfig withReplyWindow(Duration value) {
        return with(draft -> draft.replyWindow = value);
    }

    /** Derives one with another time that {@link RequestServer#close()} gives to work under way, up to a day; 25 s by default. */
    public StreamsConfig withGrace(Duration value) {
        return with(draft -> draft.grace = value);
    }

    /** Derives one with so many calls under way in a client, from 1 to 1,000,000; 1,000 by default. */
    public StreamsConfig withMaxInFlight(int value) {
        return with(draft -> draft.maxInFlight = value);
    }

    /**
     * Derives one with so many requests in a stream, waiting and worked on together, from 1 to 100,000,000; 10,000 by default. Divided by
     * the requests that all terminals do in a second, it is the longest wait.
     */
    public StreamsConfig withMaxQueueLength(int value) {
        return with(draft -> draft.maxQueueLength = value);
    }

    /** Derives one with so many bytes in a request or an answer, from 1 to 256 MiB; 16 MiB by default. */
    public StreamsConfig withMaxPayloadBytes(int value) {
        return with(draft -> draft.maxPayloadBytes = value);
    }

    /**
     * Looks whether an answer is kept until what its worker held when it died is taken over, which is after claimIdle and what it takes to
     * find it. Not in the constructor, since withers may come in any order.
     *
     * @throws IllegalArgumentException if it is not
     */
    void requireConsistent() {
        Duration least = values.claimIdle.multipliedBy(2);
        if (values.replyWindow.compareTo(least) < 0) {
            throw new IllegalArgumentException(
                    "replyWindow (STREAMS_REPLY_WINDOW) must be at least twice claimIdle (STREAMS_CLAIM_IDLE), " + least
                            + ": " + values.replyWindow);
        }
    }

    /** Returns the longest silence of a worker. */
    public Duration claimIdle() {
        return values.claimIdle;
    }

    /** Returns how often a request is given to a worker. */
    public int maxDeliveries() {
        return values.maxDeliveries;
    }

    /** Returns how many bytes a request or an answer may have. */
    public int maxPayloadBytes() {
        return values.maxPayloadBytes;
    }

    /** Returns how many requests a stream may hold. */
    public int maxQueueLength() {
        return values.maxQueueLength;
    }

    /** Returns how many calls may be under way in a client. */
    public int maxInFlight() {
        return values.maxInFlight;
    }

    List<ServerAddress> servers() {
        return values.servers;
    }

    boolean clustered() {
        return values.clustered;
    }

    @Nullable
    String username() {
        return values.username;
    }

    @Nullable
    Secret password() {
        return values.password;
    }

    int database() {
        return values.database;
    }

    @Nullable
    SSLContext tls() {
        return values.tls;
    }

    Duration connectTimeout() {
        return values.connectTimeout;
    }

    Duration commandTimeout() {
        return values.commandTimeout;
    }

    String name() {
        return values.name;
    }

    int partitions() {
        return values.partitions;
    }

    Duration replyWindow() {
        return values.replyWindow;
    }

    Duration grace() {
        return values.grace;
    }

    private StreamsConfig with(Consumer<Draft> change) {
        Draft draft = values.clone();
        change.accept(draft);
        return new StreamsConfig(draft);
    }

    private static void between(String field, Duration value, Duration least, Duration most) {
        Objects.requireNonNull(value, field);
        if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
            throw new IllegalArgumentException(field + " must be from " + least + " to " + most + ": " + value);
        }
    }

    private static void between(String field, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(field + " must be from " + least + " to " + most + ": " + value);
        }
    }

    /** The servers and the name; no secret. */
    @Override
    public String toString() {
        return "StreamsConfig[" + (values.tls == null ? "redis://" : "rediss://")
                + String.join(
                        ",",
                        values.servers.stream().map(ServerAddress::toString).toList())
                + (values.database == 0 ? "" : "/" + values.database) + ", " + values.name + "]";
    }
}
