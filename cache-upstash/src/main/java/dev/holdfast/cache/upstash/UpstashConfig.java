package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.StoreConfig;
import java.net.URI;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** How to reach an Upstash database. Start from {@link #of} and derive with the withers. Immutable. */
public final class UpstashConfig implements StoreConfig {
    /** More than other tiers have: an HTTP connection carries one request at a time, and is far from its server. */
    static final int DEFAULT_CONNECTIONS = 8;

    private final URI url;
    private final RemoteAccess access;
    private final int maxCommandBytes;
    private final boolean readYourWrites;
    private final boolean plainHttpAllowed;

    private UpstashConfig(
            URI url, RemoteAccess access, int maxCommandBytes, boolean readYourWrites, boolean plainHttpAllowed) {
        RemoteAccess.requireBetween("maxCommandBytes", maxCommandBytes, 1_024, 1 << 30);
        this.url = checked(url, plainHttpAllowed);
        this.access = access;
        this.maxCommandBytes = maxCommandBytes;
        this.readYourWrites = readYourWrites;
        this.plainHttpAllowed = plainHttpAllowed;
    }

    /** Derives one that gets at its database in another way. */
    UpstashConfig with(UnaryOperator<RemoteAccess> change) {
        return new UpstashConfig(url, change.apply(access), maxCommandBytes, readYourWrites, plainHttpAllowed);
    }

    /**
     * Starts a configuration: no key prefix, 5 s to connect, 3 s for a command, 8 connections, 10,485,760 bytes a command,
     * 512 MiB a value, reads see earlier writes.
     *
     * @param url the database's address, {@code https://name.upstash.io}; {@code http} is taken for a loopback address
     * @param token its token; white space and quotes around it are dropped
     * @return the configuration
     * @throws IllegalArgumentException if the URL or the token cannot be meant
     */
    public static UpstashConfig of(String url, Secret token) {
        return byCode(url, false).with(access -> access.withPassword(Token.checked(token)));
    }

    /**
     * Starts a configuration like {@link #of(String, Secret)} whose token may change at any time.
     *
     * @param url the database's address
     * @param token is asked before the first request, when what it gave expires or is refused; of the credentials the password is the
     *     token, and the user is not used
     * @return the configuration
     * @throws IllegalArgumentException if the URL cannot be meant
     */
    public static UpstashConfig of(String url, CredentialsProvider token) {
        return byCode(url, false).with(access -> access.withCredentials(token));
    }

    /**
     * Starts a configuration like {@link #of(String, Secret)} whose URL may be {@code http} for any host: the token crosses the network
     * in the clear.
     *
     * @param url the address
     * @param token the token
     * @return the configuration
     */
    public static UpstashConfig ofPlainHttp(String url, Secret token) {
        return byCode(url, true).with(access -> access.withPassword(Token.checked(token)));
    }

    private static UpstashConfig byCode(String url, boolean plainHttpAllowed) {
        Objects.requireNonNull(url, "url");
        try {
            return start(url, plainHttpAllowed);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("url " + e.getMessage());
        }
    }

    static UpstashConfig start(String url, boolean plainHttpAllowed) {
        RemoteAccess access = RemoteAccess.defaults().withPoolSize(DEFAULT_CONNECTIONS);
        return new UpstashConfig(parsed(url), access, 10_485_760, true, plainHttpAllowed);
    }

    /**
     * Derives one with another key prefix.
     *
     * @param value what is put before every key
     * @return the derived configuration
     */
    public UpstashConfig withKeyPrefix(KeyPrefix value) {
        return with(access -> access.withKeyPrefix(value));
    }

    /**
     * Derives one with other time limits. A call takes at most their sum.
     *
     * @param connect the longest time to connect, TLS included; from 1 ms to an hour
     * @param command the longest time from a request to the end of its answer; from 1 ms to an hour
     * @return the derived configuration
     */
    public UpstashConfig withTimeouts(Duration connect, Duration command) {
        return with(access -> access.withConnectTimeout(connect).withCommandTimeout(command));
    }

    /**
     * Derives one with another number of connections. When as many requests are under way, further commands share the
     * next one. By default {@value #DEFAULT_CONNECTIONS}.
     *
     * @param value requests at the same time, 1 to 1,000; over HTTP/2 they share one connection
     * @return the derived configuration
     */
    public UpstashConfig withMaxConnections(int value) {
        return with(access -> access.withPoolSize(value));
    }

    /**
     * Derives one with other TLS, for a front of one's own: an authority in a PEM file, a client's certificate, less verification.
     * Without this, whom the JVM trusts is trusted.
     *
     * @param value how connections to an {@code https} address are encrypted
     * @return the derived configuration
     */
    public UpstashConfig withTls(TlsConfig value) {
        return with(access -> access.withTls(value));
    }

    /**
     * Derives one with another limit on a command's size, as the database's plan has it.
     *
     * @param value the most bytes that one command's arguments, or its answer, may have: 1 KiB to 1 GiB
     * @return the derived configuration
     */
    public UpstashConfig withMaxCommandBytes(int value) {
        return new UpstashConfig(url, access, value, readYourWrites, plainHttpAllowed);
    }

    /**
     * Derives one with another limit on a value's size. A larger one is not stored, and not read either: it is refused by what
     * the database says of its size, before any memory is taken for it.
     *
     * @param value the most bytes that a value may have: 1 KiB to 2 GiB - 1 KiB. A command's size bounds values too
     * @return the derived configuration
     */
    public UpstashConfig withMaxValueBytes(long value) {
        return with(access -> access.withMaxValueBytes(value));
    }

    /**
     * Derives one with or without sync tokens, by which a read waits until its replica has this client's writes.
     *
     * @param value whether reads must see this client's own earlier writes
     * @return the derived configuration
     */
    public UpstashConfig withReadYourWrites(boolean value) {
        return new UpstashConfig(url, access, maxCommandBytes, value, plainHttpAllowed);
    }

    /** Returns the address, without a slash at its end. */
    public URI url() {
        return url;
    }

    /** Returns the token; {@code null} if a provider is asked for it. */
    public @Nullable Secret token() {
        return access.password();
    }

    /** How the database is got at. */
    RemoteAccess access() {
        return access;
    }

    /** Returns how connections are encrypted; {@code null} as the JVM has it. */
    public @Nullable TlsConfig tls() {
        return access.tls();
    }

    /** Returns what is put before every key. */
    public KeyPrefix keyPrefix() {
        return access.keyPrefix();
    }

    /** Returns the longest time to connect. */
    public Duration connectTimeout() {
        return access.connectTimeout();
    }

    /** Returns the longest time from a request to the end of its answer. */
    public Duration commandTimeout() {
        return access.commandTimeout();
    }

    /** Returns how many requests may be under way at the same time. */
    public int maxConnections() {
        return access.poolSize();
    }

    /** Returns the most bytes that a command's arguments, or its answer, may have. */
    public int maxCommandBytes() {
        return maxCommandBytes;
    }

    /** Returns the most bytes that a value may have. */
    public long maxValueBytes() {
        return access.maxValueBytes();
    }

    /** Says whether sync tokens are sent. */
    public boolean readYourWrites() {
        return readYourWrites;
    }

    private static URI parsed(String text) {
        String trimmed = unquoted(text);
        while (trimmed.endsWith("/")) {
            trimmed = trimmed.substring(0, trimmed.length() - 1);
        }
        try {
            return URI.create(trimmed);
        } catch (IllegalArgumentException e) {
            // Without the cause, which quotes the text: it may be the token.
            throw new IllegalArgumentException("must be a URL such as https://name.upstash.io");
        }
    }

    /** Copying from a web console or an env file often brings line ends and quotes along; neither can be part of it. */
    static String unquoted(String text) {
        String stripped = text.strip();
        if (stripped.length() >= 2
                && (stripped.charAt(0) == '"' || stripped.charAt(0) == '\'')
                && stripped.charAt(stripped.length() - 1) == stripped.charAt(0)) {
            stripped = stripped.substring(1, stripped.length() - 1).strip();
        }
        return stripped;
    }

    private static URI checked(URI url, boolean plainHttpAllowed) {
        String scheme = url.getScheme() == null ? "" : url.getScheme().toLowerCase(Locale.ROOT);
        if (url.getHost() == null || !(scheme.equals("https") || scheme.equals("http"))) {
            throw new IllegalArgumentException("must be a URL such as https://name.upstash.io");
        }
        if (url.getRawUserInfo() != null || url.getRawQuery() != null || url.getRawFragment() != null) {
            throw new IllegalArgumentException("must be a URL without user, query and fragment");
        }
        if (scheme.equals("http") && !plainHttpAllowed && !isLoopback(url.getHost())) {
            throw new IllegalArgumentException(
                    "must begin with https://, since over http:// the token crosses the network"
                            + " in the clear; http is taken for a loopback address, or where it is allowed explicitly");
        }
        return url;
    }

    private static boolean isLoopback(String host) {
        return host.equalsIgnoreCase("localhost") || host.equals("[::1]") || host.matches("127(\\.\\d{1,3}){3}");
    }

    @Override
    public String tier() {
        return "upstash";
    }

    /** {@inheritDoc} True: an HTTP edge may hold a request back. */
    @Override
    public boolean buffered() {
        return true;
    }

    /** {@inheritDoc} Upstash names no connections. */
    @Override
    public CacheStore open(String client, KeyPrefix keyPrefix) {
        return UpstashStore.create(access.keyPrefix().equals(KeyPrefix.NONE) ? withKeyPrefix(keyPrefix) : this);
    }

    @Override
    public String toString() {
        return "UpstashConfig[" + url + ", token=***, keyPrefix=" + keyPrefix() + ", connectTimeout=" + connectTimeout()
                + ", commandTimeout=" + commandTimeout() + ", maxConnections=" + maxConnections() + ']';
    }
}
