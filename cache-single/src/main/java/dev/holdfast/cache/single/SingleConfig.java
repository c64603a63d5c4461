package dev.holdfast.cache.single;

import dev.holdfast.cache.KeyPrefix;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.TlsContexts;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Where a {@link SingleStore}'s server is and how to talk to it. Start from {@link #of} or {@link #parse} and derive with
 * the withers; every instance is valid. Immutable.
 */
public final class SingleConfig {
    static final long LEAST_MAX_VALUE = 1024;
    static final long MOST_MAX_VALUE = (1L << 31) - 1024;
    private static final long LARGEST_VALUE = 512L * 1024 * 1024;
    private static final Duration LONGEST_TIMEOUT = Duration.ofHours(1);

    private final String host;
    private final int port;
    private final @Nullable String username;
    private final @Nullable Secret password;
    private final int database;
    private final @Nullable SSLContext tls;
    private final Duration connectTimeout;
    private final Duration commandTimeout;
    private final int poolSize;
    private final KeyPrefix keyPrefix;
    private final long maxValueBytes;

    private SingleConfig(
            String host,
            int port,
            @Nullable String username,
            @Nullable Secret password,
            int database,
            @Nullable SSLContext tls,
            Duration connectTimeout,
            Duration commandTimeout,
            int poolSize,
            KeyPrefix keyPrefix,
            long maxValueBytes) {
        this.host = requireHost(host);
        this.port = requireBetween("port", port, 1, 65_535);
        this.username = username;
        this.password = password;
        this.database = requireBetween("database", database, 0, Integer.MAX_VALUE);
        this.tls = tls;
        this.connectTimeout = requireTimeout("connectTimeout", connectTimeout);
        this.commandTimeout = requireTimeout("commandTimeout", commandTimeout);
        this.poolSize = requireBetween("poolSize", poolSize, 1, 10_000);
        this.keyPrefix = Objects.requireNonNull(keyPrefix, "keyPrefix");
        this.maxValueBytes = maxValueBytes;
        if (maxValueBytes < LEAST_MAX_VALUE || maxValueBytes > MOST_MAX_VALUE) {
            throw new IllegalArgumentException(
                    "maxValueBytes must be from " + LEAST_MAX_VALUE + " to " + MOST_MAX_VALUE + ": " + maxValueBytes);
        }
        if (username != null && username.isEmpty()) {
            throw new IllegalArgumentException("username must not be empty; leave it out instead");
        }
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
        return new SingleConfig(
                host,
                port,
                null,
                null,
                0,
                null,
                Duration.ofSeconds(5),
                Duration.ofSeconds(3),
                5,
                KeyPrefix.NONE,
                LARGEST_VALUE);
    }

    /**
     * Starts with a URL: {@code redis://[user[:password]@]host[:port][/database]}, or {@code rediss://…} for TLS. User and
     * password are percent-encoded where they hold {@code % : / @ ? #}; an IPv6 address stands in brackets; the port is
     * 6379 if it is left out.
     *
     * @param url the URL
     * @return the configuration
     * @throws IllegalArgumentException if it is malformed; the message holds no user information
     */
    public static SingleConfig parse(String url) {
        return RedisUrl.parse(url);
    }

    /**
     * Derives one with a password.
     *
     * @param value the password of the default user, or of the one that {@link #withUsername} names
     * @return the derived configuration
     */
    public SingleConfig withPassword(Secret value) {
        Objects.requireNonNull(value, "password");
        return new SingleConfig(
                host,
                port,
                username,
                value,
                database,
                tls,
                connectTimeout,
                commandTimeout,
                poolSize,
                keyPrefix,
                maxValueBytes);
    }

    /**
     * Derives one with an ACL user.
     *
     * @param value the user's name
     * @return the derived configuration
     */
    public SingleConfig withUsername(String value) {
        Objects.requireNonNull(value, "username");
        if (value.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException(
                    "username must not hold control characters, such as a newline at its end");
        }
        return new SingleConfig(
                host,
                port,
                value,
                password,
                database,
                tls,
                connectTimeout,
                commandTimeout,
                poolSize,
                keyPrefix,
                maxValueBytes);
    }

    /**
     * Derives one with another database.
     *
     * @param value the database's number, at least 0; how many there are is the server's affair
     * @return the derived configuration
     */
    public SingleConfig withDatabase(int value) {
        return new SingleConfig(
                host,
                port,
                username,
                password,
                value,
                tls,
                connectTimeout,
                commandTimeout,
                poolSize,
                keyPrefix,
                maxValueBytes);
    }

    /**
     * Derives one with TLS, trusting what the JVM trusts. The server's certificate and its host name are verified.
     *
     * @return the derived configuration
     */
    public SingleConfig withTls() {
        return withTls(TlsContexts.system());
    }

    /**
     * Derives one with TLS and a trust store of its own. The server's certificate and its host name are verified.
     *
     * @param trustStore a PKCS #12 or JKS file with the certificates to trust; read now
     * @param trustStorePassword its password; {@code null} if it has none
     * @return the derived configuration
     * @throws dev.holdfast.cache.CacheConfigException if the file cannot be read
     */
    public SingleConfig withTls(Path trustStore, @Nullable Secret trustStorePassword) {
        return withTls(TlsContexts.trusting(trustStore, trustStorePassword));
    }

    /**
     * Derives one with TLS by a context made elsewhere, for instance with a client certificate. The server's host name is
     * verified in addition to what the context verifies.
     *
     * @param context the context
     * @return the derived configuration
     */
    public SingleConfig withTls(SSLContext context) {
        Objects.requireNonNull(context, "context");
        return new SingleConfig(
                host,
                port,
                username,
                password,
                database,
                context,
                connectTimeout,
                commandTimeout,
                poolSize,
                keyPrefix,
                maxValueBytes);
    }

    /**
     * Derives one with another time to connect: name resolution, all of its addresses, TLS and log-in together.
     *
     * @param value from 1 ms to an hour
     * @return the derived configuration
     */
    public SingleConfig withConnectTimeout(Duration value) {
        return new SingleConfig(
                host,
                port,
                username,
                password,
                database,
                tls,
                value,
                commandTimeout,
                poolSize,
                keyPrefix,
                maxValueBytes);
    }

    /**
     * Derives one with another time for a command, from its first byte to the last of its reply.
     *
     * @param value from 1 ms to an hour
     * @return the derived configuration
     */
    public SingleConfig withCommandTimeout(Duration value) {
        return new SingleConfig(
                host,
                port,
                username,
                password,
                database,
                tls,
                connectTimeout,
                value,
                poolSize,
                keyPrefix,
                maxValueBytes);
    }

    /**
     * Derives one with another number of connections.
     *
     * @param value the most there are at a time, besides the probe's; from 1 to 10,000
     * @return the derived configuration
     */
    public SingleConfig withPoolSize(int value) {
        return new SingleConfig(
                host,
                port,
                username,
                password,
                database,
                tls,
                connectTimeout,
                commandTimeout,
                value,
                keyPrefix,
                maxValueBytes);
    }

    /**
     * Derives one with another key prefix.
     *
     * @param value what stands before every key
     * @return the derived configuration
     */
    public SingleConfig withKeyPrefix(KeyPrefix value) {
        return new SingleConfig(
                host,
                port,
                username,
                password,
                database,
                tls,
                connectTimeout,
                commandTimeout,
                poolSize,
                value,
                maxValueBytes);
    }

    /**
     * Derives one with another limit for values: larger ones are neither sent nor read, whatever the server claims.
     *
     * @param value the largest value in bytes; from 1 KiB to 2 GiB - 1 KiB. Redis itself takes 512 MiB unless it is told
     *     otherwise ({@code proto-max-bulk-len})
     * @return the derived configuration
     */
    public SingleConfig withMaxValueBytes(long value) {
        return new SingleConfig(
                host,
                port,
                username,
                password,
                database,
                tls,
                connectTimeout,
                commandTimeout,
                poolSize,
                keyPrefix,
                value);
    }

    /** Returns the host. */
    public String host() {
        return host;
    }

    /** Returns the port. */
    public int port() {
        return port;
    }

    /** Returns the ACL user; {@code null} for the default user. */
    public @Nullable String username() {
        return username;
    }

    /** Returns the password; {@code null} if there is none. */
    public @Nullable Secret password() {
        return password;
    }

    /** Returns the database's number. */
    public int database() {
        return database;
    }

    /** Returns the TLS context; {@code null} for a plain connection. */
    public @Nullable SSLContext tls() {
        return tls;
    }

    /** Returns how long connecting may take in all. */
    public Duration connectTimeout() {
        return connectTimeout;
    }

    /** Returns how long a command may take. */
    public Duration commandTimeout() {
        return commandTimeout;
    }

    /** Returns how many connections there are at most, besides the probe's. */
    public int poolSize() {
        return poolSize;
    }

    /** Returns what stands before every key. */
    public KeyPrefix keyPrefix() {
        return keyPrefix;
    }

    /** Returns the largest value that is sent or read, in bytes. */
    public long maxValueBytes() {
        return maxValueBytes;
    }

    /** {@code host:port}, an IPv6 address in brackets. */
    String address() {
        return (host.indexOf(':') >= 0 ? '[' + host + ']' : host) + ':' + port;
    }

    private static String requireHost(String host) {
        Objects.requireNonNull(host, "host");
        // One colon is what stands before a port: an IPv6 address has two at least.
        boolean address = host.indexOf(':') != host.lastIndexOf(':') && host.matches("[0-9A-Fa-f:.]{2,45}(%[\\w.-]+)?");
        boolean name = host.indexOf(':') < 0 && host.chars().noneMatch(c -> c <= ' ' || "/@[]?#".indexOf(c) >= 0);
        if (host.isEmpty() || (!name && !address)) {
            throw new IllegalArgumentException("host must be a host name or an IP address, and nothing else");
        }
        return host;
    }

    private static int requireBetween(String field, int value, int min, int max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(field + " must be from " + min + " to " + max + ": " + value);
        }
        return value;
    }

    private static Duration requireTimeout(String field, Duration value) {
        Objects.requireNonNull(value, field);
        if (value.toMillis() < 1 || value.compareTo(LONGEST_TIMEOUT) > 0) {
            throw new IllegalArgumentException(field + " must be from 1 ms to an hour: " + value);
        }
        return value;
    }

    /** The URL, without secrets. */
    @Override
    public String toString() {
        return (tls == null ? "redis://" : "rediss://")
                + (username == null ? "" : username)
                + (password == null ? "" : ":***")
                + (username == null && password == null ? "" : "@")
                + address()
                + (database == 0 ? "" : "/" + database);
    }
}
