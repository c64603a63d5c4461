package dev.holdfast.cache.cluster;

import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.cluster.RoutedRequest.Kind;
import dev.holdfast.cache.redis.BinaryStore;
import dev.holdfast.cache.spi.Beat;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.CallObserver;
import dev.holdfast.cache.spi.KeyFailures;
import dev.holdfast.cache.spi.PartialOutage;
import dev.holdfast.cache.spi.RedisScript;
import dev.holdfast.cache.spi.Roll;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A Redis or Valkey Cluster (6.2 or later) as a {@link CacheStore}. Connects when it is first used; learns the topology from the
 * cluster and follows it. What one node does to its callers stays with the keys of that node: calls for a node that does not
 * answer fail at once, as {@link dev.holdfast.cache.CacheUnavailableException.Reason#PARTIAL} while the others serve at least half of the slots,
 * until it answers again or another node has its slots.
 *
 * <p>Values have at most 512 MB, Redis' own limit. Keys that begin with {@code #canary:} and {@code #once:} under the key
 * prefix are the store's own: the probes', and the markers of {@link #incrementOnce}. A removal by prefix leaves canaries alone, and
 * so any key that holds {@code :#canary:}. {@link #getAll} refuses a key of another
 * type than string, like {@link #get}.
 *
 * <p>Thread-safe.
 */
@SuppressWarnings("exports") // What it extends is for the stores alone.
public final class ClusterStore extends BinaryStore {
    /** What it has in common with its views. */
    final Session session;

    private final Calls calls;
    private final long boundNanos;

    private ClusterStore(Session session, Duration bound, boolean view) {
        super(session.access, bound, view);
        this.session = session;
        this.boundNanos = bound.toNanos();
        this.calls = new Calls(session, boundNanos);
    }

    /**
     * Creates a store. Connects to nothing yet.
     *
     * @param config where the cluster is and how to talk to it
     * @return the store
     * @throws dev.holdfast.cache.CacheConfigException if the Lettuce that is there is too old
     */
    public static ClusterStore of(ClusterConfig config) {
        LettuceVersion.require(ClusterStore.class.getClassLoader());
        return new ClusterStore(new Session(config), config.connectTimeout().plus(config.commandTimeout()), false);
    }

    @Override
    public byte @Nullable [] get(String key) {
        byte[] server = serverKey(key);
        return calls.run(server, Kind.READ, Requests.get(server));
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        Map<String, RoutedRequest<byte[]>> allRouted = calls.allRouted(keys, Kind.READ, Requests::get);
        calls.runAll(allRouted);
        return Calls.found(allRouted);
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        byte[] server = serverKey(key);
        calls.run(server, Kind.HARMLESS, Requests.set(server, checked(value), CacheStore.ttlMillis(ttl)));
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        long millis = CacheStore.ttlMillis(ttl);
        Map<String, RoutedRequest<String>> allRouted = new LinkedHashMap<>();
        entries.forEach((key, value) -> {
            byte[] server = serverKey(key);
            allRouted.put(
                    key,
                    new RoutedRequest<>(Slots.of(server), Kind.HARMLESS, Requests.set(server, checked(value), millis)));
        });
        calls.runAll(allRouted);
    }

    /** Keys that were absent first, then the others. */
    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        Objects.requireNonNull(seen, "seen");
        long millis = CacheStore.ttlMillis(ttl);
        Map<String, RoutedRequest<String>> absent = new LinkedHashMap<>();
        Map<String, List<byte[]>> present = new LinkedHashMap<>();
        entries.forEach((key, value) -> {
            byte[] server = serverKey(key);
            byte[] expected = seen.get(key);
            if (expected == null) {
                Request<String> request = Requests.setIfAbsent(server, checked(value), millis);
                absent.put(key, new RoutedRequest<>(Slots.of(server), Kind.HARMLESS, request));
            } else {
                present.put(key, replacing(expected, value, ttl));
            }
        });
        if (entries.isEmpty()) {
            session.requireOpen();
            return Set.of();
        }
        long start = System.nanoTime();
        Set<String> changed = calls.counted(start, () -> fillAll(absent, present, start));
        return changed == null ? Set.of() : changed;
    }

    private Set<String> fillAll(
            Map<String, RoutedRequest<String>> absent, Map<String, List<byte[]>> present, long start) {
        Set<String> changed = new LinkedHashSet<>();
        KeyFailures failures = new KeyFailures();
        calls.runAll(absent, start, failures);
        absent.forEach((key, routed) -> {
            if (routed.next() == RoutedRequest.Next.DONE && routed.reply() == null) {
                changed.add(key);
            }
        });
        calls.runAll(Script.REPLACE, present, start, failures).forEach((key, reply) -> {
            if (calls.number(reply) == 0) {
                changed.add(key);
            }
        });
        failures.throwIfAny(Map.of());
        return changed;
    }

    @Override
    public boolean remove(String key) {
        byte[] server = serverKey(key);
        return calls.number(calls.run(server, Kind.HARMLESS, Requests.number(CommandType.UNLINK, server))) > 0;
    }

    @Override
    public void removeAll(Collection<String> keys) {
        calls.runAll(calls.allRouted(keys, Kind.HARMLESS, key -> Requests.number(CommandType.UNLINK, key)));
    }

    @Override
    public boolean contains(String key) {
        byte[] server = serverKey(key);
        return calls.number(calls.run(server, Kind.READ, Requests.number(CommandType.EXISTS, server))) > 0;
    }

    @Override
    public long removeByPrefix(String prefix) {
        return removeByPrefix(prefix, null);
    }

    @Override
    public long resumeRemovalByPrefix(String prefix, long begun) {
        return removeByPrefix(prefix, (Long) begun);
    }

    private long removeByPrefix(String prefix, @Nullable Long begun) {
        byte[] pattern = session.config.keyPrefix().scanPattern(prefix);
        long start = System.nanoTime();
        long until = start + removalLimit().toNanos();
        return calls.number(calls.counted(start, () -> new PrefixRemoval(session, pattern, until, begun, null).run()));
    }

    @Override
    public long sweep(String prefix, int head, Predicate<byte[]> useless) {
        byte[] pattern = session.config.keyPrefix().scanPattern(prefix);
        PrefixRemoval.Useless those = new PrefixRemoval.Useless(head, useless);
        long start = System.nanoTime();
        long until = start + PREFIX_REMOVAL_LIMIT.toNanos();
        return calls.number(calls.counted(start, () -> new PrefixRemoval(session, pattern, until, null, those).run()));
    }

    @Override
    public void disconnect(Throwable cause) {
        session.disconnect(Objects.requireNonNull(cause, "cause"));
    }

    @Override
    public @Nullable PartialOutage outage() {
        return session.topology.outages().ask(key -> Slots.of(serverKey(key)));
    }

    @Override
    public Runnable observe(CallObserver observer) {
        return session.observers.add(observer);
    }

    @Override
    public Tracking track(String prefix, Stamps stamps) {
        session.requireNotClosed();
        return session.tracker.track(this, calls, prefix, stamps);
    }

    @Override
    public StoreHealth health() {
        return session.health();
    }

    /** {@inheritDoc} One roll for all masters, at the one that has its slot: a member lacks nothing on any of them, or is behind. */
    @Override
    public Roll beat(Beat beat, Duration timeout) {
        session.requireOpen();
        long start = System.nanoTime();
        List<byte[]> keys = Roll.KEYS.stream().map(this::serverKey).toList();
        List<byte[]> arguments = Roll.arguments(beat).stream()
                .map(each -> each.getBytes(StandardCharsets.UTF_8))
                .toList();
        long until = start + Math.min(timeout.toNanos(), boundNanos);
        List<Object> answer = calls.script(Script.BEAT, Kind.HARMLESS, keys, arguments, until);
        List<String> texts = new ArrayList<>();
        for (Object part : answer == null ? List.of() : answer) {
            texts.add(part instanceof byte[] text ? new String(text, StandardCharsets.UTF_8) : "");
        }
        return Roll.of(texts);
    }

    @Override
    public String toString() {
        return "ClusterStore(" + session.config + ')';
    }

    @Override
    protected void requireOpen() {
        session.requireOpen();
    }

    /** In the counter's slot by a hash tag; a key prefix that pins the slot has one already. */
    @Override
    protected String onceKey(String key, String onceId) {
        return super.onceKey('{' + Slots.tagOf(Slots.of(serverKey(key))) + '}' + key, onceId);
    }

    @Override
    protected boolean setIfAbsent(String key, byte[] value, Duration ttl, boolean repeatable) {
        byte[] server = serverKey(key);
        Request<String> request = Requests.setIfAbsent(server, checked(value), CacheStore.ttlMillis(ttl));
        return calls.run(server, kind(repeatable), request) != null;
    }

    @Override
    protected long millisToLive(String key) {
        byte[] server = serverKey(key);
        return calls.number(calls.run(server, Kind.READ, Requests.number(CommandType.PTTL, server)));
    }

    @Override
    protected boolean expire(String key, long millis) {
        byte[] server = serverKey(key);
        return calls.number(calls.run(server, Kind.HARMLESS, Requests.expire(server, millis))) > 0;
    }

    @Override
    protected boolean flag(RedisScript script, boolean repeatable, List<byte[]> keys, List<byte[]> arguments) {
        return calls.number(calls.script(Script.number(script), kind(repeatable), keys, arguments)) > 0;
    }

    @Override
    protected long sum(RedisScript script, List<byte[]> keys, List<byte[]> arguments) {
        return calls.sum(calls.script(Script.sum(script), Kind.ONCE, keys, arguments));
    }

    private static Kind kind(boolean repeatable) {
        return repeatable ? Kind.HARMLESS : Kind.ONCE;
    }

    @Override
    protected ProbeResult probed(Duration timeout) {
        return session.probe(timeout);
    }

    @Override
    protected CacheStore view(Duration limit) {
        return new ClusterStore(session, limit, true);
    }

    @Override
    protected void end() {
        session.close();
    }
}
