package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.OperationMeter;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.RedisScript;
import dev.holdfast.cache.StoreHealth;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.Protocol.Keyword;

/**
 * One Redis or Valkey server (meant for 6.2 or later, tested with Redis 7.0) as a {@link CacheStore}, over a bounded
 * number of connections, which concurrent callers share: what they ask for while all are in use is sent together, and each
 * gets its own reply, refusal or timeout. Connects when it is first used, on threads of its own; resolves the server's
 * name for every new connection. A dead server costs a caller at most {@link #callBound()}: half a command timeout of waiting for a
 * connection, the connect timeout, and the command timeout.
 *
 * <p>A large value delays the calls that were sent with it. A call that changes something and runs out of time resets its
 * connection, since it could be applied later than what follows; the calls that were sent on it fail with it, as
 * {@link CacheTimeoutException}.
 *
 * <p>Values have at most 512 MB, Redis' own limit. Keys that begin with {@code #canary:} and {@code #once:} under the key
 * prefix are the store's own: the probe's, and the markers of {@link #incrementOnce}.
 *
 * <p>Thread-safe.
 */
public final class SingleStore implements CacheStore {
    private static final int LARGEST_VALUE = 512 * 1024 * 1024;
    private static final int SCAN_COUNT = 500;
    private static final String ONCE_KEY_PREFIX = "#once:";
    private static final byte[] ONCE_MILLIS = bytes(TimeUnit.HOURS.toMillis(1));
    private static final Pattern ONCE_ID = Pattern.compile("[A-Za-z0-9-]{1,64}");
    private static final byte[] NOTHING = {};

    private final Shared shared;
    private final long boundNanos;
    private final boolean view;

    private SingleStore(Shared shared, long boundNanos, boolean view) {
        this.shared = shared;
        this.boundNanos = boundNanos;
        this.view = view;
    }

    /**
     * Creates a store. Connects to nothing yet.
     *
     * @param config where the server is and how to talk to it
     * @return the store
     */
    public static SingleStore of(SingleConfig config) {
        long bound = config.commandTimeout().toNanos() / 2
                + config.connectTimeout().toNanos()
                + config.commandTimeout().toNanos();
        return new SingleStore(new Shared(config), bound, false);
    }

    @Override
    public byte @Nullable [] get(String key) {
        return run(command(Command.GET, key), byte[].class);
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        String[] asked = keys.toArray(new String[0]);
        if (asked.length == 0) {
            shared.requireOpen();
            return new LinkedHashMap<>();
        }
        CommandArguments command = new CommandArguments(Command.MGET);
        for (String key : asked) {
            command.add(serverKey(key));
        }
        List<?> values = Objects.requireNonNullElse(run(command, List.class), List.of());
        Map<String, byte[]> found = new LinkedHashMap<>(values.size() * 4 / 3 + 1);
        for (int i = 0; i < values.size(); i++) {
            if (values.get(i) instanceof byte[] value) {
                found.put(asked[i], value);
            }
        }
        return found;
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        run(set(key, value, ttl), byte[].class);
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        List<String> keys = new ArrayList<>(entries.size());
        List<CommandArguments> commands = new ArrayList<>(entries.size());
        entries.forEach((key, value) -> {
            keys.add(key);
            commands.add(set(key, value, ttl));
        });
        CacheStore.ttlMillis(ttl);
        if (commands.isEmpty()) {
            shared.requireOpen();
            return;
        }
        long start = System.nanoTime();
        boolean answered = false;
        try {
            throwFirst(keys, shared.connections.callAll(commands, start, start + boundNanos));
            answered = true;
        } catch (CacheRejectedException e) {
            answered = true;
            throw e;
        } finally {
            shared.meter.record(start, answered);
        }
    }

    private static void throwFirst(List<String> keys, List<@Nullable Object> replies) {
        RuntimeException first = null;
        Set<String> failed = new HashSet<>();
        for (int i = 0; i < replies.size(); i++) {
            if (replies.get(i) instanceof RuntimeException refusal) {
                failed.add(keys.get(i));
                first = first == null ? refusal : first;
            }
        }
        if (first instanceof CacheUnavailableException e && failed.size() < keys.size()) {
            throw new CacheUnavailableException(
                    String.valueOf(e.getMessage()), e, e.reason(), e.outcomeUnknown(), failed, Map.of());
        }
        if (first != null) {
            throw first;
        }
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        return run(set(key, value, ttl).add(Keyword.NX), byte[].class) != null;
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        Objects.requireNonNull(expected, "expected");
        byte[] server = serverKey(key);
        return number(script(
                        RedisScript.REPLACE,
                        List.of(server),
                        List.of(expected, checked(value), millis(ttl)),
                        Long.class))
                > 0;
    }

    @Override
    public boolean remove(String key) {
        return number(run(command(Command.UNLINK, key), Long.class)) > 0;
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        Objects.requireNonNull(expected, "expected");
        return number(script(RedisScript.REMOVE, List.of(serverKey(key)), List.of(expected), Long.class)) > 0;
    }

    @Override
    public void removeAll(Collection<String> keys) {
        CommandArguments command = new CommandArguments(Command.UNLINK);
        keys.forEach(key -> command.add(serverKey(key)));
        if (keys.isEmpty()) {
            shared.requireOpen();
        } else {
            run(command, Long.class);
        }
    }

    @Override
    public boolean contains(String key) {
        return number(run(command(Command.EXISTS, key), Long.class)) > 0;
    }

    @Override
    public @Nullable Duration ttl(String key) {
        long millis = number(run(command(Command.PTTL, key), Long.class));
        if (millis == -2) {
            return null;
        }
        // Redis rounds down: 0 is an entry in its last millisecond.
        return millis == -1 ? FOREVER : Duration.ofMillis(Math.max(1, millis));
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        long millis = CacheStore.ttlMillis(ttl);
        byte[] server = serverKey(key);
        Long present = millis == Long.MAX_VALUE
                ? script(RedisScript.PERSIST, List.of(server), List.of(), Long.class)
                : run(new CommandArguments(Command.PEXPIRE).add(server).add(millis), Long.class);
        return number(present) > 0;
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        byte[] server = serverKey(key);
        return sum(script(
                RedisScript.INCREMENT, List.of(server), List.of(bytes(delta), millis(ttlIfCreated)), byte[].class));
    }

    @Override
    public OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        if (!ONCE_ID.matcher(onceId).matches()) {
            throw new IllegalArgumentException("onceId must be 1 to 64 characters of [A-Za-z0-9-]: \"" + onceId + '"');
        }
        List<byte[]> keys = List.of(serverKey(key), serverKey(ONCE_KEY_PREFIX + onceId + ':' + key));
        List<byte[]> arguments = List.of(bytes(delta), millis(ttlIfCreated), ONCE_MILLIS);
        return OptionalLong.of(sum(script(RedisScript.INCREMENT_ONCE, keys, arguments, byte[].class)));
    }

    @Override
    public long removeByPrefix(String prefix) {
        byte[] pattern = shared.config.keyPrefix().scanPattern(prefix);
        byte[] canaries = serverKey(Canary.KEY_PREFIX);
        long end = System.nanoTime() + (view ? boundNanos : PREFIX_REMOVAL_LIMIT.toNanos());
        byte[] cursor = {'0'};
        long removed = 0;
        try {
            do {
                CommandArguments scan = new CommandArguments(Command.SCAN)
                        .add(cursor)
                        .add(Keyword.MATCH)
                        .add(pattern)
                        .add(Keyword.COUNT)
                        .add(SCAN_COUNT);
                List<?> page = Objects.requireNonNullElse(run(scan, List.class, end), List.of());
                cursor = (byte[]) page.get(0);
                CommandArguments unlink = new CommandArguments(Command.UNLINK);
                for (Object key : (List<?>) page.get(1)) {
                    // Without its canary each client would believe that the server had lost its writes.
                    if (!startsWith((byte[]) key, canaries)) {
                        unlink.add((byte[]) key);
                    }
                }
                if (unlink.size() > 1) {
                    removed += number(run(unlink, Long.class, end));
                }
            } while (cursor.length != 1 || cursor[0] != '0');
        } catch (CacheUnavailableException e) {
            throw removed > 0 && !e.outcomeUnknown() ? partlyDone(e) : e;
        }
        return removed;
    }

    private static CacheUnavailableException partlyDone(CacheUnavailableException e) {
        String message = String.valueOf(e.getMessage());
        return e instanceof CacheTimeoutException
                ? new CacheTimeoutException(message, e, true)
                : new CacheUnavailableException(message, e, e.reason(), true);
    }

    @Override
    public ProbeResult probe(Duration timeout) {
        if (timeout.isZero() || timeout.isNegative()) {
            throw new IllegalArgumentException("timeout must be positive: " + timeout);
        }
        shared.requireOpen();
        ProbeResult result = shared.canary.probe(timeout);
        shared.available = true;
        return result;
    }

    @Override
    public void disconnect(Throwable cause) {
        Objects.requireNonNull(cause, "cause");
        if (!shared.closed) {
            shared.connections.disconnect(cause);
        }
    }

    @Override
    public Duration callBound() {
        return Duration.ofNanos(boundNanos);
    }

    @Override
    public CacheStore within(Duration limit) {
        if (limit.isZero() || limit.isNegative()) {
            throw new IllegalArgumentException("limit must be positive: " + limit);
        }
        return limit.compareTo(callBound()) >= 0 ? this : new SingleStore(shared, limit.toNanos(), true);
    }

    @Override
    public StoreHealth health() {
        PoolHealth pool = shared.connections.figures();
        Canary canary = shared.canary;
        boolean available = shared.available;
        return StoreHealth.of("native-redis", true, shared.startedAt)
                .withAvailable(available)
                .withOperations(shared.meter.snapshot())
                .withPool(pool)
                .withNodes(List.of(new NodeHealth(
                        shared.config.address(),
                        "master",
                        available && canary.failures() == 0,
                        canary.failures(),
                        canary.lastProbe(),
                        pool,
                        0)));
    }

    @Override
    public void close() {
        if (!view && !shared.closed) {
            shared.closed = true;
            shared.connections.close();
        }
    }

    @Override
    public String toString() {
        return "SingleStore(" + shared.config + ')';
    }

    private <T> @Nullable T run(CommandArguments command, Class<T> type) {
        long start = System.nanoTime();
        return run(command, type, start, start + boundNanos);
    }

    private <T> @Nullable T run(CommandArguments command, Class<T> type, long end) {
        long start = System.nanoTime();
        if (start - end >= 0) {
            throw new CacheTimeoutException("Redis at " + shared.config.address() + ": no time left", null, false);
        }
        return run(command, type, start, end - start < boundNanos ? end : start + boundNanos);
    }

    private <T> @Nullable T run(CommandArguments command, Class<T> type, long start, long until) {
        boolean answered = false;
        try {
            T reply = shared.connections.call(command, type, start, until);
            answered = true;
            return reply;
        } catch (CacheRejectedException | UnknownScriptException e) {
            answered = true;
            throw e;
        } catch (CacheUnavailableException e) {
            if (e.reason().counts()) {
                shared.available = false;
            }
            throw e;
        } finally {
            shared.meter.record(start, answered);
            if (answered && !shared.available) {
                shared.available = true;
            }
        }
    }

    private <T> @Nullable T script(RedisScript script, List<byte[]> keys, List<byte[]> arguments, Class<T> type) {
        long end = System.nanoTime() + boundNanos;
        try {
            return run(eval(Command.EVALSHA, script.sha1(), keys, arguments), type, end);
        } catch (UnknownScriptException e) {
            return run(eval(Command.EVAL, script.text(), keys, arguments), type, end);
        }
    }

    private static CommandArguments eval(Command command, String script, List<byte[]> keys, List<byte[]> arguments) {
        CommandArguments whole = new CommandArguments(command).add(script).add(keys.size());
        keys.forEach(whole::add);
        arguments.forEach(whole::add);
        return whole;
    }

    private CommandArguments command(Command command, String key) {
        return new CommandArguments(command).add(serverKey(key));
    }

    private CommandArguments set(String key, byte[] value, Duration ttl) {
        CommandArguments set = command(Command.SET, key).add(checked(value));
        long millis = CacheStore.ttlMillis(ttl);
        return millis == Long.MAX_VALUE ? set : set.add(Keyword.PX).add(millis);
    }

    private byte[] serverKey(String key) {
        return shared.config.keyPrefix().encodeKey(key);
    }

    private byte[] checked(byte[] value) {
        if (value.length > LARGEST_VALUE) {
            throw new CacheRejectedException(
                    "a value of " + value.length + " bytes is larger than Redis takes, " + LARGEST_VALUE);
        }
        return value;
    }

    /** As the scripts take it: empty for ever. */
    private static byte[] millis(Duration ttl) {
        long millis = CacheStore.ttlMillis(ttl);
        return millis == Long.MAX_VALUE ? NOTHING : bytes(millis);
    }

    private static byte[] bytes(long number) {
        return Long.toString(number).getBytes(StandardCharsets.US_ASCII);
    }

    private static long number(@Nullable Long reply) {
        return Objects.requireNonNull(reply, "a number was expected, not nil");
    }

    private static long sum(byte @Nullable [] reply) {
        return Long.parseLong(new String(
                Objects.requireNonNull(reply, "a counter was expected, not nil"), StandardCharsets.US_ASCII));
    }

    private static boolean startsWith(byte[] key, byte[] prefix) {
        return key.length >= prefix.length && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
    }

    /** What a store and its views have in common. */
    private static final class Shared {
        final SingleConfig config;
        final Instant startedAt = Instant.now();
        final OperationMeter meter = new OperationMeter();
        final Connections connections;
        final Canary canary;
        final JedisErrors errors;
        volatile boolean available = true;
        volatile boolean closed;

        Shared(SingleConfig config) {
            this.config = config;
            this.errors = new JedisErrors(config);
            Dialer dialer = new Dialer(config, errors);
            this.connections = new Combiner(config, dialer, errors);
            this.canary = new Canary(config, dialer, connections, errors);
        }

        void requireOpen() {
            if (closed) {
                throw errors.closed();
            }
        }
    }
}
