package dev.holdfast.cache.single;

import dev.holdfast.cache.Beat;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CallObserver;
import dev.holdfast.cache.CallObservers;
import dev.holdfast.cache.HealthState;
import dev.holdfast.cache.KeyFailures;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.OperationMeter;
import dev.holdfast.cache.PartialOutage;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.PrefixScan;
import dev.holdfast.cache.PrefixScans;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.RedisScript;
import dev.holdfast.cache.Roll;
import dev.holdfast.cache.SparedKeys;
import dev.holdfast.cache.Stamps;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.Tracking;
import dev.holdfast.cache.redis.Rotation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
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
 * <p>Values have at most {@link SingleConfig#maxValueBytes()}. Keys that begin with {@code #canary:} and {@code #once:} under the key
 * prefix are the store's own: the probe's, and the markers of {@link #incrementOnce}. A removal by prefix leaves canaries alone, and
 * so any key that holds {@code :#canary:}.
 *
 * <p>Thread-safe.
 */
public final class SingleStore implements CacheStore {
    private static final int FIRST_PAGE = 500;
    private static final int LARGEST_PAGE = 5_000;
    private static final String ONCE_KEY_PREFIX = "#once:";
    private static final byte[] ONCE_MILLIS = bytes(TimeUnit.HOURS.toMillis(1));
    private static final Pattern ONCE_ID = Pattern.compile("[A-Za-z0-9-]{1,64}");
    private static final byte[] NOTHING = {};
    private static final Duration COMPARISON_LIMIT = Duration.ofSeconds(2);

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
     * @throws dev.holdfast.cache.CacheConfigException if the Jedis that was found is older than 6.0
     */
    public static SingleStore of(SingleConfig config) {
        JedisVersion.require();
        try {
            return create(config);
        } catch (LinkageError e) {
            throw JedisVersion.unusable(e);
        }
    }

    private static SingleStore create(SingleConfig config) {
        long bound = config.commandTimeout().toNanos() / 2
                + config.connectTimeout().toNanos()
                + config.commandTimeout().toNanos();
        return new SingleStore(new Shared(config), bound, false);
    }

    @Override
    public byte @Nullable [] get(String key) {
        return run(reading(Command.GET, key), Reply.VALUE);
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        List<String> asked = new ArrayList<>(keys);
        List<Request> commands = new ArrayList<>();
        for (List<String> chunk : Chunks.of(asked)) {
            commands.add(onAll(Request.reading(Command.MGET), chunk));
        }
        shared.requireOpen();
        Map<String, byte[]> found = new LinkedHashMap<>(asked.size() * 4 / 3 + 1);
        Chunks.each(
                asked,
                System.nanoTime() + boundNanos,
                (index, chunk, end) -> {
                    List<byte @Nullable []> values = run(commands.get(index), Reply.values(chunk.size()), end);
                    for (int i = 0; i < chunk.size(); i++) {
                        byte[] value = values.get(i);
                        if (value != null) {
                            found.put(chunk.get(i), value);
                        }
                    }
                },
                found);
        return found;
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        run(set(Request.repeatable(Command.SET), key, value, ttl), Reply.DONE);
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        List<String> keys = new ArrayList<>(entries.size());
        List<Request> commands = new ArrayList<>(entries.size());
        entries.forEach((key, value) -> {
            keys.add(key);
            commands.add(set(Request.repeatable(Command.SET), key, value, ttl));
        });
        CacheStore.ttlMillis(ttl);
        shared.requireOpen();
        if (!commands.isEmpty()) {
            throwFailure(keys, sendAll(commands, System.nanoTime() + boundNanos));
        }
    }

    /** To find out twice whether what was seen is still there does no harm, so that it is repeated as a {@link #put} is. */
    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        if (seen == null) {
            return run(setIfAbsent(key, value, ttl), Reply.DONE);
        }
        List<byte[]> server = List.of(serverKey(key));
        List<byte[]> arguments = List.of(seen, checked(value), millis(ttl));
        return script(Request::repeatable, RedisScript.REPLACE, server, arguments, Reply.NUMBER) > 0;
    }

    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        List<String> keys = new ArrayList<>(entries.size());
        List<Request> commands = new ArrayList<>(entries.size());
        List<Fill> scripted = new ArrayList<>();
        Objects.requireNonNull(seen, "seen");
        byte[] millis = millis(ttl);
        entries.forEach((key, value) -> {
            byte[] expected = seen.get(key);
            Fill fill = expected == null ? null : new Fill(key, List.of(expected, checked(value), millis));
            keys.add(key);
            commands.add(fill == null ? setIfAbsent(key, value, ttl) : fill.byDigest(serverKey(key)));
            if (fill != null) {
                scripted.add(fill);
            }
        });
        shared.requireOpen();
        return commands.isEmpty() ? Set.of() : fillAll(keys, commands, scripted);
    }

    private Set<String> fillAll(List<String> keys, List<Request> commands, List<Fill> scripted) {
        long end = System.nanoTime() + boundNanos;
        Map<String, @Nullable Object> replies = new LinkedHashMap<>();
        sendAll(keys, commands, end, replies);
        List<Fill> unknown = scripted.stream()
                .filter(fill ->
                        replies.get(fill.key()) instanceof CacheRejectedException e && JedisErrors.isUnknownScript(e))
                .toList();
        if (!unknown.isEmpty()) {
            sendAll(
                    unknown.stream().map(Fill::key).toList(),
                    unknown.stream()
                            .map(fill -> fill.inFull(serverKey(fill.key())))
                            .toList(),
                    end,
                    replies);
        }
        throwFailure(keys, new ArrayList<>(replies.values()));
        Set<String> changed = new LinkedHashSet<>();
        replies.forEach((key, reply) -> {
            if (reply == null || Long.valueOf(0).equals(reply)) {
                changed.add(key);
            }
        });
        return changed;
    }

    /** Sends them, and enters the reply to each for its key. */
    private void sendAll(List<String> keys, List<Request> commands, long end, Map<String, @Nullable Object> replies) {
        List<@Nullable Object> answers = sendAll(commands, end);
        for (int i = 0; i < answers.size(); i++) {
            replies.put(keys.get(i), answers.get(i));
        }
    }

    /** A value that is to take the place of what was seen. */
    private record Fill(String key, List<byte[]> arguments) {
        Request byDigest(byte[] serverKey) {
            return eval(Request.repeatable(Command.EVALSHA), RedisScript.REPLACE.sha1(), List.of(serverKey), arguments);
        }

        Request inFull(byte[] serverKey) {
            return eval(Request.repeatable(Command.EVAL), RedisScript.REPLACE.text(), List.of(serverKey), arguments);
        }
    }

    /** Sends them in pieces of a bearable size, so that others get on in between. */
    private List<@Nullable Object> sendAll(List<Request> commands, long end) {
        List<@Nullable Object> replies = new ArrayList<>(commands.size());
        for (List<Request> piece : Chunks.bySize(commands)) {
            long start = System.nanoTime();
            boolean answered = false;
            try {
                replies.addAll(shared.connections.callAll(piece, start, end));
                answered = true;
            } catch (CacheUnavailableException | CacheRejectedException e) {
                answered = e instanceof CacheRejectedException;
                // None of the piece is known to be done; the pieces after it have to be tried: they may be elsewhere's.
                replies.addAll(Collections.nCopies(piece.size(), e));
                if (!answered) {
                    break;
                }
            } finally {
                shared.meter.record(start, answered);
            }
        }
        return replies;
    }

    private static void throwFailure(List<String> keys, List<@Nullable Object> replies) {
        KeyFailures failures = new KeyFailures();
        for (int i = 0; i < keys.size(); i++) {
            if (i >= replies.size()) {
                failures.add(keys.get(i), null);
            } else if (replies.get(i) instanceof RuntimeException why) {
                failures.add(keys.get(i), why);
            }
        }
        failures.throwIfAny(Map.of());
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        return run(set(Request.once(Command.SET), key, value, ttl).with(Keyword.NX), Reply.DONE);
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        Objects.requireNonNull(expected, "expected");
        byte[] server = serverKey(key);
        List<byte[]> arguments = List.of(expected, checked(value), millis(ttl));
        return script(RedisScript.REPLACE, List.of(server), arguments, Reply.NUMBER) > 0;
    }

    @Override
    public boolean remove(String key) {
        return run(Request.repeatable(Command.UNLINK).with(serverKey(key)), Reply.NUMBER) > 0;
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        Objects.requireNonNull(expected, "expected");
        return script(RedisScript.REMOVE, List.of(serverKey(key)), List.of(expected), Reply.NUMBER) > 0;
    }

    @Override
    public void removeAll(Collection<String> keys) {
        List<String> asked = new ArrayList<>(keys);
        List<Request> commands = new ArrayList<>();
        for (List<String> chunk : Chunks.of(asked)) {
            commands.add(onAll(Request.repeatable(Command.UNLINK), chunk));
        }
        shared.requireOpen();
        Chunks.each(
                asked,
                System.nanoTime() + boundNanos,
                (index, chunk, end) -> run(commands.get(index), Reply.NUMBER, end),
                Map.of());
    }

    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        List<byte[]> arguments = List.of(checked(tombstone), millis(ttl), bytes(CacheStore.tombstoneLead(tombstone)));
        List<byte[]> server = List.of(serverKey(key));
        return script(Request::repeatable, RedisScript.REMOVE_LEAVING, server, arguments, Reply.NUMBER) > 0;
    }

    @Override
    public boolean contains(String key) {
        return run(reading(Command.EXISTS, key), Reply.NUMBER) > 0;
    }

    @Override
    public @Nullable Duration ttl(String key) {
        long millis = run(reading(Command.PTTL, key), Reply.NUMBER);
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
        long present = millis == Long.MAX_VALUE
                ? script(RedisScript.PERSIST, List.of(server), List.of(), Reply.NUMBER)
                : run(Request.repeatable(Command.PEXPIRE).with(server).with(millis), Reply.NUMBER);
        return present > 0;
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        byte[] server = serverKey(key);
        return script(
                RedisScript.INCREMENT, List.of(server), List.of(bytes(delta), millis(ttlIfCreated)), Reply.DIGITS);
    }

    @Override
    public OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        if (!ONCE_ID.matcher(onceId).matches()) {
            throw new IllegalArgumentException("onceId must be 1 to 64 characters of [A-Za-z0-9-]: \"" + onceId + '"');
        }
        List<byte[]> keys = List.of(serverKey(key), serverKey(ONCE_KEY_PREFIX + onceId + ':' + key));
        List<byte[]> arguments = List.of(bytes(delta), millis(ttlIfCreated), ONCE_MILLIS);
        return OptionalLong.of(script(RedisScript.INCREMENT_ONCE, keys, arguments, Reply.DIGITS));
    }

    @Override
    public long removeByPrefix(String prefix) {
        return removeByPrefix(prefix, shared.scans.begin(prefix), PrefixScan::isComplete);
    }

    @Override
    public long resumeRemovalByPrefix(String prefix, long begun) {
        return removeByPrefix(prefix, shared.scans.resume(prefix), scan -> scan.isCoveredSince(begun));
    }

    private long removeByPrefix(String prefix, PrefixScan scan, Predicate<PrefixScan> enough) {
        byte[] pattern = shared.config.keyPrefix().scanPattern(prefix);
        long end = System.nanoTime() + (view ? boundNanos : PREFIX_REMOVAL_LIMIT.toNanos());
        int count = FIRST_PAGE;
        long removed = 0;
        boolean ended = false;
        try {
            while (!enough.test(scan)) {
                long asked = System.nanoTime();
                Reply.Page page = run(page(scan, pattern, count), Reply.PAGE, end);
                removed += unlink(page.keys(), end);
                scan.moved(asked, page.since(), page.process(), page.next());
                // Pages grow, so that a server that is far away is not asked for ever.
                count = Math.min(2 * count, LARGEST_PAGE);
            }
            ended = true;
        } catch (CacheUnavailableException e) {
            // What the one before had gone over is no answer to this one, though all may be done.
            throw (removed > 0 || scan.isCovered()) && !e.outcomeUnknown() ? partlyDone(e) : e;
        } finally {
            if (!ended) {
                shared.scans.failed(prefix, scan);
            }
        }
        return removed;
    }

    @Override
    public long sweep(String prefix, int head, Predicate<byte[]> useless) {
        byte[] pattern = shared.config.keyPrefix().scanPattern(prefix);
        long end = System.nanoTime() + PREFIX_REMOVAL_LIMIT.toNanos();
        Object name = Map.entry(prefix, head); // a removal of all goes its own way
        PrefixScan scan = shared.scans.begin(name);
        long removed = 0;
        try {
            while (!scan.isComplete()) {
                long asked = System.nanoTime();
                Reply.Page page = run(page(scan, pattern, FIRST_PAGE), Reply.PAGE, end);
                removed += removeUseless(page.keys(), head, useless, end);
                scan.moved(asked, page.since(), page.process(), page.next());
                PrefixScan.rest(asked);
            }
        } finally {
            if (!scan.isComplete()) {
                shared.scans.failed(name, scan);
            }
        }
        return removed;
    }

    private long removeUseless(List<byte[]> found, int head, Predicate<byte[]> useless, long end) {
        List<byte[]> keys = new ArrayList<>(found);
        keys.removeIf(shared.spared::contains);
        List<@Nullable Object> heads = sendAll(
                keys.stream()
                        .map(key -> Request.reading(Command.GETRANGE)
                                .with(key)
                                .with(0)
                                .with(head - 1))
                        .toList(),
                end);
        List<byte[]> chosen = new ArrayList<>();
        List<byte[]> arguments = new ArrayList<>();
        for (int i = 0; i < keys.size(); i++) {
            Object begins = heads.get(Math.min(i, heads.size() - 1));
            if (begins instanceof CacheUnavailableException e) {
                throw e;
            }
            // What is no string is refused, and no cache's.
            if (begins instanceof byte[] bytes && bytes.length > 0 && useless.test(bytes)) {
                chosen.add(keys.get(i));
                arguments.add(bytes);
            }
        }
        if (chosen.isEmpty()) {
            return 0;
        }
        arguments.add(bytes(head));
        return script(Request::repeatable, RedisScript.REMOVE_HEADED, chosen, arguments, Reply.NUMBER);
    }

    private long unlink(List<byte[]> found, long end) {
        List<byte[]> keys = new ArrayList<>(found);
        keys.removeIf(shared.spared::contains);
        long removed = 0;
        for (List<byte[]> chunk : Chunks.of(keys)) {
            Request unlink = Request.repeatable(Command.UNLINK);
            chunk.forEach(unlink::with);
            removed += run(unlink, Reply.NUMBER, end);
        }
        return removed;
    }

    private static Request page(PrefixScan scan, byte[] pattern, int count) {
        return Request.reading(Command.SCAN)
                .with(scan.cursor())
                .with(Keyword.MATCH)
                .with(pattern)
                .with(Keyword.COUNT)
                .with(count);
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
        try {
            ProbeResult result = shared.restarts.tell(told -> shared.canary.probe(timeout, told));
            shared.state = HealthState.UP;
            return result;
        } catch (CacheUnavailableException e) {
            shared.state = e.reason().counts() ? HealthState.DOWN : shared.state;
            throw e;
        }
    }

    @Override
    public Roll beat(Beat beat, Duration timeout) {
        shared.requireOpen();
        return shared.roll.beat(beat, timeout);
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
    public @Nullable PartialOutage outage() {
        return shared.restarts.ask();
    }

    @Override
    public long switches() {
        return shared.connector.switches();
    }

    @Override
    public Runnable observe(CallObserver observer) {
        return shared.observers.add(observer);
    }

    @Override
    public Tracking track(String prefix, Stamps stamps) {
        shared.requireOpen();
        return shared.tracker.track(this, prefix, stamps);
    }

    @Override
    public StoreHealth health() {
        PoolHealth pool = shared.connections.figures();
        Canary canary = shared.canary;
        HealthState state = shared.state;
        return StoreHealth.of("native-redis", true, shared.startedAt)
                .withState(state)
                .withOperations(shared.meter.snapshot())
                .withPool(pool)
                .withMemory(shared.memory.use(state == HealthState.UP))
                .withNodes(List.of(new NodeHealth(
                        shared.config.address(),
                        "master",
                        canary.failures() == 0 ? state : HealthState.DOWN,
                        canary.failures(),
                        canary.lastProbe(),
                        pool,
                        0)));
    }

    @Override
    public void close() {
        if (!view && !shared.closed) {
            shared.closed = true;
            shared.tracker.close();
            shared.connections.close();
        }
    }

    @Override
    public String toString() {
        return "SingleStore(" + shared.config + ')';
    }

    private <T extends @Nullable Object> T run(Request command, Reply<T> type) {
        long start = System.nanoTime();
        return run(command, type, start, start + boundNanos);
    }

    private <T extends @Nullable Object> T run(Request command, Reply<T> type, long end) {
        long start = System.nanoTime();
        if (start - end >= 0) {
            throw new CacheTimeoutException("Redis at " + shared.config.address() + ": no time left", null, false);
        }
        return run(command, type, start, end - start < boundNanos ? end : start + boundNanos);
    }

    private <T extends @Nullable Object> T run(Request command, Reply<T> type, long start, long until) {
        boolean answered = false;
        try {
            T reply = shared.connections.call(command, type, start, until);
            answered = true;
            return reply;
        } catch (CacheRejectedException e) {
            answered = true;
            throw e;
        } catch (CacheUnavailableException e) {
            if (e.reason().counts()) {
                shared.state = HealthState.DOWN;
            }
            throw e;
        } finally {
            shared.meter.record(start, answered);
            if (answered && shared.state != HealthState.UP) {
                shared.state = HealthState.UP;
            }
        }
    }

    private <T> T script(RedisScript script, List<byte[]> keys, List<byte[]> arguments, Reply<T> type) {
        return script(Request::once, script, keys, arguments, type);
    }

    /** {@code kind}: whether it may be repeated. */
    private <T> T script(
            Function<Command, Request> kind,
            RedisScript script,
            List<byte[]> keys,
            List<byte[]> arguments,
            Reply<T> type) {
        long end = System.nanoTime() + boundNanos;
        try {
            return run(eval(kind.apply(Command.EVALSHA), script.sha1(), keys, arguments), type, end);
        } catch (CacheRejectedException e) {
            if (!JedisErrors.isUnknownScript(e)) {
                throw e;
            }
            return run(eval(kind.apply(Command.EVAL), script.text(), keys, arguments), type, end);
        }
    }

    private static Request eval(Request command, String script, List<byte[]> keys, List<byte[]> arguments) {
        Request whole = command.with(script).with(keys.size());
        keys.forEach(whole::with);
        arguments.forEach(whole::with);
        return whole;
    }

    private Request reading(Command command, String key) {
        return Request.reading(command).with(serverKey(key));
    }

    private Request onAll(Request command, List<String> keys) {
        keys.forEach(key -> command.with(serverKey(key)));
        return command;
    }

    private Request setIfAbsent(String key, byte[] value, Duration ttl) {
        return set(Request.repeatable(Command.SET), key, value, ttl).with(Keyword.NX);
    }

    private Request set(Request command, String key, byte[] value, Duration ttl) {
        command.with(serverKey(key)).with(checked(value));
        long millis = CacheStore.ttlMillis(ttl);
        return millis == Long.MAX_VALUE ? command : command.with(Keyword.PX).with(millis);
    }

    private byte[] serverKey(String key) {
        return shared.config.keyPrefix().encodeKey(key);
    }

    private byte[] checked(byte[] value) {
        if (value.length > shared.config.maxValueBytes()) {
            throw new CacheRejectedException("a value of " + value.length + " bytes is larger than this client sends, "
                    + shared.config.maxValueBytes() + " (" + shared.errors.limitOfValues() + ')');
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

    /** What a store and its views have in common. */
    private static final class Shared {
        final SingleConfig config;
        final Instant startedAt = Instant.now();
        final OperationMeter meter = new OperationMeter();
        final CallObservers observers = new CallObservers();
        final Connector connector;
        final Connections connections;
        final Canary canary;
        final PrefixScans scans = new PrefixScans();
        final SparedKeys spared;
        final JedisErrors errors;
        final Restarts restarts;
        final MemoryInquiry memory;
        final RollOnServer roll;
        final Tracker tracker;
        volatile HealthState state = HealthState.UNKNOWN;
        volatile boolean closed;

        Shared(SingleConfig config) {
            this.config = config;
            this.spared = new SparedKeys(config.keyPrefix(), LoggerFactory.getLogger(SingleStore.class)::warn);
            this.errors = new JedisErrors(config);
            this.connector = new Connector(config, errors);
            Reserve reserve = new Reserve(config, connector, errors);
            Combiner combiner = new Combiner(config, connector, reserve, errors, observers);
            this.connections = new ObservedConnections(combiner, observers, config.address());
            this.canary = new Canary(config, reserve, connector::generation, combiner, errors);
            this.restarts = connector.restarts();
            this.memory = new MemoryInquiry(reserve, errors, connector::execute);
            this.roll = new RollOnServer(config, reserve, errors);
            this.tracker = new Tracker(config, connector);
            restarts.compareBy(told -> canary.probe(COMPARISON_LIMIT, told), connections::renew);
            connector.whenSwitched(() -> connections.switchOver(new IOException("the sentinels name another master")));
            connector.rotateBy(new Rotation(
                    connector.login(),
                    words -> {
                        reserve.forget(words);
                        tracker.authenticate(words);
                        connections.authenticate(words);
                    },
                    "holdfast-" + config.address() + "-credentials"));
        }

        void requireOpen() {
            if (closed) {
                throw errors.closed();
            }
        }
    }
}
