package dev.holdfast.cache.upstash;

import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.redis.RedisStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.CallObserver;
import dev.holdfast.cache.spi.RedisScript;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
@SuppressWarnings("exports") // What it extends is for the stores alone.
public final class UpstashStore extends RedisStore<String> {
    private final Calls calls;
    private final MultiKey multiKey;
    private final PrefixRemoval.Unfinished unfinished;

    private UpstashStore(
            Calls calls, MultiKey multiKey, PrefixRemoval.Unfinished unfinished, Duration limit, boolean view) {
        super(calls.config.access(), limit, view);
        this.calls = calls;
        this.multiKey = multiKey;
        this.unfinished = unfinished;
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
        return multiKey.getAll(checkedAll(keys), deadline);
    }

    @Override
    public void put(String key, byte[] value, Duration ttl) {
        long deadline = deadline();
        calls.run(set(key, value, ttl), deadline, Reply::isStored);
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
        List<String> arguments = replacing(seen, value, ttl);
        return new Fill(
                key,
                Calls.byName(RedisScript.REPLACE, keys, arguments),
                Calls.inFull(RedisScript.REPLACE, keys, arguments));
    }

    @Override
    public boolean remove(String key) {
        return calls.run(Command.of("UNLINK", serverKey(key)), deadline(), Reply::isOne);
    }

    /** The expected value may stand as base64 or, as others write it, as text. */
    @Override
    protected boolean ifStored(RedisScript script, String key, byte[] expected, List<String> others) {
        long deadline = deadline();
        List<String> keys = List.of(serverKey(key));
        if (calls.flag(script, false, keys, with(ValueText.encode(expected), others), deadline)) {
            return true;
        }
        String text = ValueText.avoidedText(expected);
        List<String> asText = text == null ? List.of() : with(text, others);
        // What does not fit into a command was not stored by one.
        return text != null && calls.fits(script, keys, asText) && calls.flag(script, false, keys, asText, deadline);
    }

    @Override
    public void removeAll(Collection<String> keys) {
        long deadline = deadline();
        multiKey.removeAll(checkedAll(keys), deadline);
    }

    /** One command for many keys: each command is billed. */
    @Override
    public void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        long deadline = deadline();
        multiKey.removeAllLeaving(checkedAll(keys), leaving(tombstone, ttl), deadline);
    }

    @Override
    protected List<String> leaving(byte[] tombstone, Duration ttl) {
        String text = checked(tombstone);
        int lead = ValueText.lead(text, CacheStore.tombstoneLead(tombstone));
        return List.of(text, millis(ttl), Integer.toString(lead));
    }

    @Override
    public boolean contains(String key) {
        return calls.run(Command.of("EXISTS", serverKey(key)), deadline(), Reply::isOne);
    }

    @Override
    public long removeByPrefix(String prefix) {
        calls.requireOpen();
        return new PrefixRemoval(calls, unfinished, prefix, removalLimit()).run();
    }

    @Override
    public void disconnect(Throwable cause) {
        Objects.requireNonNull(cause, "cause");
        calls.combiner.disconnect(cause);
        calls.rest.disconnect(cause);
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
    public String toString() {
        return "UpstashStore[" + calls.rest.errors().address() + ']';
    }

    @Override
    protected void requireOpen() {
        calls.requireOpen();
    }

    /** Also refuses what has no UTF-8 form: JSON could not carry it. */
    @Override
    protected String serverKey(String key) {
        return calls.prefix.checkedKey(key);
    }

    @Override
    protected String stored(byte[] value) {
        return ValueText.encode(value);
    }

    @Override
    protected String word(String ascii) {
        return ascii;
    }

    @Override
    protected boolean setIfAbsent(String key, byte[] value, Duration ttl, boolean repeatable) {
        List<String> parts = setting(key, value, ttl, "NX");
        Command set = repeatable ? Command.repeatable(parts) : Command.of(parts);
        return calls.run(set, deadline(), Reply::isStored);
    }

    @Override
    protected long millisToLive(String key) {
        return calls.run(Command.of("PTTL", serverKey(key)), deadline(), UpstashStore::millisLeft);
    }

    @Override
    protected boolean expire(String key, long millis) {
        return calls.run(Command.of("PEXPIRE", serverKey(key), Long.toString(millis)), deadline(), Reply::isOne);
    }

    @Override
    protected boolean flag(RedisScript script, boolean repeatable, List<String> keys, List<String> arguments) {
        return calls.flag(script, repeatable, keys, arguments, deadline());
    }

    /** A second execution of one that is done once finds what the first left behind, and answers the same. */
    @Override
    protected long sum(RedisScript script, List<String> keys, List<String> arguments) {
        return calls.script(script, script == RedisScript.INCREMENT_ONCE, keys, arguments, deadline(), Reply::number);
    }

    @Override
    protected ProbeResult probed(Duration timeout) {
        return calls.canary.probe(timeout);
    }

    @Override
    protected CacheStore view(Duration limit) {
        return new UpstashStore(calls, multiKey, unfinished, limit, true);
    }

    @Override
    protected void end() {
        calls.close();
    }

    private static long millisLeft(Reply reply) {
        long millis = reply.number();
        if (millis < -2) {
            throw new MalformedReplyException("a time to live of " + millis + " ms");
        }
        return millis;
    }

    private Command set(String key, byte[] value, Duration ttl) {
        return Command.of(setting(key, value, ttl));
    }

    private List<String> setting(String key, byte[] value, Duration ttl, String... flags) {
        List<String> parts = new ArrayList<>(6);
        parts.add("SET");
        parts.add(serverKey(key));
        parts.add(checked(value));
        long millis = CacheStore.ttlMillis(ttl);
        if (millis != Long.MAX_VALUE) {
            parts.add("PX");
            parts.add(Long.toString(millis));
        }
        parts.addAll(List.of(flags));
        return parts;
    }

    private List<String> checkedAll(Collection<String> keys) {
        calls.requireOpen();
        keys.forEach(this::serverKey);
        return List.copyOf(new LinkedHashSet<>(keys));
    }

    private long deadline() {
        return System.nanoTime() + callBound().toNanos();
    }
}
