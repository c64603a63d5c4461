package dev.holdfast.cache.redis;

import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.spi.KeyPrefix;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Function;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * How a store gets at its servers, wherever they are: what it logs in with, TLS, time limits, connections, key prefix, the largest value
 * and its name. Start from {@link #defaults} and derive with the withers; every instance is valid. Immutable.
 */
public final class RemoteAccess {
    /** Of connections for which nobody says another. */
    private static final String NAME = "holdfast";

    /** The most connections to a server. */
    public static final int MOST_CONNECTIONS = 1_000;

    /** The smallest limit on values, in bytes. */
    public static final long LEAST_MAX_VALUE = 1L << 10;

    /** The largest limit on values, in bytes: what an array can hold. */
    public static final long MOST_MAX_VALUE = (2L << 30) - (1L << 10);

    /** The longest time limit. */
    public static final Duration LONGEST_TIMEOUT = Duration.ofHours(1);

    private static final Duration SHORTEST_TIMEOUT = Duration.ofMillis(1);

    private final Parts parts;

    private RemoteAccess(Parts parts) {
        this.parts = parts;
    }

    private RemoteAccess with(Consumer<Parts> change) {
        Parts changed = new Parts(parts);
        change.accept(changed);
        changed.check();
        return new RemoteAccess(changed);
    }

    /** Returns the start: nobody logs in, no TLS, 5 s to connect, 3 s for a command, 5 connections, no prefix, values of 512 MiB. */
    public static RemoteAccess defaults() {
        return new RemoteAccess(new Parts());
    }

    /** Derives one with the ACL user of credentials that name none. */
    public RemoteAccess withUsername(String value) {
        Objects.requireNonNull(value, "username");
        return with(parts -> parts.username = Credentials.checkedUsername(value));
    }

    /** Derives one with a password that does not change. */
    public RemoteAccess withPassword(Secret value) {
        Credentials constant = Credentials.of(Objects.requireNonNull(value, "password"));
        return with(parts -> {
            parts.password = value;
            parts.credentials = () -> constant;
        });
    }

    /** Derives one that asks for its credentials. */
    public RemoteAccess withCredentials(CredentialsProvider value) {
        Objects.requireNonNull(value, "credentials");
        return with(parts -> {
            parts.password = null;
            parts.credentials = value;
        });
    }

    /**
     * Derives one with TLS.
     *
     * @param value how connections are encrypted
     * @return the derived access
     * @throws dev.holdfast.cache.CacheConfigException if what the JVM trusts is needed for that and can't be read
     */
    public RemoteAccess withTls(TlsConfig value) {
        Objects.requireNonNull(value, "tls");
        SSLContext unusedYet = value.context();
        return with(parts -> parts.tls = value);
    }

    /** Derives one without TLS. */
    public RemoteAccess withoutTls() {
        return with(parts -> parts.tls = null);
    }

    /** Derives one with another time to connect. */
    public RemoteAccess withConnectTimeout(Duration value) {
        return with(parts -> parts.connectTimeout = Objects.requireNonNull(value, "connectTimeout"));
    }

    /** Derives one with another time for a command. */
    public RemoteAccess withCommandTimeout(Duration value) {
        return with(parts -> parts.commandTimeout = Objects.requireNonNull(value, "commandTimeout"));
    }

    /** Derives one with another number of connections. */
    public RemoteAccess withPoolSize(int value) {
        return with(parts -> parts.poolSize = value);
    }

    /** Derives one with another key prefix. */
    public RemoteAccess withKeyPrefix(KeyPrefix value) {
        return with(parts -> parts.keyPrefix = Objects.requireNonNull(value, "keyPrefix"));
    }

    /** Derives one with another limit for values. */
    public RemoteAccess withMaxValueBytes(long value) {
        return with(parts -> parts.maxValueBytes = value);
    }

    /** Derives one whose connections have another name. */
    public RemoteAccess withClientName(String value) {
        return with(parts -> parts.clientName = Objects.requireNonNull(value, "clientName"));
    }

    /** Returns the ACL user; {@code null} if only the credentials may name one. */
    public @Nullable String username() {
        return parts.username;
    }

    /** Returns the password; {@code null} if there is none, or a provider is asked for it. */
    public @Nullable Secret password() {
        return parts.password;
    }

    /** Returns what is asked for credentials; {@code null} if there are none. */
    public @Nullable CredentialsProvider credentials() {
        return parts.credentials;
    }

    /** Returns how connections are encrypted; {@code null} for plain ones. */
    public @Nullable TlsConfig tls() {
        return parts.tls;
    }

    /** Returns how long connecting may take in all. */
    public Duration connectTimeout() {
        return parts.connectTimeout;
    }

    /** Returns how long a command may take. */
    public Duration commandTimeout() {
        return parts.commandTimeout;
    }

    /** Returns the most connections to a server. */
    public int poolSize() {
        return parts.poolSize;
    }

    /**
     * Derives one that has a client's name and prefix where it has none of its own.
     *
     * @param client the name of connections
     * @param prefix what stands before every key
     * @return the derived one
     */
    public RemoteAccess orElse(String client, KeyPrefix prefix) {
        return with(parts -> {
            parts.keyPrefix = parts.keyPrefix.equals(KeyPrefix.NONE) ? prefix : parts.keyPrefix;
            parts.clientName = parts.clientName.equals(NAME) ? client : parts.clientName;
        });
    }

    /** Derives one that was read from settings. */
    RemoteAccess readFrom(AccessVariables value) {
        return with(parts -> parts.variables = value);
    }

    /** Returns the settings that this was read from; {@code null} if code says it all. */
    public @Nullable AccessVariables variables() {
        return parts.variables;
    }

    /**
     * Names a setting as it was given, for messages.
     *
     * @param variable its name as a setting
     * @param inCode its name in code: a method's
     * @return the variable if this was read from settings; else the name in code
     */
    public String named(String variable, String inCode) {
        return named(all -> variable, inCode);
    }

    /**
     * Names a setting like {@link #named(String, String)}.
     *
     * @param variable picks the name from those that the tier has
     * @param inCode its name in code
     * @return the name of the two that is the user's
     */
    public String named(Function<AccessVariables, String> variable, String inCode) {
        AccessVariables variables = parts.variables;
        return variables == null ? inCode : variable.apply(variables);
    }

    /** Returns what stands before every key. */
    public KeyPrefix keyPrefix() {
        return parts.keyPrefix;
    }

    /** Returns the most bytes of a value. */
    public long maxValueBytes() {
        return parts.maxValueBytes;
    }

    /** Returns the name of connections. */
    public String clientName() {
        return parts.clientName;
    }

    /** Returns how a URL begins that says the same, without secrets: {@code rediss://user:***@}. */
    public String urlStart() {
        return (parts.tls == null ? "redis://" : "rediss://") + userInfo();
    }

    /** Returns the user information of a URL, without secrets: {@code user:***@}, or nothing. */
    public String userInfo() {
        return (parts.username == null ? "" : parts.username)
                + (parts.credentials == null ? "" : ":***")
                + (parts.username == null && parts.credentials == null ? "" : "@");
    }

    /** Written only before it belongs to an instance. */
    private static final class Parts {
        private @Nullable String username;
        private @Nullable Secret password;
        private @Nullable CredentialsProvider credentials;
        private @Nullable TlsConfig tls;
        private Duration connectTimeout = Duration.ofSeconds(5);
        private Duration commandTimeout = Duration.ofSeconds(3);
        private int poolSize = 5;
        private KeyPrefix keyPrefix = KeyPrefix.NONE;
        private long maxValueBytes = 512L << 20;
        private String clientName = NAME;
        private @Nullable AccessVariables variables;

        Parts() {}

        Parts(Parts other) {
            username = other.username;
            password = other.password;
            credentials = other.credentials;
            tls = other.tls;
            connectTimeout = other.connectTimeout;
            commandTimeout = other.commandTimeout;
            poolSize = other.poolSize;
            keyPrefix = other.keyPrefix;
            maxValueBytes = other.maxValueBytes;
            clientName = other.clientName;
            variables = other.variables;
        }

        void check() {
            requireTimeout("connectTimeout", connectTimeout);
            requireTimeout("commandTimeout", commandTimeout);
            requireBetween("poolSize", poolSize, 1, MOST_CONNECTIONS);
            requireBetween("maxValueBytes", maxValueBytes, LEAST_MAX_VALUE, MOST_MAX_VALUE);
            if (clientName.isEmpty() || clientName.chars().anyMatch(c -> c < '!' || c > '~')) {
                throw new IllegalArgumentException(
                        "clientName must be printable ASCII without blanks: \"" + clientName + '"');
            }
        }
    }

    /**
     * Checks a time limit.
     *
     * @throws IllegalArgumentException if it is less than 1 ms or more than an hour
     */
    public static void requireTimeout(String field, Duration value) {
        if (value.compareTo(SHORTEST_TIMEOUT) < 0 || value.compareTo(LONGEST_TIMEOUT) > 0) {
            throw new IllegalArgumentException(field + " must be from 1 ms to an hour: " + value);
        }
    }

    /**
     * Checks a number.
     *
     * @throws IllegalArgumentException if it is out of bounds
     */
    public static void requireBetween(String field, long value, long min, long max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(field + " must be from " + min + " to " + max + ": " + value);
        }
    }
}
