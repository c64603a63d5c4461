package dev.holdfast.cache.single;

import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.StoreConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Where a {@link SingleStore}'s server is and how to talk to it. Start from {@link #of(String) a URL}, {@link #of(String, int) an address},
 * {@link #ofSentinels} or {@link #ofSocket} and derive with the withers; every instance is valid. Immutable.
 */
public final class SingleConfig implements StoreConfig {
    private static final int SENTINEL_PORT = 26_379;
    private static final int LONGEST_SOCKET = 100;

    private final Place place;
    private final int database;
    private final RemoteAccess access;
    private final RemoteAccess sentinels;
    private final boolean sentinel;

    private SingleConfig(Place place, int database, RemoteAccess access, RemoteAccess sentinels, boolean sentinel) {
        this.sentinel = sentinel;
        this.place = place;
        this.database = database;
        this.access = access;
        this.sentinels = sentinels;
        RemoteAccess.requireBetween("database", database, 0, Integer.MAX_VALUE);
    }

    private static SingleConfig at(Place place) {
        return new SingleConfig(place, 0, RemoteAccess.defaults(), RemoteAccess.defaults(), false);
    }

    /** Derives one that gets at its server in another way. */
    SingleConfig with(UnaryOperator<RemoteAccess> change) {
        return new SingleConfig(place, database, change.apply(access), sentinels, sentinel);
    }

    /** Derives one that gets at its sentinels in another way. */
    SingleConfig withSentinels(UnaryOperator<RemoteAccess> change) {
        return new SingleConfig(place, database, access, change.apply(sentinels), sentinel);
    }

    /**
     * Starts with a server's address: no password, database 0, no TLS, 5 s to connect, 3 s for a command, 5 connections,
     * no key prefix, values of at most 512 MiB.
     *
     * @param host a host name or an IP address, IPv6 without brackets
     * @param port the port, from 1 to 65535
     * @return the configuration
     * @throws IllegalArgumentException if one of them is malformed
     */
    public static SingleConfig of(String host, int port) {
        Objects.requireNonNull(host, "host");
        return at(new Place.Port(new Address(host, port)));
    }

    /**
     * Starts like {@link #of(String, int)} with the master that Sentinel names. All sentinels are asked where it is, and each tells
     * of a switch; the connections to the former master are closed then.
     *
     * @param sentinels {@code host} or {@code host:port} each, an IPv6 address in brackets; the port is 26379 if it is left out. At
     *     least one; all of them, so that one that is down is not missed
     * @param master how the sentinels call the master, not blank
     * @return the configuration
     * @throws IllegalArgumentException if one of them is malformed
     */
    public static SingleConfig ofSentinels(List<String> sentinels, String master) {
        Objects.requireNonNull(sentinels, "sentinels");
        Objects.requireNonNull(master, "master");
        if (master.isBlank() || master.chars().anyMatch(c -> c <= ' ')) {
            throw new IllegalArgumentException("master must be the name that the sentinels know, without blanks");
        }
        return at(new Place.Master(Address.parseAll(sentinels, SENTINEL_PORT), master));
    }

    /**
     * Starts like {@link #of(String, int)} with a socket of the file system ({@code unixsocket} of {@code redis.conf}). A frozen server
     * executes, when it goes on, what was sent there before the connection was reset: a tier of it is {@link #buffered}, and one of a store that was opened by itself needs
     * {@code TierPolicy.withBuffered(true)}.
     *
     * @param socket its absolute path, of at most 100 bytes
     * @return the configuration
     * @throws IllegalArgumentException if the path is not such a path
     */
    public static SingleConfig ofSocket(Path socket) {
        Objects.requireNonNull(socket, "socket");
        if (!socket.isAbsolute() || socket.toString().getBytes(StandardCharsets.UTF_8).length > LONGEST_SOCKET) {
            throw new IllegalArgumentException(
                    "socket must be an absolute path of at most " + LONGEST_SOCKET + " bytes: " + socket);
        }
        return at(new Place.Socket(socket));
    }

    /**
     * Starts with a URL: {@code redis://[user[:password]@]host[:port][/database]}, {@code rediss://…} for TLS; {@code valkey://} and
     * {@code valkeys://} mean the same. {@code redis-sentinel://[user:password@]host[:port],…/master[/database]} and
     * {@code rediss-sentinel://…} are Sentinel's, {@code unix://[user:password@]/path} a socket's. User and password, which are the
     * server's, are percent-encoded where they hold {@code % : / @ ? #}; an IPv6 address stands in brackets; the port is 6379, of a
     * sentinel 26379, if it is left out. After a {@code ?} may follow {@code db=7}, {@code timeout=500ms} (of a command; with a unit:
     * ms, s or m) and {@code client_name=shop}, joined by {@code &}.
     *
     * @param url the URL
     * @return the configuration
     * @throws IllegalArgumentException if it is malformed; the message holds no user information
     */
    public static SingleConfig of(String url) {
        Objects.requireNonNull(url, "url");
        try {
            return RedisUrl.parse(url);
        } catch (IllegalArgumentException e) {
            // Without the cause: what it may hold of a secret stays where it is.
            String message = String.valueOf(e.getMessage());
            throw new IllegalArgumentException(message.startsWith("must ") ? "url " + message : message);
        }
    }

    /**
     * Derives one with a password that does not change.
     *
     * @param value the password of the default user, or of the one that {@link #withUsername} names
     * @return the derived configuration
     */
    public SingleConfig withPassword(Secret value) {
        return with(access -> access.withPassword(value));
    }

    /**
     * Derives one with an ACL user.
     *
     * @param value the user's name
     * @return the derived configuration
     */
    public SingleConfig withUsername(String value) {
        return with(access -> access.withUsername(value));
    }

    /**
     * Derives one that asks for its credentials, which may change at any time.
     *
     * @param value what is asked for each connection, and when what it gave expires
     * @return the derived configuration
     */
    public SingleConfig withCredentials(CredentialsProvider value) {
        return with(access -> access.withCredentials(value));
    }

    /**
     * Derives one with another database.
     *
     * @param value the database's number, at least 0; how many there are is the server's affair
     * @return the derived configuration
     */
    public SingleConfig withDatabase(int value) {
        return new SingleConfig(place, value, access, sentinels, sentinel);
    }

    /**
     * Derives one with TLS, trusting what the JVM trusts. The server's certificate and its host name are verified.
     *
     * @return the derived configuration
     */
    public SingleConfig withTls() {
        return withTls(TlsConfig.system());
    }

    /**
     * Derives one with TLS and a trust store of its own. The server's certificate and its host name are verified.
     *
     * @param trustStore a PKCS #12 or JKS file with the certificates to trust
     * @param trustStorePassword its password; {@code null} if it has none
     * @return the derived configuration
     * @throws dev.holdfast.cache.CacheConfigException if the file cannot be read
     */
    public SingleConfig withTls(Path trustStore, @Nullable Secret trustStorePassword) {
        return withTls(TlsConfig.trusting(Objects.requireNonNull(trustStore, "trustStore"), trustStorePassword));
    }

    /**
     * Derives one with TLS by a context made elsewhere. The server's host name is verified in addition to what the context verifies.
     *
     * @param context the context
     * @return the derived configuration
     */
    public SingleConfig withTls(SSLContext context) {
        return withTls(TlsConfig.of(context));
    }

    /**
     * Derives one with TLS, for instance with an authority in a PEM file, a client's certificate, or less verification.
     *
     * @param value how connections are encrypted
     * @return the derived configuration
     * @throws IllegalArgumentException if the server is at a socket of the file system
     */
    public SingleConfig withTls(TlsConfig value) {
        if (place instanceof Place.Socket) {
            throw new IllegalArgumentException("a socket of the file system has no TLS");
        }
        return with(access -> access.withTls(value));
    }

    /**
     * Derives one with what the sentinels want for a log-in, where that is not the server's.
     *
     * @param username the ACL user; {@code null} for the default user
     * @param password the password
     * @return the derived configuration
     */
    public SingleConfig withSentinelCredentials(@Nullable String username, Secret password) {
        return withSentinels(
                access -> (username == null ? access : access.withUsername(username)).withPassword(password));
    }

    /**
     * Derives one with TLS to the sentinels.
     *
     * @param value how connections to them are encrypted
     * @return the derived configuration
     */
    public SingleConfig withSentinelTls(TlsConfig value) {
        return withSentinels(access -> access.withTls(value));
    }

    /**
     * Derives one with another time to connect: name resolution, all of its addresses, TLS and log-in together.
     *
     * @param value from 1 ms to an hour
     * @return the derived configuration
     */
    public SingleConfig withConnectTimeout(Duration value) {
        return with(access -> access.withConnectTimeout(value));
    }

    /**
     * Derives one with another time for a command, from its first byte to the last of its reply.
     *
     * @param value from 1 ms to an hour
     * @return the derived configuration
     */
    public SingleConfig withCommandTimeout(Duration value) {
        return with(access -> access.withCommandTimeout(value));
    }

    /**
     * Derives one with another number of connections.
     *
     * @param value the most there are at a time, besides the probe's; from 1 to 1,000
     * @return the derived configuration
     */
    public SingleConfig withPoolSize(int value) {
        return with(access -> access.withPoolSize(value));
    }

    /**
     * Derives one with another key prefix.
     *
     * @param value what stands before every key
     * @return the derived configuration
     */
    public SingleConfig withKeyPrefix(KeyPrefix value) {
        return with(access -> access.withKeyPrefix(value));
    }

    /**
     * Derives one with another limit for values: larger ones are neither sent nor read, whatever the server claims.
     *
     * @param value the largest value in bytes; from 1 KiB to 2 GiB - 1 KiB. Redis itself takes 512 MiB unless it is told
     *     otherwise ({@code proto-max-bulk-len})
     * @return the derived configuration
     */
    public SingleConfig withMaxValueBytes(long value) {
        return with(access -> access.withMaxValueBytes(value));
    }

    /**
     * Derives one whose connections have another name, as {@code CLIENT LIST} shows it.
     *
     * @param value the name, printable ASCII without blanks; by default {@code holdfast}
     * @return the derived configuration
     */
    public SingleConfig withClientName(String value) {
        return with(access -> access.withClientName(value));
    }

    /** How the server is got at. */
    RemoteAccess access() {
        return access;
    }

    /** Whether what is there is no cache but a sentinel that knows where it is. */
    boolean isSentinel() {
        return sentinel;
    }

    /** Names a setting as it was given, for messages. */
    String named(String variable, String inCode) {
        return access.named(variable, inCode);
    }

    /** Where the server is. */
    Place place() {
        return place;
    }

    /** How a sentinel is got at: one connection, with the limits of those to the server. */
    SingleConfig sentinel(Address address) {
        RemoteAccess one = sentinels
                .withConnectTimeout(access.connectTimeout())
                .withCommandTimeout(access.commandTimeout())
                .withClientName(access.clientName())
                .withPoolSize(1);
        return new SingleConfig(new Place.Port(address), 0, one, RemoteAccess.defaults(), true);
    }

    /** Returns the ACL user; {@code null} for the default user, or one that credentials name. */
    public @Nullable String username() {
        return access.username();
    }

    /** Returns the password; {@code null} if there is none, or {@link #withCredentials} gave what is asked for it. */
    public @Nullable Secret password() {
        return access.password();
    }

    /** Returns the database's number. */
    public int database() {
        return database;
    }

    /** Returns how connections are encrypted; {@code null} for plain ones. */
    public @Nullable TlsConfig tls() {
        return access.tls();
    }

    /** Returns how long connecting may take in all. */
    public Duration connectTimeout() {
        return access.connectTimeout();
    }

    /** Returns how long a command may take. */
    public Duration commandTimeout() {
        return access.commandTimeout();
    }

    /** Returns how many connections there are at most, besides the probe's. */
    public int poolSize() {
        return access.poolSize();
    }

    /** Returns what stands before every key. */
    public KeyPrefix keyPrefix() {
        return access.keyPrefix();
    }

    /** Returns the largest value that is sent or read, in bytes. */
    public long maxValueBytes() {
        return access.maxValueBytes();
    }

    /** Returns the name of connections. */
    public String clientName() {
        return access.clientName();
    }

    /**
     * Returns where the server is.
     *
     * @return {@code host:port}, an IPv6 address in brackets; the path of a socket; or {@code host:port,…/master} of sentinels
     */
    public String address() {
        return place.name();
    }

    @Override
    public String tier() {
        return "single";
    }

    /** {@inheritDoc} True of a socket of the file system. */
    @Override
    public boolean buffered() {
        return place instanceof Place.Socket;
    }

    @Override
    public CacheStore open(String client, KeyPrefix keyPrefix) {
        return SingleStore.of(with(own ->
                own.orElse(Objects.requireNonNull(client, "client"), Objects.requireNonNull(keyPrefix, "keyPrefix"))));
    }

    /** The URL, without secrets. */
    @Override
    public String toString() {
        String scheme = access.tls() == null ? "redis" : "rediss";
        String start =
                place instanceof Place.Socket ? "unix" : place instanceof Place.Master ? scheme + "-sentinel" : scheme;
        String last = database == 0 ? "" : place instanceof Place.Socket ? "?db=" + database : "/" + database;
        return start + "://" + access.userInfo() + address() + last;
    }
}
