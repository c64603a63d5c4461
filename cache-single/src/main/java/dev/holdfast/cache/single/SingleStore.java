package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.internal.PrefixScan;
import dev.holdfast.cache.redis.BinaryStore;
import dev.holdfast.cache.spi.Beat;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.CallObserver;
import dev.holdfast.cache.spi.PartialOutage;
import dev.holdfast.cache.spi.RedisScript;
import dev.holdfast.cache.spi.Roll;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
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
@SuppressWarnings("exports") // What it extends is for the stores alone.
public final class SingleStore extends BinaryStore {
    private final Session session;
    private final Calls calls;

    private SingleStore(Session session, Duration bound, boolean view) {
        super(session.config.access(), bound, view);
        this.session = session;
        this.calls = new Calls(session, bound.toNanos());
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
            Duration command = config.commandTimeout();
            Duration bound = command.dividedBy(2).plus(config.connectTimeout()).plus(command);
            return new SingleStore(new Session(config), bound, false);
        } catch (LinkageError e) {
            throw JedisVersion.unusable(e);
        }
    }

    @Override
    public byte @Nullable [] get(String key) {
        return calls.run(reading(Command.GET, key), Reply.VALUE);
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        List<String> asked = new ArrayList<>(keys);
        List<Request> commands = new ArrayList<>();
        for (List<String> chunk : Chunks.of(asked)) {
            commands.add(onAll(Request.reading(Command.MGET), chunk));
        }
        requireOpen();
        Map<String, byte[]> found = new LinkedHashMap<>(asked.size() * 4 / 3 + 1);
        Chunks.each(
                asked,
                calls.end(),
                (index, chunk, end) -> {
                    List<byte @Nullable []> values = calls.run(commands.get(index), Reply.values(chunk.size()), end);
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
        calls.run(set(Request.repeatable(Command.SET), key, value, ttl), Reply.DONE);
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        KeyedCommands commands = new KeyedCommands(entries.size());
        entries.forEach((key, value) -> commands.add(key, set(Request.repeatable(Command.SET), key, value, ttl)));
        CacheStore.ttlMillis(ttl);
        requireOpen();
        Set<String> unused = commands.run(calls, calls.end());
    }

    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        Objects.requireNonNull(seen, "seen");
        CacheStore.ttlMillis(ttl);
        KeyedCommands commands = new KeyedCommands(entries.size());
        entries.forEach((key, value) -> {
            byte[] expected = seen.get(key);
            if (expected == null) {
                commands.add(
                        key,
                        set(Request.repeatable(Command.SET), key, value, ttl).with(Keyword.NX));
            } else {
                List<byte[]> arguments = replacing(expected, value, ttl);
                commands.add(key, RedisScript.REPLACE, List.of(serverKey(key)), arguments);
            }
        });
        requireOpen();
        return commands.run(calls, calls.end());
    }

    @Override
    public boolean remove(String key) {
        return calls.run(Request.repeatable(Command.UNLINK).with(serverKey(key)), Reply.NUMBER) > 0;
    }

    @Override
    public void removeAll(Collection<String> keys) {
        List<String> asked = new ArrayList<>(keys);
        List<Request> commands = new ArrayList<>();
        for (List<String> chunk : Chunks.of(asked)) {
            commands.add(onAll(Request.repeatable(Command.UNLINK), chunk));
        }
        requireOpen();
        Chunks.each(
                asked, calls.end(), (index, chunk, end) -> calls.run(commands.get(index), Reply.NUMBER, end), Map.of());
    }

    @Override
    public boolean contains(String key) {
        return calls.run(reading(Command.EXISTS, key), Reply.NUMBER) > 0;
    }

    @Override
    public long removeByPrefix(String prefix) {
        return removal(prefix, removalLimit()).removeAll(session.scans.begin(prefix), PrefixScan::isComplete);
    }

    @Override
    public long resumeRemovalByPrefix(String prefix, long begun) {
        return removal(prefix, removalLimit())
                .removeAll(session.scans.resume(prefix), scan -> scan.isCoveredSince(begun));
    }

    @Override
    public long sweep(String prefix, int head, Predicate<byte[]> useless) {
        return removal(prefix, PREFIX_REMOVAL_LIMIT).sweep(head, useless);
    }

    private PrefixRemoval removal(String prefix, Duration limit) {
        return new PrefixRemoval(session, calls, prefix, limit);
    }

    @Override
    public Roll beat(Beat beat, Duration timeout) {
        requireOpen();
        return session.roll.beat(beat, timeout);
    }

    @Override
    public void disconnect(Throwable cause) {
        session.disconnect(Objects.requireNonNull(cause, "cause"));
    }

    @Override
    public @Nullable PartialOutage outage() {
        return session.restarts.ask();
    }

    @Override
    public long switches() {
        return session.connector.switches();
    }

    @Override
    public Runnable observe(CallObserver observer) {
        return session.observers.add(observer);
    }

    @Override
    public Tracking track(String prefix, Stamps stamps) {
        requireOpen();
        return session.tracker.track(this, prefix, stamps);
    }

    @Override
    public StoreHealth health() {
        return session.health();
    }

    @Override
    public String toString() {
        return "SingleStore(" + session.config + ')';
    }

    @Override
    protected void requireOpen() {
        session.requireOpen();
    }

    @Override
    protected boolean setIfAbsent(String key, byte[] value, Duration ttl, boolean repeatable) {
        Request set = repeatable ? Request.repeatable(Command.SET) : Request.once(Command.SET);
        return calls.run(set(set, key, value, ttl).with(Keyword.NX), Reply.DONE);
    }

    @Override
    protected long millisToLive(String key) {
        return calls.run(reading(Command.PTTL, key), Reply.NUMBER);
    }

    @Override
    protected boolean expire(String key, long millis) {
        Request expire =
                Request.repeatable(Command.PEXPIRE).with(serverKey(key)).with(millis);
        return calls.run(expire, Reply.NUMBER) > 0;
    }

    @Override
    protected boolean flag(RedisScript script, boolean repeatable, List<byte[]> keys, List<byte[]> arguments) {
        return calls.script(script, repeatable, keys, arguments, Reply.NUMBER) > 0;
    }

    @Override
    protected long sum(RedisScript script, List<byte[]> keys, List<byte[]> arguments) {
        return calls.script(script, false, keys, arguments, Reply.DIGITS);
    }

    @Override
    protected ProbeResult probed(Duration timeout) {
        return session.probe(timeout);
    }

    @Override
    protected CacheStore view(Duration limit) {
        return new SingleStore(session, limit, true);
    }

    @Override
    protected void end() {
        session.close();
    }

    private Request reading(Command command, String key) {
        return Request.reading(command).with(serverKey(key));
    }

    private Request onAll(Request command, List<String> keys) {
        keys.forEach(key -> command.with(serverKey(key)));
        return command;
    }

    private Request set(Request command, String key, byte[] value, Duration ttl) {
        command.with(serverKey(key)).with(checked(value));
        long millis = CacheStore.ttlMillis(ttl);
        return millis == Long.MAX_VALUE ? command : command.with(Keyword.PX).with(millis);
    }
}
