package dev.holdfast.cache.spi;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A place that keeps expiring byte strings under string keys: one server, a cluster, a database over HTTPS, the
 * process's own memory, or several of them in order. It is what a backend implements; applications hold a {@link Cache}.
 *
 * <p><b>Values and keys.</b> A key is any string of Unicode scalar values, the empty one included; an unpaired surrogate
 * is an {@link IllegalArgumentException}. A value is any byte string, the empty one included. Arrays and collections
 * passed in are not kept or changed; arrays and maps returned belong to the caller. The store puts its own key prefix
 * (if it has one) before every key; callers never see it. No argument may be {@code null}.
 *
 * <p><b>Time to live.</b> Every write carries one, between 1 ms and {@link #MAX_TTL}, or {@link #FOREVER}; a fraction of a
 * millisecond is rounded up. Value and time to live are set in one atomic step. An expired entry is absent, at once and
 * for every operation.
 *
 * <p><b>A miss is an answer, never an error; an error is never a miss.</b> Errors are {@link CacheException}s and each
 * type says what to do about it. Every operation may throw {@link CacheUnavailableException} (its kind
 * {@link CacheTimeoutException} included), {@link CacheRejectedException}, {@link CacheInterruptedException}, and
 * {@link IllegalStateException} if the store is closed.
 *
 * <p><b>Threads.</b> All methods may be called from any number of threads, platform or virtual, and block the caller.
 * An operation takes at most {@link #callBound()}, whatever the server does; {@link #removeByPrefix} alone may take up to
 * {@link #PREFIX_REMOVAL_LIMIT}. A thread that is interrupted before or while it waits gets a
 * {@link CacheInterruptedException} with its interrupt flag set again. A read of a socket that is under way on a platform
 * thread may end only with the call bound.
 *
 * <p>{@code toString()} names the kind and the address, never a secret.
 */
public interface CacheStore extends AutoCloseable {

    /** The time to live of an entry that never expires. */
    Duration FOREVER = Duration.ofMillis(Long.MAX_VALUE);

    /** The longest finite time to live: 100 years of 365 days. */
    Duration MAX_TTL = Duration.ofDays(36_500);

    /** The longest time a {@link #removeByPrefix} may take: a minute. */
    Duration PREFIX_REMOVAL_LIMIT = Duration.ofSeconds(60);

    /** How many bytes at the end of a tombstone tell it from others. */
    int TOMBSTONE_NONCE_BYTES = 8;

    /**
     * Returns the value of a key.
     *
     * @param key the key
     * @return a copy that belongs to the caller, or {@code null} if the key is absent
     */
    byte @Nullable [] get(String key);

    /**
     * Returns the value of a key as {@link #get} does, for a caller that only reads it: the array may be the store's own. Whoever
     * changes it changes what others read. What it holds never changes by itself, also if the key is written or removed later.
     * By default a copy; a store that holds its values in this process should override it.
     *
     * @param key the key
     * @return the value, not to be changed, or {@code null} if the key is absent
     */
    default byte @Nullable [] getShared(String key) {
        return get(key);
    }

    /**
     * Returns the values of several keys, in one round trip for each server node, nodes in parallel. Not a snapshot:
     * keys may change between the reading of one and of the next.
     *
     * @param keys the keys; duplicates are harmless
     * @return a mutable map, in the order of {@code keys}, of those that are present; absent keys have no entry
     * @throws CacheUnavailableException if some or all keys could not be read;
     *     {@link CacheUnavailableException#failedKeys()} names those, {@link CacheUnavailableException#partialResult()}
     *     holds what was found of the others
     */
    Map<String, byte[]> getAll(Collection<String> keys);

    /**
     * Stores a value, whatever was there before.
     *
     * @param key the key
     * @param value the value
     * @param ttl the time to live from now
     * @throws CacheRejectedException if the value is larger than the store takes
     */
    void put(String key, byte[] value, Duration ttl);

    /**
     * Stores several values, in one round trip for each server node, nodes in parallel. Each entry is stored atomically,
     * all together are not.
     *
     * @param entries the values by key
     * @param ttl the time to live from now, for each of them
     * @throws CacheUnavailableException if some or all entries may not have been stored;
     *     {@link CacheUnavailableException#failedKeys()} names those
     */
    void putAll(Map<String, byte[]> entries, Duration ttl);

    /**
     * Stores what was computed from a source of truth, as a load does. To a single store it is a {@link #put}. A
     * composite may drop it and does not record it as a change, since it can be computed again.
     *
     * @param key the key
     * @param value the value
     * @param ttl the time to live from now
     */
    default void fill(String key, byte[] value, Duration ttl) {
        put(key, value, ttl);
    }

    /**
     * Stores several computed values: what {@link #putAll} is to {@link #put}, this is to {@link #fill}.
     *
     * @param entries the values by key
     * @param ttl the time to live from now, for each of them
     */
    default void fillAll(Map<String, byte[]> entries, Duration ttl) {
        putAll(entries, ttl);
    }

    /**
     * Stores what was computed from a source of truth, unless the key has changed since it was looked at before the computation
     * began: in one atomic step, if the key is absent, or if it still holds what was seen, byte for byte. So what one process
     * computes is never stored over what another has stored, or left by a {@link #removeLeaving}, in the meantime. Done twice, it may
     * say {@code false} though it was stored. A composite may drop it, and does not record it as a change, since it can be computed
     * again; where it fails over in between, what was seen on one tier is compared on another.
     *
     * @param key the key
     * @param seen what the key held then, not to be changed; {@code null} if it was absent, or that is not known
     * @param value the value
     * @param ttl the time to live from now
     * @return whether it was stored
     */
    default boolean fill(String key, byte @Nullable [] seen, byte[] value, Duration ttl) {
        return seen == null ? putIfAbsent(key, value, ttl) : replace(key, seen, value, ttl);
    }

    /**
     * Stores several computed values, each as {@link #fill(String, byte[], byte[], Duration)} does, where a server is asked in one
     * round trip for each node for those keys that were absent, and in as few as it takes for the others. By default one after the
     * other.
     *
     * @param entries the values by key
     * @param seen what those keys held that were not absent
     * @param ttl the time to live from now, for each of the values
     * @return the keys that had changed, and so were left as they are
     * @throws CacheUnavailableException if some or all entries may not have been stored;
     *     {@link CacheUnavailableException#failedKeys()} names those
     */
    default Set<String> fillAll(Map<String, byte[]> entries, Map<String, byte[]> seen, Duration ttl) {
        CacheStore.ttlMillis(ttl);
        Objects.requireNonNull(seen, "seen");
        Set<String> changed = new LinkedHashSet<>();
        KeyFailures failures = new KeyFailures();
        entries.forEach((key, value) -> {
            try {
                if (!fill(key, seen.get(key), value, ttl)) {
                    changed.add(key);
                }
            } catch (CacheUnavailableException | CacheRejectedException e) {
                failures.add(key, e);
            }
        });
        failures.throwIfAny(Map.of());
        return changed;
    }

    /**
     * Stores a value if the key is absent, in one atomic step.
     *
     * @param key the key
     * @param value the value
     * @param ttl the time to live from now; an entry that is already there keeps its own
     * @return whether the value was stored
     */
    boolean putIfAbsent(String key, byte[] value, Duration ttl);

    /**
     * Replaces a value if the present one equals {@code expected} byte for byte, in one atomic step.
     *
     * @param key the key
     * @param expected what must be there
     * @param value what takes its place
     * @param ttl the time to live from now; an entry that is not replaced keeps its own
     * @return whether it was replaced; {@code false} if the key is absent
     */
    boolean replace(String key, byte[] expected, byte[] value, Duration ttl);

    /**
     * Removes a key.
     *
     * @param key the key
     * @return whether it was present; of a removal that was sent twice, since the answer to the first was lost on its way, what the second found
     */
    boolean remove(String key);

    /**
     * Removes a key if its value equals {@code expected} byte for byte, in one atomic step.
     *
     * @param key the key
     * @param expected what must be there
     * @return whether it was removed
     */
    boolean remove(String key, byte[] expected);

    /**
     * Removes several keys, in one round trip for each server node, nodes in parallel.
     *
     * @param keys the keys; duplicates and absent ones are harmless
     * @throws CacheUnavailableException if some or all keys may not have been removed;
     *     {@link CacheUnavailableException#failedKeys()} names those
     */
    void removeAll(Collection<String> keys);

    /**
     * Removes a key and leaves a tombstone in its place, in one atomic step: an entry that its readers take for none, and that keeps a
     * {@link #fill(String, byte[], byte[], Duration)} out that began before. To every other operation of a store it is an entry like
     * others. What is there and differs in its last {@link #TOMBSTONE_NONCE_BYTES} alone is a tombstone too, and counts as
     * absent. A server that has no room for it removes the key all the same.
     *
     * <p>By default two steps, a {@link #get} and a {@link #put}. A store that this process alone can see may leave nothing.
     *
     * @param key the key
     * @param tombstone what is left, longer than its nonce, which is another for each removal
     * @param ttl how long it is left, from now
     * @return whether the key was present; of a removal that was sent twice, what the second found
     */
    default boolean removeLeaving(String key, byte[] tombstone, Duration ttl) {
        int unused = tombstoneLead(tombstone);
        byte[] before = get(key);
        put(key, tombstone, ttl);
        return before != null && !isTombstone(before, tombstone);
    }

    /**
     * Removes several keys as {@link #removeLeaving} does, in one round trip for each server node, nodes in parallel. By default a
     * {@link #putAll} of tombstones.
     *
     * @param keys the keys; duplicates and absent ones are harmless
     * @param tombstone what is left in the place of each
     * @param ttl how long it is left, from now
     * @throws CacheUnavailableException if some or all keys may not have been removed;
     *     {@link CacheUnavailableException#failedKeys()} names those
     */
    default void removeAllLeaving(Collection<String> keys, byte[] tombstone, Duration ttl) {
        int unused = tombstoneLead(tombstone);
        Map<String, byte[]> tombstones = new LinkedHashMap<>();
        keys.forEach(key -> tombstones.put(key, tombstone));
        putAll(tombstones, ttl);
    }

    /**
     * Says whether a key is present.
     *
     * @param key the key
     * @return whether it is
     */
    boolean contains(String key);

    /**
     * Returns how much longer a key lives.
     *
     * @param key the key
     * @return what is left, in milliseconds, at least 1 ms; {@link #FOREVER} if the entry does not expire; {@code null} if
     *     the key is absent
     */
    @Nullable
    Duration ttl(String key);

    /**
     * Gives a present key a new time to live.
     *
     * @param key the key
     * @param ttl the time to live from now; {@link #FOREVER} takes the expiry away
     * @return whether the key is present
     */
    boolean expire(String key, Duration ttl);

    /**
     * Adds to a counter, in one atomic step. A counter is an entry that holds a signed 64-bit integer as decimal ASCII
     * digits, so {@link #get} reads it as such; an absent one counts as 0.
     *
     * @param key the key
     * @param delta what to add; may be negative or 0
     * @param ttlIfCreated the time to live if this call creates the counter; an existing one keeps its own
     * @return the counter's new value
     * @throws CacheRejectedException if the value is not such an integer, or the sum overflows; nothing is changed
     */
    long increment(String key, long delta, Duration ttlIfCreated);

    /**
     * Adds to a counter like {@link #increment}, at most once for the same {@code onceId} however often it is called within
     * an hour: the store keeps a marker beside the counter (on the same node), set in the same atomic step. It makes an
     * increment whose outcome is unknown safe to repeat.
     *
     * @param key the key
     * @param delta what to add
     * @param ttlIfCreated the time to live if this call creates the counter
     * @param onceId names this increment: 1 to 64 characters of {@code [A-Za-z0-9-]}
     * @return the counter's value after this or the earlier application; empty if the store has no means for this, and
     *     then nothing was done
     */
    default OptionalLong incrementOnce(String key, long delta, Duration ttlIfCreated, String onceId) {
        return OptionalLong.empty();
    }

    /**
     * Removes every key that begins with {@code prefix} (and the store's own key prefix), on every node. Keys written while
     * it runs may survive. Never blocks a server for longer than a batch: it scans and unlinks.
     *
     * @param prefix what the keys begin with, taken literally; empty for every key under the store's own prefix
     * @return how many keys were removed; a key that expired or was removed by others meanwhile may or may not count
     * @throws IllegalArgumentException if {@code prefix} is empty and the store has no key prefix of its own: it would
     *     remove what is not this store's
     */
    long removeByPrefix(String prefix);

    /**
     * Goes on with a removal by prefix that has failed, for a composite, which lets nobody of its own read or write under the prefix meanwhile: as
     * {@link #removeByPrefix}, but keys written since the first attempt began may survive. So what never fits into one call ends after a few.
     *
     * @param prefix as for {@link #removeByPrefix}
     * @param begun when the first attempt began, by {@link System#nanoTime()}: what was there then is removed
     * @return how many keys this call removed
     * @throws IllegalArgumentException as {@link #removeByPrefix}
     */
    default long resumeRemovalByPrefix(String prefix, long begun) {
        return removeByPrefix(prefix);
    }

    /**
     * Removes of what begins with {@code prefix} what is known to be of no use by how its value begins, in no hurry: between two pages the servers
     * have at least nine times as long for others. For composites, of keys that nobody waits for. A key is not removed whose value begins otherwise by
     * then; an empty value never is. Takes a minute at most; the next call with the same prefix goes on from there.
     *
     * @param prefix as for {@link #removeByPrefix}
     * @param head how many bytes of a value tell, from 1 to 1,024
     * @param useless says so of the first bytes of a value, of all if it has fewer; called by one thread at a time
     * @return how many keys this call removed. By default, and where it is not worth its price, 0 with nothing done
     * @throws IllegalArgumentException as {@link #removeByPrefix}
     */
    default long sweep(String prefix, int head, Predicate<byte[]> useless) {
        return 0;
    }

    /**
     * Finds out, on a connection of its own that is kept open between probes, whether this store can be read and written:
     * writes the next number of this client's canary under the key prefix (time to live: a day) and reads it back. A
     * server that may not be written by this client's credentials is only pinged, and the result says so.
     *
     * <p>Never two at a time: a second caller waits for the first within its own timeout.
     *
     * @param timeout how long it may take in all, a connection that must be opened included; positive
     * @return what was learnt besides that the store answers
     * @throws CacheUnavailableException if it does not answer, or names a state in which it can't serve
     */
    ProbeResult probe(Duration timeout);

    /**
     * Fails every call that is under way, connecting or waiting for a connection, now, and closes every connection, the
     * probe's included, in such a way that what the peer has not yet read is dropped (a TCP reset). The store stays usable:
     * later calls connect anew. Returns without waiting for the calls to end; does nothing in a closed store or one
     * without connections.
     *
     * @param cause why; becomes the cause of the {@link CacheUnavailableException}s that those calls throw
     */
    void disconnect(Throwable cause);

    /**
     * Returns the longest time one call may take: the wait for a connection, connecting, redirects and retries included;
     * {@link #removeByPrefix} excepted.
     *
     * @return the bound; {@link Duration#ZERO} if calls never wait
     */
    Duration callBound();

    /**
     * Returns a view of this store whose calls end within {@code limit}, {@link #removeByPrefix} included, for a caller
     * that has only so much time left. It shares everything else; closing it does nothing.
     *
     * @param limit the longest time one call may take; positive
     * @return the view; this store itself if its {@link #callBound()} is not longer, or if it can't bound single calls (the
     *     view's own {@code callBound()} says which)
     */
    default CacheStore within(Duration limit) {
        if (limit.isNegative() || limit.isZero()) {
            throw new IllegalArgumentException("limit must be positive: " + limit);
        }
        return this;
    }

    /**
     * Returns the name of the tier that calls go to now, without the work of {@link #health()}.
     *
     * @return the serving tier of a composite, of none the first; by default what this store is called as the only tier:
     *     its type
     */
    default String tierName() {
        return health().type();
    }

    /**
     * Says whether a call has a chance to be answered now, for callers that have another way to go: {@code false} only if
     * every place that could answer is known to be out. A composite says so while all its tiers are open. Does no I/O and does
     * not wait.
     *
     * @return whether it has; {@code true} by default
     */
    default boolean isServing() {
        return true;
    }

    /**
     * Says which part of this store was out of service and is not settled yet, for a composite: from the first question on no call is
     * served there before {@link PartialOutage#settled} was run. Does no I/O and does not wait.
     *
     * @return all such parts, together; {@code null}, the default, if there are none
     */
    default @Nullable PartialOutage outage() {
        return null;
    }

    /**
     * Counts how often those who decide which server is the right one, as sentinels do, have led this store to another. When that
     * grows, a composite asks at once whether a tier that is out is back. Does no I/O and does not wait.
     *
     * @return the number so far; 0, the default, of a store that nobody leads anywhere
     */
    default long switches() {
        return 0;
    }

    /**
     * Adds someone to tell of the commands that callers have this store send to servers; its probes are not among them. A composite tells of
     * those of all its tiers.
     *
     * @param observer is told of each that begins from now on
     * @return ends it; by default, and of a store that sends none, there is nothing to tell and nothing to end
     */
    default Runnable observe(CallObserver observer) {
        return () -> {};
    }

    /**
     * Begins to tell of changes under a prefix, whoever makes them: for whoever keeps copies of what was read, as a near cache does. Connects to nothing before
     * the first read through what it returns.
     *
     * @param prefix what the keys begin with, not empty; none of those that are tracked at the same time begins with another
     * @param stamps are raised for each key that changes, and flushed when every key may have
     * @return reads that say whether a copy may be kept; to be closed. By default none may, but by those who bear that it may be outdated
     */
    default Tracking track(String prefix, Stamps stamps) {
        return Tracking.none(this, "this kind of store does not tell of changes");
    }

    /**
     * Counts what this store has of the keys with a prefix, without asking a server. Takes time for each of them.
     *
     * @param prefix what the keys begin with, up to their first colon and with it
     * @return the figures; {@code null}, the default, where nobody in this process knows them
     */
    default @Nullable EntryUse use(String prefix) {
        return null;
    }

    /**
     * Says to the other clients of this store's servers how this one stands, and learns how they stand: in one place, for all servers of this
     * store together. For composites.
     *
     * @param beat what is said; said twice it has no other effect than once
     * @param timeout how long it may take in all; positive
     * @return how they stand; {@code null}, the default, of a store that has no such place
     * @throws CacheRejectedException if this client's credentials do not allow it, or the server has no means for it
     */
    default @Nullable Roll beat(Beat beat, Duration timeout) {
        return null;
    }

    /**
     * Opens an agreement with the other clients of this store's servers about the entries of a cache.
     *
     * @param prefix what the cache's keys begin with, up to their first colon and with it
     * @param within how old an entry may get that others may have changed unseen; zero if that is not limited
     * @return the agreement; by default, and of a store by itself, {@link Agreement#NONE}
     */
    default Agreement agreement(String prefix, Duration within) {
        return Agreement.NONE;
    }

    /**
     * Returns what is known of this store's health and work. Does not wait: what it does not know it may ask for in the background,
     * as the memory of a server that answers, once in 30 seconds at most.
     *
     * @return a snapshot
     */
    StoreHealth health();

    /** Releases every connection and thread. Calls under way fail; later ones throw {@link IllegalStateException}. Idempotent. */
    @Override
    void close();

    /**
     * Checks a time to live and returns it in milliseconds, for implementations.
     *
     * @param ttl a time to live
     * @return whole milliseconds, rounded up; {@link Long#MAX_VALUE} for {@link #FOREVER}
     * @throws IllegalArgumentException if it is zero, negative, or longer than {@link #MAX_TTL} and not {@link #FOREVER}
     */
    static long ttlMillis(Duration ttl) {
        Objects.requireNonNull(ttl, "ttl");
        if (ttl.equals(FOREVER)) {
            return Long.MAX_VALUE;
        }
        if (ttl.isNegative() || ttl.isZero()) {
            throw new IllegalArgumentException("ttl must be positive: " + ttl);
        }
        if (ttl.compareTo(MAX_TTL) > 0) {
            throw new IllegalArgumentException("ttl must be at most " + MAX_TTL + ", or CacheStore.FOREVER: " + ttl);
        }
        long millis = ttl.toMillis();
        return ttl.toNanosPart() % 1_000_000 == 0 ? millis : millis + 1;
    }

    /**
     * Checks a tombstone, for implementations.
     *
     * @param tombstone what a removal is to leave
     * @return how many bytes are before its nonce: what is the same in every tombstone of that kind
     * @throws IllegalArgumentException if there are none
     */
    static int tombstoneLead(byte[] tombstone) {
        int lead = tombstone.length - TOMBSTONE_NONCE_BYTES;
        if (lead <= 0) {
            throw new IllegalArgumentException("a tombstone must have more bytes than its nonce, which are "
                    + TOMBSTONE_NONCE_BYTES + ": " + tombstone.length);
        }
        return lead;
    }

    /**
     * Says whether a value is a tombstone, for implementations.
     *
     * @param value what a key holds
     * @param like a tombstone
     * @return whether they differ in their nonces at most
     */
    static boolean isTombstone(byte[] value, byte[] like) {
        int lead = tombstoneLead(like);
        return value.length == like.length && Arrays.equals(value, 0, lead, like, 0, lead);
    }

    /**
     * Checks the name of an {@link #incrementOnce}, for implementations.
     *
     * @param onceId the name
     * @return the same
     * @throws IllegalArgumentException if it is not 1 to 64 characters of {@code [A-Za-z0-9-]}
     */
    static String onceId(String onceId) {
        int length = onceId.length();
        boolean valid = length >= 1 && length <= 64;
        for (int i = 0; valid && i < length; i++) {
            char c = onceId.charAt(i);
            valid = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
        }
        if (!valid) {
            throw new IllegalArgumentException("onceId must be 1 to 64 characters of A-Z, a-z, 0-9 and '-'");
        }
        return onceId;
    }
}
