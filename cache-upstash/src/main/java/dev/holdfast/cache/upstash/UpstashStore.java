package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CallObserver;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.RedisScript;
import dev.holdfast.cache.StoreHealth;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import okhttp3.Dns;
import org.jspecify.annotations.Nullable;

/**
 * A store on an Upstash database, over its REST interface.
 *
 * <p>Values that are valid UTF-8 stand in the database as they are, so that other clients read them; any other stands as
 * base64 behind the marker U+0000 {@code base64:}. Text that begins with the marker is written as base64 too. Keys stand as
 * they are.
 *
 * <p>A command and its answer may have {@link UpstashConfig#maxCommandBytes()}; a larger value is a
 * {@link dev.holdfast.cache.CacheRejectedException} before anything is sent. Calls with many keys are cut into as few requests as that
 * allows, some at the same time. What is harmless to repeat is repeated once, if its connection breaks.
 *
 * <p>Keys that begin with {@code #canary:} and {@code #once:} under the key prefix are this store's own. A removal by prefix leaves canaries alone, and
 * so any key that holds {@code :#canary:}.
 *
 * <p>When every connection is busy, the commands of waiting callers share the next request. For any number of threads.
 */
public final class UpstashStore implements CacheStore {
    private static final Duration MARKER_TTL = Duration.ofHours(1);

    private final Calls calls;
    private final MultiKey multiKey;
    private final PrefixRemoval.Unfinished unfinished;
    private final Duration limit;
    private final boolean view;

    private UpstashStore(
            Calls calls, MultiKey multiKey, PrefixRemoval.Unfinished unfinished, Duration limit, boolean view) {
        this.calls = calls;
        this.multiKey = multiKey;
        this.unfinished = unfinished;
        this.limit = limit;
        this.view = view;
    }

    /**
     * Makes a store. Connects to nothing yet.
     *
     * @param config where the database is, and how to talk to it
     * @return the store
     */
    public static UpstashStore create(UpstashConfig config) {
        return create(config, Dns.SYSTEM);
    }

    static UpstashStore create(UpstashConfig config, Dns resolver) {
        return create(config, resolver, RestClient.OTHERS);
    }

    /**
     * As {@link #create(UpstashConfig)}.
     *
     * @param others for how long after an answer there are callers to be spared by those whose requests break connections
     */
    static UpstashStore create(UpstashConfig config, Dns resolver, Duration others) {
        Calls calls = new Calls(config, resolver, others);
        return new UpstashStore(
                calls,
                new MultiKey(calls),
                new PrefixRemoval.Unfinished(),
                config.connectTimeout().plus(config.commandTimeout()),
                false);
    }

    @Override
    public byte @Nullable [] get(String key) {
        Command command = Command.of("GET", serverKey(key));
        byte[] stored = calls.bytes(command, calls.run(command, deadline(), reply -> reply));
        return stored == null ? null : ValueText.decode(stored);
    }

    @Override
    public Map<String, byte[]> getAll(Collection<String> keys) {
        long deadline = deadline();
        return multiKey.getAll(checked(keys), deadline);
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        long deadline = deadline();
        calls.run(set(key, value, ttl), deadline, UpstashStore::stored);
    }

    @Override
    public void putAll(Map<String, byte[]> entries, Duration ttl) {
        calls.requireOpen();
        CacheStore.ttlMillis(ttl);
        long deadline = deadline();
        List<String> keys = new ArrayList<>(entries.size());
        List<Command> commands = new ArrayList<>(entries.size());
        entries.forEach((key, value) -> {
            Command command = set(key, value, ttl);
            calls.requireSize(command);
            calls.requireTime("SET", deadline);
            commands.add(command);
            keys.add(key);
        });
        multiKey.putAll(keys, commands, deadline);
    }

    /** To find out twice whether what was seen is still there does no harm, so that it is repeated as a {@link #put} is. */
    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        long deadline = deadline();
        Fill fill = filling(key, seen, value, ttl);
        try {
            return calls.run(fill.command(), deadline, fill::isDone);
        } catch (CacheRejectedException e) {
            if (!fill.mayBeUnknown() || !Calls.isUnknownScript(e)) {
                throw e;
            }
            return calls.run(fill.inFull().command(), deadline, fill::isDone);
        }
    }

    @Override
    public Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        calls.requireOpen();
        CacheStore.ttlMillis(ttl);
        Objects.requireNonNull(seen, "seen");
        long deadline = deadline();
        List<Fill> fills = new ArrayList<>(entries.size());
        entries.forEach((key, value) -> {
            Fill fill = filling(key, seen.get(key), value, ttl);
            calls.requireSize(fill.command());
            calls.requireTime("SET", deadline);
            fills.add(fill);
        });
        return multiKey.fillAll(fills, deadline);
    }

    private Fill filling(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        if (seen == null) {
            return new Fill(key, setting(key, value, ttl, "NX"), List.of());
        }
        List<String> keys = List.of(serverKey(key));
        List<String> arguments = List.of(ValueText.encode(seen), encoded(value), millis(ttl));
        return new Fill(
                key,
                Calls.byName(RedisScript.REPLACE, keys, arguments),
                Calls.inFull(RedisScript.REPLACE, keys, arguments));
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        long deadline = deadline();
        return calls.run(set(key, value, ttl, "NX"), deadline, UpstashStore::stored);
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        long deadline = deadline();
        return ifStored(RedisScript.REPLACE, key, expected, List.of(encoded(value), millis(ttl)), deadline);
    }

    @Override
    public boolean remove(String key) {
        return calls.run(Command.of("UNLINK", serverKey(key)), deadline(), Reply::isOne);
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        long deadline = deadline();
        return ifStored(RedisScript.REMOVE, key, expected, List.of(), deadline);
    }

    /** Changes a value if it is the expected one, which may stand as base64 or, as others write it, as text. */
    private boolean ifStored(RedisScript script, String key, byte[] expected, List<String> arguments, long deadline) {
        List<String> keys = List.of(serverKey(key));
        if (calls.flag(script, keys, with(ValueText.encode(expected), arguments), deadline)) {
            return true;
        }
        String text = ValueText.avoidedText(expected);
        List<String> asText = text == null ? List.of() : with(text, arguments);
        // What does not fit into a command was not stored by one.
        return text != null && calls.fits(script, keys, asText) && calls.flag(script, keys, asText, deadline);
    }

    private static List<String> with(String first, List<String> others) {
        List<String> all = new ArrayList<>(1 + others.size());
        all.add(first);
        all.addAll(others);
        return all;
    }

    @Override
    public void removeAll(Collection<String> keys) {
        long deadline = deadline();
        multiKey.removeAll(checked(keys), deadline);
    }

    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        long deadline = deadline();
        List<String> keys = List.of(serverKey(key));
        return calls.flag(RedisScript.REMOVE_LEAVING, keys, leaving(tombstone, ttl), deadline);
    }

    /** One command for many keys: each command is billed. */
    @Override
    public void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        long deadline = deadline();
        multiKey.removeAllLeaving(checked(keys), leaving(tombstone, ttl), deadline);
    }

    private List<String> leaving(byte[] tombstone, Duration ttl) {
        String text = encoded(tombstone);
        int lead = ValueText.lead(text, CacheStore.tombstoneLead(tombstone));
        return List.of(text, millis(ttl), Integer.toString(lead));
    }

    @Override
    public boolean contains(String key) {
        return calls.run(Command.of("EXISTS", serverKey(key)), deadline(), Reply::isOne);
    }

    @Override
    public @Nullable Duration ttl(String key) {
        long millis = calls.run(Command.of("PTTL", serverKey(key)), deadline(), UpstashStore::millisLeft);
        if (millis == -2) {
            return null;
        }
        return millis == -1 ? FOREVER : Duration.ofMillis(Math.max(1, millis));
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        long millis = CacheStore.ttlMillis(ttl);
        if (millis != Long.MAX_VALUE) {
            Command command = Command.of("PEXPIRE", serverKey(key), Long.toString(millis));
            return calls.run(command, deadline(), Reply::isOne);
        }
        return calls.flag(RedisScript.PERSIST, List.of(serverKey(key)), List.of(), deadline());
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        List<String> arguments = List.of(Long.toString(delta), millis(ttlIfCreated));
        return calls.script(RedisScript.INCREMENT, List.of(serverKey(key)), arguments, deadline());
    }

    @Override
    public OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        CacheStore.onceId(onceId);
        List<String> keys = List.of(serverKey(key), serverKey("#once:" + onceId + ':' + key));
        List<String> arguments =
                List.of(Long.toString(delta), millis(ttlIfCreated), Long.toString(MARKER_TTL.toMillis()));
        return OptionalLong.of(calls.script(RedisScript.INCREMENT_ONCE, keys, arguments, deadline()));
    }

    @Override
    public long removeByPrefix(String prefix) {
        calls.requireOpen();
        return new PrefixRemoval(calls, unfinished, prefix, view ? limit : PREFIX_REMOVAL_LIMIT).run();
    }

    @Override
    public ProbeResult probe(Duration timeout) {
        calls.requireOpen();
        return calls.canary.probe(positive("timeout", timeout));
    }

    @Override
    public void disconnect(Throwable cause) {
        Objects.requireNonNull(cause, "cause");
        calls.combiner.disconnect(cause);
        calls.rest.disconnect(cause);
    }

    @Override
    public Duration callBound() {
        return limit;
    }

    @Override
    public CacheStore within(Duration shorter) {
        return positive("limit", shorter).compareTo(limit) >= 0
                ? this
                : new UpstashStore(calls, multiKey, unfinished, shorter, true);
    }

    @Override
    public Runnable observe(CallObserver observer) {
        return calls.observers.add(observer);
    }

    @Override
    public StoreHealth health() {
        return calls.health();
    }

    @Override
    public void close() {
        if (!view) {
            calls.close();
        }
    }

    @Override
    public String toString() {
        return "UpstashStore[" + calls.rest.errors().address() + ']';
    }

    static boolean stored(Reply reply) {
        if (reply instanceof Reply.Nil) {
            return false;
        }
        if (!reply.isOk()) {
            throw new MalformedReplyException(
                    "OK was expected, not " + reply.getClass().getSimpleName());
        }
        return true;
    }

    private static long millisLeft(Reply reply) {
        long millis = reply.number();
        if (millis < -2) {
            throw new MalformedReplyException("a time to live of " + millis + " ms");
        }
        return millis;
    }

    private String encoded(byte[] value) {
        if (value.length > calls.config.maxValueBytes()) {
            throw new CacheRejectedException(this + ": a value has " + value.length + " bytes, but may have at most "
                    + calls.config.maxValueBytes() + " ("
                    + calls.config.access().named("CACHE_MAX_VALUE_BYTES", "withMaxValueBytes") + ')');
        }
        return ValueText.encode(value);
    }

    private Command set(String key, byte[] value, Duration ttl, String... flags) {
        return Command.of(setting(key, value, ttl, flags));
    }

    private List<String> setting(String key, byte[] value, Duration ttl, String... flags) {
        List<String> parts = new ArrayList<>(6);
        parts.add("SET");
        parts.add(serverKey(key));
        parts.add(encoded(value));
        long millis = CacheStore.ttlMillis(ttl);
        if (millis != Long.MAX_VALUE) {
            parts.add("PX");
            parts.add(Long.toString(millis));
        }
        parts.addAll(List.of(flags));
        return parts;
    }

    /** As the scripts take it: empty for ever. */
    private static String millis(Duration ttl) {
        long millis = CacheStore.ttlMillis(ttl);
        return millis == Long.MAX_VALUE ? "" : Long.toString(millis);
    }

    private List<String> checked(Collection<String> keys) {
        calls.requireOpen();
        keys.forEach(this::serverKey);
        return List.copyOf(new LinkedHashSet<>(keys));
    }

    /** Also refuses what has no UTF-8 form: JSON could not carry it. */
    private String serverKey(String key) {
        return calls.prefix.checkedKey(key);
    }

    private long deadline() {
        return System.nanoTime() + limit.toNanos();
    }

    private static Duration positive(String what, Duration value) {
        if (value.isNegative() || value.isZero()) {
            throw new IllegalArgumentException(what + " must be positive: " + value);
        }
        return value;
    }
}
