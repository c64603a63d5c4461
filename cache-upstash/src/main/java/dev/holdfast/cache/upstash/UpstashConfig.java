package dev.holdfast.cache.upstash;

import dev.holdfast.cache.KeyPrefix;
import dev.holdfast.cache.Secret;
import java.net.URI;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;

/** How to reach an Upstash database. Start from {@link #of} and derive with the withers. Immutable. */
public final class UpstashConfig {
    private static final Duration LONGEST = Duration.ofMinutes(10);

    /** More than other tiers have: an HTTP connection carries one request at a time, and is far from its server. */
    static final int DEFAULT_CONNECTIONS = 8;

    static final long DEFAULT_MAX_VALUE_BYTES = 512L << 20;
    static final long MIN_MAX_VALUE_BYTES = 1L << 10;
    static final long MAX_MAX_VALUE_BYTES = (2L << 30) - (1L << 10);

    private final URI url;
    private final Secret token;
    private final KeyPrefix keyPrefix;
    private final Duration connectTimeout;
    private final Duration commandTimeout;
    private final int maxConnections;
    private final int maxCommandBytes;
    private final long maxValueBytes;
    private final boolean readYourWrites;
    private final boolean plainHttpAllowed;

    private UpstashConfig(
            URI url,
            Secret token,
            KeyPrefix keyPrefix,
            Duration connectTimeout,
            Duration commandTimeout,
            int maxConnections,
            int maxCommandBytes,
            long maxValueBytes,
            boolean readYourWrites,
            boolean plainHttpAllowed) {
        this.url = checked(url, plainHttpAllowed);
        this.token = checked(token);
        this.keyPrefix = Objects.requireNonNull(keyPrefix, "keyPrefix");
        this.connectTimeout = checked("connectTimeout", connectTimeout);
        this.commandTimeout = checked("commandTimeout", commandTimeout);
        this.maxConnections = checked("maxConnections", maxConnections, 1, 1_000);
        this.maxCommandBytes = checked("maxCommandBytes", maxCommandBytes, 1_024, 1 << 30);
        this.maxValueBytes = checked("maxValueBytes", maxValueBytes);
        this.readYourWrites = readYourWrites;
        this.plainHttpAllowed = plainHttpAllowed;
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
        return start(url, token, false);
    }

    /**
     * Starts a configuration like {@link #of} whose URL may be {@code http} for any host: the token crosses the network in
     * the clear.
     *
     * @param url the address
     * @param token the token
     * @return the configuration
     */
    public static UpstashConfig ofPlainHttp(String url, Secret token) {
        return start(url, token, true);
    }

    private static UpstashConfig start(String url, Secret token, boolean plainHttpAllowed) {
        return new UpstashConfig(
                parsed(url),
                trimmed(token),
                KeyPrefix.NONE,
                Duration.ofSeconds(5),
                Duration.ofSeconds(3),
                DEFAULT_CONNECTIONS,
                10_485_760,
                DEFAULT_MAX_VALUE_BYTES,
                true,
                plainHttpAllowed);
    }

    /**
     * Derives one with another key prefix.
     *
     * @param value what is put before every key
     * @return the derived configuration
     */
    public UpstashConfig withKeyPrefix(KeyPrefix value) {
        return new UpstashConfig(
                url,
                token,
                value,
                connectTimeout,
                commandTimeout,
                maxConnections,
                maxCommandBytes,
                maxValueBytes,
                readYourWrites,
                plainHttpAllowed);
    }

    /**
     * Derives one with other time limits. A call takes at most their sum.
     *
     * @param connect the longest time to connect, TLS included; positive, at most 10 minutes
     * @param command the longest time from a request to the end of its answer; positive, at most 10 minutes
     * @return the derived configuration
     */
    public UpstashConfig withTimeouts(Duration connect, Duration command) {
        return new UpstashConfig(
                url,
                token,
                keyPrefix,
                connect,
                command,
                maxConnections,
                maxCommandBytes,
                maxValueBytes,
                readYourWrites,
                plainHttpAllowed);
    }

    /**
     * Derives one with another number of connections. When as many requests are under way, further commands share the
     * next one. By default {@value #DEFAULT_CONNECTIONS}.
     *
     * @param value requests at the same time, 1 to 1,000; over HTTP/2 they share one connection
     * @return the derived configuration
     */
    public UpstashConfig withMaxConnections(int value) {
        return new UpstashConfig(
                url,
                token,
                keyPrefix,
                connectTimeout,
                commandTimeout,
                value,
                maxCommandBytes,
                maxValueBytes,
                readYourWrites,
                plainHttpAllowed);
    }

    /**
     * Derives one with another limit on a command's size, as the database's plan has it.
     *
     * @param value the most bytes that one command's arguments, or its answer, may have: 1 KiB to 1 GiB
     * @return the derived configuration
     */
    public UpstashConfig withMaxCommandBytes(int value) {
        return new UpstashConfig(
                url,
                token,
                keyPrefix,
                connectTimeout,
                commandTimeout,
                maxConnections,
                value,
                maxValueBytes,
                readYourWrites,
                plainHttpAllowed);
    }

    /**
     * Derives one with another limit on a value's size. A larger one is not stored, and not read either: it is refused by what
     * the database says of its size, before any memory is taken for it.
     *
     * @param value the most bytes that a value may have: 1 KiB to 2 GiB - 1 KiB. A command's size bounds values too
     * @return the derived configuration
     */
    public UpstashConfig withMaxValueBytes(long value) {
        return new UpstashConfig(
                url,
                token,
                keyPrefix,
                connectTimeout,
                commandTimeout,
                maxConnections,
                maxCommandBytes,
                value,
                readYourWrites,
                plainHttpAllowed);
    }

    /**
     * Derives one with or without sync tokens, by which a read waits until its replica has this client's writes.
     *
     * @param value whether reads must see this client's own earlier writes
     * @return the derived configuration
     */
    public UpstashConfig withReadYourWrites(boolean value) {
        return new UpstashConfig(
                url,
                token,
                keyPrefix,
                connectTimeout,
                commandTimeout,
                maxConnections,
                maxCommandBytes,
                maxValueBytes,
                value,
                plainHttpAllowed);
    }

    /** Returns the address, without a slash at its end. */
    public URI url() {
        return url;
    }

    /** Returns the token. */
    public Secret token() {
        return token;
    }

    /** Returns what is put before every key. */
    public KeyPrefix keyPrefix() {
        return keyPrefix;
    }

    /** Returns the longest time to connect. */
    public Duration connectTimeout() {
        return connectTimeout;
    }

    /** Returns the longest time from a request to the end of its answer. */
    public Duration commandTimeout() {
        return commandTimeout;
    }

    /** Returns how many requests may be under way at the same time. */
    public int maxConnections() {
        return maxConnections;
    }

    /** Returns the most bytes that a command's arguments, or its answer, may have. */
    public int maxCommandBytes() {
        return maxCommandBytes;
    }

    /** Returns the most bytes that a value may have. */
    public long maxValueBytes() {
        return maxValueBytes;
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

    private static Secret trimmed(Secret token) {
        String text = unquoted(token.reveal());
        if (text.isEmpty()) {
            throw new IllegalArgumentException("the token must not be blank");
        }
        return Secret.of(text);
    }

    /** Copying from a web console or an env file often brings line ends and quotes along; neither can be part of it. */
    private static String unquoted(String text) {
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

    private static Secret checked(Secret token) {
        if (token.reveal().chars().anyMatch(c -> c <= ' ' || c >= 0x7f)) {
            throw new IllegalArgumentException(
                    "the token must be printable ASCII without blanks; is there more than one in it?");
        }
        return token;
    }

    private static Duration checked(String field, Duration value) {
        if (value.isNegative() || value.isZero() || value.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(field + " must be positive and at most " + LONGEST + ": " + value);
        }
        return value;
    }

    private static long checked(String field, long value) {
        if (value < MIN_MAX_VALUE_BYTES || value > MAX_MAX_VALUE_BYTES) {
            throw new IllegalArgumentException(
                    field + " must be from " + MIN_MAX_VALUE_BYTES + " to " + MAX_MAX_VALUE_BYTES + ": " + value);
        }
        return value;
    }

    private static int checked(String field, int value, int min, int max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(field + " must be from " + min + " to " + max + ": " + value);
        }
        return value;
    }

    @Override
    public String toString() {
        return "UpstashConfig[" + url + ", token=***, keyPrefix=" + keyPrefix + ", connectTimeout=" + connectTimeout
                + ", commandTimeout=" + commandTimeout + ", maxConnections=" + maxConnections + ']';
    }
}
