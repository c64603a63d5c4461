package dev.holdfast.cache.redis;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.RedisScript;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A store over Redis' commands, wherever its servers are: what its scripts are given, what its times to live mean, and how its views differ from it. How
 * commands get to a server is left to those who extend it, who know it as protected methods.
 *
 * @param <A> an argument of a command
 */
public abstract class RedisStore<A> implements CacheStore {
    private static final Duration ONCE_LIFE = Duration.ofHours(1);

    private final RemoteAccess access;
    private final Duration bound;
    private final boolean view;

    /**
     * Creates one.
     *
     * @param access says how large values may be
     * @param bound how long a call may take
     * @param view whether it is a view of another, which alone closes what both have in common
     */
    protected RedisStore(RemoteAccess access, Duration bound, boolean view) {
        this.access = access;
        this.bound = bound;
        this.view = view;
    }

    /** Returns how the store gets at its servers. */
    final RemoteAccess access() {
        return access;
    }

    /** Refuses what is done after the end. */
    protected abstract void requireOpen();

    /** Returns a key as the server has it. */
    protected abstract A serverKey(String key);

    /** Returns a value as the server has it. */
    protected abstract A stored(byte[] value);

    /** Returns digits, or nothing. */
    protected abstract A word(String ascii);

    /** Stores a value if there is none; {@code repeatable}: whether that may be done twice. */
    protected abstract boolean setIfAbsent(String key, byte[] value, Duration ttl, boolean repeatable);

    /** Returns what PTTL answers. */
    protected abstract long millisToLive(String key);

    /** Runs PEXPIRE; returns whether the key is there. */
    protected abstract boolean expire(String key, long millis);

    /** Runs a script that answers 1 or 0; {@code repeatable}: whether that may be done twice. */
    protected abstract boolean flag(RedisScript script, boolean repeatable, List<A> keys, List<A> arguments);

    /** Runs a script that answers a sum. */
    protected abstract long sum(RedisScript script, List<A> keys, List<A> arguments);

    /** Probes the servers. */
    protected abstract ProbeResult probed(Duration timeout);

    /** Returns a view whose calls take less long. */
    protected abstract CacheStore view(Duration limit);

    /** Ends what a store and its views have in common. */
    protected abstract void end();

    /** Returns a value as the server is to have it; refuses one that is too large. */
    protected final A checked(byte[] value) {
        if (value.length > access.maxValueBytes()) {
            throw new CacheRejectedException("a value of " + value.length + " bytes is larger than this client sends, "
                    + access.maxValueBytes() + " (" + access.named("CACHE_MAX_VALUE_BYTES", "withMaxValueBytes") + ')');
        }
        return stored(value);
    }

    /** Returns a time to live as the scripts take it: empty for ever. */
    protected final A millis(Duration ttl) {
        long millis = CacheStore.ttlMillis(ttl);
        return word(millis == Long.MAX_VALUE ? "" : Long.toString(millis));
    }

    /** Returns what a removal by script leaves behind. */
    protected List<A> leaving(byte[] tombstone, Duration ttl) {
        return List.of(checked(tombstone), millis(ttl), word(Integer.toString(CacheStore.tombstoneLead(tombstone))));
    }

    /** Returns the key that says that an increment was done. */
    protected String onceKey(String key, String onceId) {
        return "#once:" + onceId + ':' + key;
    }

    /** Returns how long a removal by prefix may take. */
    protected final Duration removalLimit() {
        return view ? bound : PREFIX_REMOVAL_LIMIT;
    }

    @Override
    public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
        return setIfAbsent(key, value, ttl, false);
    }

    /** To find out twice whether what was seen is still there does no harm, so that it is repeated as a {@link #put} is. */
    @Override
    public boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        return seen == null
                ? setIfAbsent(key, value, ttl, true)
                : flag(RedisScript.REPLACE, true, List.of(serverKey(key)), replacing(seen, value, ttl));
    }

    /** Returns what is given to the script that replaces a value. */
    protected final List<A> replacing(byte[] seen, byte[] value, Duration ttl) {
        return List.of(stored(seen), checked(value), millis(ttl));
    }

    /** Changes a value if it is the expected one; {@code others}: what the script is given behind that. */
    protected boolean ifStored(RedisScript script, String key, byte[] expected, List<A> others) {
        return flag(script, false, List.of(serverKey(key)), with(stored(expected), others));
    }

    /** Returns arguments with one more before them. */
    protected final List<A> with(A first, List<A> others) {
        List<A> all = new ArrayList<>(1 + others.size());
        all.add(first);
        all.addAll(others);
        return all;
    }

    @Override
    public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
        Objects.requireNonNull(expected, "expected");
        return ifStored(RedisScript.REPLACE, key, expected, List.of(checked(value), millis(ttl)));
    }

    @Override
    public boolean remove(String key, byte[] expected) {
        Objects.requireNonNull(expected, "expected");
        return ifStored(RedisScript.REMOVE, key, expected, List.of());
    }

    @Override
    public boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        return flag(RedisScript.REMOVE_LEAVING, true, List.of(serverKey(key)), leaving(tombstone, ttl));
    }

    @Override
    public @Nullable Duration ttl(String key) {
        long millis = millisToLive(key);
        if (millis == -2) {
            return null;
        }
        // Redis rounds down: 0 is an entry in its last millisecond.
        return millis == -1 ? FOREVER : Duration.ofMillis(Math.max(1, millis));
    }

    @Override
    public boolean expire(String key, Duration ttl) {
        long millis = CacheStore.ttlMillis(ttl);
        return millis == Long.MAX_VALUE
                ? flag(RedisScript.PERSIST, true, List.of(serverKey(key)), List.of())
                : expire(key, millis);
    }

    @Override
    public long increment(String key, long delta, Duration ttlIfCreated) {
        return sum(
                RedisScript.INCREMENT,
                List.of(serverKey(key)),
                List.of(word(Long.toString(delta)), millis(ttlIfCreated)));
    }

    @Override
    public OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        List<A> keys = List.of(serverKey(key), serverKey(onceKey(key, CacheStore.onceId(onceId))));
        List<A> arguments = List.of(word(Long.toString(delta)), millis(ttlIfCreated), millis(ONCE_LIFE));
        return OptionalLong.of(sum(RedisScript.INCREMENT_ONCE, keys, arguments));
    }

    @Override
    public ProbeResult probe(Duration timeout) {
        requirePositive("timeout", timeout);
        requireOpen();
        return probed(timeout);
    }

    @Override
    public Duration callBound() {
        return bound;
    }

    @Override
    public CacheStore within(Duration limit) {
        requirePositive("limit", limit);
        return limit.compareTo(bound) >= 0 ? this : view(limit);
    }

    private static void requirePositive(String what, Duration value) {
        if (value.isZero() || value.isNegative()) {
            throw new IllegalArgumentException(what + " must be positive: " + value);
        }
    }

    @Override
    public void close() {
        if (!view) {
            end();
        }
    }
}
