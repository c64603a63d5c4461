package dev.holdfast.cache.cluster;

import dev.holdfast.cache.Beat;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CallObserver;
import dev.holdfast.cache.Covered;
import dev.holdfast.cache.Guard;
import dev.holdfast.cache.HealthState;
import dev.holdfast.cache.KeyFailures;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.PartialOutage;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.Roll;
import dev.holdfast.cache.Stamps;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.Tracking;
import dev.holdfast.cache.cluster.RoutedRequest.Kind;
import dev.holdfast.cache.redis.Invalidations;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A Redis or Valkey Cluster (6.2 or later) as a {@link CacheStore}. Connects when it is first used; learns the topology from the
 * cluster and follows it. What one node does to its callers stays with the keys of that node: calls for a node that does not
 * answer fail at once, as {@link CacheUnavailableException.Reason#PARTIAL} while the others serve at least half of the slots,
 * until it answers again or another node has its slots.
 *
 * <p>Values have at most 512 MB, Redis' own limit. Keys that begin with {@code #canary:} and {@code #once:} under the key
 * prefix are the store's own: the probes', and the markers of {@link #incrementOnce}. A removal by prefix leaves canaries alone, and
 * so any key that holds {@code :#canary:}. {@link #getAll} refuses a key of another
 * type than string, like {@link #get}.
 *
 * <p>Thread-safe.
 */
public final class ClusterStore implements CacheStore {
    private static final int LARGEST_VALUE = 512 * 1024 * 1024;
    private static final String ONCE_KEY_PREFIX = "#once:";
    private static final byte[] ONCE_MILLIS = digits(TimeUnit.HOURS.toMillis(1));
    private static final byte[] NOTHING = {};

    /** What it has in common with its views. */
    final Session session;

    private final long boundNanos;
    private final boolean view;

    private ClusterStore(Session session, long boundNanos, boolean view) {
        this.session = session;
        this.boundNanos = boundNanos;
        this.view = view;
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
        long bound = config.connectTimeout().plus(config.commandTimeout()).toNanos();
        return new ClusterStore(new Session(config), bound, false);
    }

    @Override
    public byte @Nullable [] get(String key) {
        byte[] server = serverKey(key);
        return run(server, Kind.READ, Requests.get(server));
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        Map<String, RoutedRequest<byte[]>> allRouted = allRouted(keys, Kind.READ, Requests::get);
        runAll(allRouted);
        return found(allRouted);
    }

    /** Reads a key at the master of its slot, for a copy that may be kept. */
    Covered covered(Invalidations.Tracked tracked, String key) {
        byte[] server = serverKey(key);
        RoutedRequest<byte[]> routed = new RoutedRequest<>(Slots.of(server), Kind.READ, Requests.get(server));
        Node master = expected(routed);
        Guard guard = master == null ? null : session.tracker.guard(master, tracked);
        long start = System.nanoTime();
        byte[] value = counted(start, () -> session.router.run(routed, start, start + boundNanos));
        return new Covered(value, routed.answeredBy() == master ? guard : null);
    }

    /** Reads several keys so; {@code tracked}: {@code null} for none that may be kept. Returns those that are present. */
    Map<String, Covered> covered(Invalidations.@Nullable Tracked tracked, Collection<String> keys) {
        Map<String, RoutedRequest<byte[]>> allRouted = allRouted(keys, Kind.READ, Requests::get);
        Map<String, Node> masters = new HashMap<>();
        Map<String, Guard> guards = new HashMap<>();
        allRouted.forEach((key, routed) -> {
            Node master = expected(routed);
            Guard guard = master == null || tracked == null ? null : session.tracker.guard(master, tracked);
            if (guard != null) {
                masters.put(key, master);
                guards.put(key, guard);
            }
        });
        runAll(allRouted);
        Map<String, Covered> found = new LinkedHashMap<>();
        found(allRouted).forEach((key, value) -> {
            RoutedRequest<byte[]> routed = allRouted.get(key);
            boolean byMaster = routed != null && routed.answeredBy() == masters.get(key);
            found.put(key, new Covered(value, byMaster ? guards.get(key) : null));
        });
        return found;
    }

    /** Has a read go to the master, if that is there; returns which that is, as far as is known. */
    private @Nullable Node expected(RoutedRequest<?> routed) {
        routed.preferMaster();
        SlotMap.Shard shard = session.topology.map().shard(routed.slot());
        return shard == null ? null : shard.master();
    }

    private static Map<String, byte[]> found(Map<String, ? extends RoutedRequest<?>> allRouted) {
        Map<String, byte[]> found = new LinkedHashMap<>();
        allRouted.forEach((key, routed) -> {
            if (routed.reply() instanceof byte[] value) {
                found.put(key, value);
            }
        });
        return found;
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        byte[] server = serverKey(key);
        run(server, Kind.HARMLESS, Requests.set(server, checked(value), CacheStore.ttlMillis(ttl)));
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
        runAll(allRouted);
    }

    /** To find out twice whether what was seen is still there does no harm, so that it is repeated as a {@link #put} is. */
    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        byte[] server = serverKey(key);
        if (seen == null) {
            return run(server, Kind.HARMLESS, Requests.setIfAbsent(server, checked(value), CacheStore.ttlMillis(ttl)))
                    != null;
        }
        List<byte[]> arguments = List.of(seen, checked(value), millis(ttl));
        return number(run(Script.REPLACE, Kind.HARMLESS, List.of(server), arguments)) > 0;
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
                present.put(key, List.of(expected, checked(value), millis(ttl)));
            }
        });
        if (entries.isEmpty()) {
            session.requireOpen();
            return Set.of();
        }
        long start = System.nanoTime();
        Set<String> changed = counted(start, () -> fillAll(absent, present, start));
        return changed == null ? Set.of() : changed;
    }

    private Set<String> fillAll(
            Map<String, RoutedRequest<String>> absent, Map<String, List<byte[]>> present, long start) {
        Set<String> changed = new LinkedHashSet<>();
        KeyFailures failures = new KeyFailures();
        runAll(absent, start, failures);
        absent.forEach((key, routed) -> {
            if (routed.next() == RoutedRequest.Next.DONE && routed.reply() == null) {
                changed.add(key);
            }
        });
        runAll(Script.REPLACE, present, start, failures).forEach((key, reply) -> {
            if (number(reply) == 0) {
                changed.add(key);
            }
        });
        failures.throwIfAny(Map.of());
        return changed;
    }

    /** Runs a script for each key, in full at a node that does not know it; returns the replies of those that did not fail. */
    private <T> Map<String, @Nullable T> runAll(
            Script<T> script, Map<String, List<byte[]>> arguments, long start, KeyFailures failures) {
        Map<String, RoutedRequest<T>> allRouted = new LinkedHashMap<>();
        arguments.forEach((key, each) -> allRouted.put(key, routed(script::byDigest, key, each)));
        runAll(allRouted, start, new KeyFailures());
        Map<String, RoutedRequest<T>> unknown = new LinkedHashMap<>();
        allRouted.forEach((key, routed) -> {
            if (isUnknownScript(routed)) {
                unknown.put(key, routed(script::inFull, key, arguments.getOrDefault(key, List.of())));
            }
        });
        runAll(unknown, start, new KeyFailures());
        allRouted.putAll(unknown);
        note(allRouted, failures);
        Map<String, @Nullable T> replies = new LinkedHashMap<>();
        allRouted.forEach((key, routed) -> {
            if (routed.next() == RoutedRequest.Next.DONE) {
                replies.put(key, routed.reply());
            }
        });
        return replies;
    }

    private static boolean isUnknownScript(RoutedRequest<?> routed) {
        return routed.next() == RoutedRequest.Next.FAILED
                && routed.failure() instanceof CacheRejectedException e
                && LettuceErrors.kindOf(e) == LettuceErrors.Kind.NO_SCRIPT;
    }

    private <T> RoutedRequest<T> routed(
            BiFunction<List<byte[]>, List<byte[]>, Request<T>> script, String key, List<byte[]> arguments) {
        byte[] server = serverKey(key);
        return new RoutedRequest<>(Slots.of(server), Kind.HARMLESS, script.apply(List.of(server), arguments));
    }

    /** Runs requests of one call, and notes which failed. */
    private <T> void runAll(Map<String, RoutedRequest<T>> allRouted, long start, KeyFailures failures) {
        if (!allRouted.isEmpty()) {
            session.router.runAll(List.copyOf(allRouted.values()), start, start + boundNanos);
            note(allRouted, failures);
        }
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        byte[] server = serverKey(key);
        return run(server, Kind.ONCE, Requests.setIfAbsent(server, checked(value), CacheStore.ttlMillis(ttl))) != null;
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        Objects.requireNonNull(expected, "expected");
        return number(run(
                        Script.REPLACE,
                        Kind.ONCE,
                        List.of(serverKey(key)),
                        List.of(expected, checked(value), millis(ttl))))
                > 0;
    }

    @Override
    public boolean remove(String key) {
        byte[] server = serverKey(key);
        return number(run(server, Kind.HARMLESS, Requests.number(CommandType.UNLINK, server))) > 0;
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        Objects.requireNonNull(expected, "expected");
        return number(run(Script.REMOVE, Kind.ONCE, List.of(serverKey(key)), List.of(expected))) > 0;
    }

    @Override
    public void removeAll(Collection<String> keys) {
        runAll(allRouted(keys, Kind.HARMLESS, key -> Requests.number(CommandType.UNLINK, key)));
    }

    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        List<byte[]> arguments = List.of(checked(tombstone), millis(ttl), digits(CacheStore.tombstoneLead(tombstone)));
        return number(run(Script.REMOVE_LEAVING, Kind.HARMLESS, List.of(serverKey(key)), arguments)) > 0;
    }

    @Override
    public boolean contains(String key) {
        byte[] server = serverKey(key);
        return number(run(server, Kind.READ, Requests.number(CommandType.EXISTS, server))) > 0;
    }

    @Override
    public @Nullable Duration ttl(String key) {
        byte[] server = serverKey(key);
        long millis = number(run(server, Kind.READ, Requests.number(CommandType.PTTL, server)));
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
        return number(
                        millis == Long.MAX_VALUE
                                ? run(Script.PERSIST, Kind.HARMLESS, List.of(server), List.of())
                                : run(server, Kind.HARMLESS, Requests.expire(server, millis)))
                > 0;
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        return sum(run(
                Script.INCREMENT, Kind.ONCE, List.of(serverKey(key)), List.of(digits(delta), millis(ttlIfCreated))));
    }

    @Override
    public OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        byte[] server = serverKey(key);
        // In the counter's slot by a hash tag; a key prefix that pins the slot has one already.
        String marker = ONCE_KEY_PREFIX + CacheStore.onceId(onceId) + ":{" + Slots.tagOf(Slots.of(server)) + '}' + key;
        List<byte[]> arguments = List.of(digits(delta), millis(ttlIfCreated), ONCE_MILLIS);
        return OptionalLong.of(
                sum(run(Script.INCREMENT_ONCE, Kind.ONCE, List.of(server, serverKey(marker)), arguments)));
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
        long until = start + (view ? boundNanos : PREFIX_REMOVAL_LIMIT.toNanos());
        return number(counted(start, () -> new PrefixRemoval(session, pattern, until, begun, null).run()));
    }

    @Override
    public long sweep(String prefix, int head, Predicate<byte[]> useless) {
        byte[] pattern = session.config.keyPrefix().scanPattern(prefix);
        PrefixRemoval.Useless those = new PrefixRemoval.Useless(head, useless);
        long start = System.nanoTime();
        long until = start + PREFIX_REMOVAL_LIMIT.toNanos();
        return number(counted(start, () -> new PrefixRemoval(session, pattern, until, null, those).run()));
    }

    @Override
    public ProbeResult probe(Duration timeout) {
        if (timeout.isZero() || timeout.isNegative()) {
            throw new IllegalArgumentException("timeout must be positive: " + timeout);
        }
        session.requireOpen();
        return session.probe(timeout);
    }

    @Override
    public void disconnect(Throwable cause) {
        session.disconnect(Objects.requireNonNull(cause, "cause"));
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
        return limit.compareTo(callBound()) >= 0 ? this : new ClusterStore(session, limit.toNanos(), true);
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
        return session.tracker.track(this, prefix, stamps);
    }

    @Override
    public StoreHealth health() {
        SlotMap map = session.topology.map();
        boolean reached = map != SlotMap.UNKNOWN;
        HealthState unreached = session.failed ? HealthState.DOWN : HealthState.UNKNOWN;
        // Of a cluster that never answered the configured nodes are known, and no more.
        List<NodeHealth> nodes = reached
                ? map.nodes().stream().map(Node::health).toList()
                : session.config.nodes().stream()
                        .map(node -> new NodeHealth(node, "unknown", unreached, 0, null, PoolHealth.NONE, 0))
                        .toList();
        return StoreHealth.of("redis-cluster", true, session.startedAt)
                .withState(reached ? map.served() == Slots.COUNT ? HealthState.UP : HealthState.DOWN : unreached)
                .withReadYourWrites(session.config.readFrom() == ReadFrom.MASTER)
                .withOperations(session.meter.snapshot())
                .withPool(nodes.stream().map(NodeHealth::pool).reduce(PoolHealth.NONE, ClusterStore::together))
                .withNodes(nodes)
                .withMemory(fullest(map));
    }

    /** Of the masters that say so the one that is fullest. */
    private static @Nullable MemoryUse fullest(SlotMap map) {
        MemoryUse fullest = null;
        for (Node node : map.nodes()) {
            MemoryUse use = node.memory();
            fullest = use != null && (fullest == null || use.percent() > fullest.percent()) ? use : fullest;
        }
        return fullest;
    }

    private static PoolHealth together(PoolHealth one, PoolHealth other) {
        return new PoolHealth(
                one.max() + other.max(),
                one.total() + other.total(),
                one.active() + other.active(),
                one.waiting() + other.waiting(),
                one.exhausted() + other.exhausted(),
                one.failedDials() + other.failedDials());
    }

    @Override
    public void close() {
        if (!view) {
            session.close();
        }
    }

    @Override
    public String toString() {
        return "ClusterStore(" + session.config + ')';
    }

    private <T> @Nullable T run(byte[] serverKey, Kind kind, Request<T> request) {
        long start = System.nanoTime();
        return counted(
                start,
                () -> session.router.run(
                        new RoutedRequest<>(Slots.of(serverKey), kind, request), start, start + boundNanos));
    }

    private <T> @Nullable T run(Script<T> script, Kind kind, List<byte[]> keys, List<byte[]> arguments) {
        long start = System.nanoTime();
        return counted(start, () -> run(script, kind, keys, arguments, start, start + boundNanos));
    }

    private <T> @Nullable T run(
            Script<T> script, Kind kind, List<byte[]> keys, List<byte[]> arguments, long start, long until) {
        int slot = Slots.of(keys.get(0));
        try {
            return session.router.run(new RoutedRequest<>(slot, kind, script.byDigest(keys, arguments)), start, until);
        } catch (CacheRejectedException e) {
            if (LettuceErrors.kindOf(e) != LettuceErrors.Kind.NO_SCRIPT) {
                throw e;
            }
            return session.router.run(new RoutedRequest<>(slot, kind, script.inFull(keys, arguments)), start, until);
        }
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
        List<Object> answer = run(Script.BEAT, Kind.HARMLESS, keys, arguments, start, until);
        List<String> texts = new ArrayList<>();
        for (Object part : answer == null ? List.of() : answer) {
            texts.add(part instanceof byte[] text ? new String(text, StandardCharsets.UTF_8) : "");
        }
        return Roll.of(texts);
    }

    private <T> @Nullable T counted(long start, Supplier<@Nullable T> call) {
        session.requireOpen();
        boolean answered = false;
        try {
            T reply = call.get();
            answered = true;
            return reply;
        } catch (CacheRejectedException e) {
            answered = true;
            throw e;
        } finally {
            session.meter.record(start, answered);
            session.failed = !answered;
        }
    }

    private <T> Map<String, RoutedRequest<T>> allRouted(
            Collection<String> keys, Kind kind, Function<byte[], Request<T>> request) {
        Map<String, RoutedRequest<T>> allRouted = new LinkedHashMap<>();
        for (String key : new LinkedHashSet<>(keys)) {
            byte[] server = serverKey(key);
            allRouted.put(key, new RoutedRequest<>(Slots.of(server), kind, request.apply(server)));
        }
        return allRouted;
    }

    private <T> void runAll(Map<String, RoutedRequest<T>> allRouted) {
        long start = System.nanoTime();
        if (allRouted.isEmpty()) {
            session.requireOpen();
            return;
        }
        counted(start, () -> {
            KeyFailures failures = new KeyFailures();
            runAll(allRouted, start, failures);
            failures.throwIfAny(found(allRouted));
            return null;
        });
    }

    private <T> void note(Map<String, RoutedRequest<T>> allRouted, KeyFailures failures) {
        allRouted.forEach((key, routed) -> {
            if (routed.next() != RoutedRequest.Next.DONE) {
                failures.add(key, failure(routed));
            }
        });
    }

    private RuntimeException failure(RoutedRequest<?> routed) {
        RuntimeException why = routed.failure();
        return why instanceof CacheException ? why : session.errors.broken(why);
    }

    private byte[] serverKey(String key) {
        return session.config.keyPrefix().encodeKey(key);
    }

    private byte[] checked(byte[] value) {
        long most = Math.min(LARGEST_VALUE, session.config.maxValueBytes());
        if (value.length > most) {
            throw new CacheRejectedException("a value of " + value.length + " bytes is larger than is allowed, " + most
                    + " (" + session.errors.limitOfValues() + ')');
        }
        return value;
    }

    /** As the scripts take it: empty for ever. */
    private static byte[] millis(Duration ttl) {
        long millis = CacheStore.ttlMillis(ttl);
        return millis == Long.MAX_VALUE ? NOTHING : digits(millis);
    }

    private static byte[] digits(long number) {
        return Long.toString(number).getBytes(StandardCharsets.US_ASCII);
    }

    private long number(@Nullable Long reply) {
        if (reply == null) {
            throw session.errors.malformed("nothing where a number was expected");
        }
        return reply;
    }

    private long sum(byte @Nullable [] reply) {
        try {
            return Long.parseLong(new String(reply == null ? NOTHING : reply, StandardCharsets.US_ASCII));
        } catch (NumberFormatException e) {
            throw session.errors.malformed("something else where a number was expected");
        }
    }
}
