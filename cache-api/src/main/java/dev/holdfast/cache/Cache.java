package dev.holdfast.cache;

import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A cache of values by key, over any {@link CacheStore}. For any number of threads, platform or virtual.
 *
 * <p><b>Fresh, stale, absent.</b> An entry is fresh for its time to live. Beyond it, for {@link CachePolicy#staleIfError()}, it
 * is stale: absent to every operation but {@link #lookup} and to loads that fail. Entries that can't be read are absent and
 * counted.
 *
 * <p><b>Loading.</b> However many callers miss a key, one loads it, on its own thread, and all get its result or its
 * failure. Values from a load are shared among those callers: treat them as immutable. They are encoded before anybody else
 * gets hold of them, so a change reaches other callers, never the store. A value from the store is decoded for each caller. A loader that
 * loads other keys of its cache needs no second place among {@link CachePolicy#maxLoads()}.
 *
 * <p><b>An invalidation wins.</b> Once an operation that changes a key has returned, no later read through this cache
 * returns what was there before, nor what a load found that began before: such a load's value goes to those who wait for
 * it and is not stored.
 *
 * <p><b>Errors.</b> A read that the store does not answer throws {@link CacheUnavailableException}; with a loader it loads
 * instead. Writes and removals throw it too. Every operation throws {@link NullPointerException} if a key, value, loader or
 * policy is {@code null}, {@link CacheInterruptedException} if the calling thread is interrupted before the call or while it waits, over
 * every store, with the thread's flag set again, and {@link IllegalStateException} if the cache is closed.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
public interface Cache<K, V> extends AutoCloseable {

    /**
     * Returns the name.
     *
     * @return the name, unique in its client
     */
    String name();

    /**
     * Returns the policy that holds where a call brings none.
     *
     * @return the policy
     */
    CachePolicy policy();

    /**
     * Returns the value of a key.
     *
     * @param key the key
     * @return the value; {@code null} if there is no fresh one. A {@link LoadingCache} loads it then
     */
    @Nullable
    V get(K key);

    /**
     * Returns the value that the cache holds for a key. Never loads.
     *
     * @param key the key
     * @return the value; empty if there is no fresh one
     */
    Optional<V> find(K key);

    /**
     * Returns the value that the cache holds for a key, or another. Never loads.
     *
     * @param key the key
     * @param other what is returned if there is no fresh value
     * @return the value, or {@code other}
     */
    default V getOrDefault(K key, V other) {
        Objects.requireNonNull(other, "other");
        return find(key).orElse(other);
    }

    /**
     * Returns the value of a key and loads it if there is no fresh one.
     *
     * @param key the key
     * @param loader finds the value
     * @return the value; {@code null} if the source has none
     * @throws CacheLoadException if the loader failed with a checked exception, which is the cause, or did not end in time, and no stale value
     *     stands in. An unchecked exception of the loader arrives as it is
     */
    default @Nullable V get(K key, CacheLoader<? super K, V> loader) {
        return get(key, loader, policy());
    }

    /**
     * Like {@link #get(Object, CacheLoader)}, with a policy for this call. A load that another caller began goes by the
     * other's; this caller waits for it no longer than its own {@link CachePolicy#loadTimeout()}.
     *
     * @param key the key
     * @param loader finds the value
     * @param policy the policy
     * @return the value; {@code null} if the source has none
     * @throws CacheLoadException if the load failed and no stale value stands in
     */
    @Nullable
    V get(K key, CacheLoader<? super K, V> loader, CachePolicy policy);

    /**
     * Returns the values of several keys, in one call of the store.
     *
     * @param keys the keys; duplicates are harmless
     * @return a mutable map of those that have a fresh value, in the order of {@code keys}
     */
    Map<K, V> getAll(Collection<? extends K> keys);

    /**
     * Returns the values of several keys: one call of the store, and one of the loader for what is missing and nobody else is
     * loading; several, one after the other, if that is more than {@link CachePolicy#maxBatch()}.
     *
     * @param keys the keys; duplicates are harmless
     * @param loader finds values
     * @return a mutable map of those that have a value, in the order of {@code keys}
     * @throws CacheLoadException if a key's load failed and no stale value stands in; what was loaded is stored all the same
     */
    default Map<K, V> getAll(Collection<? extends K> keys, BulkCacheLoader<K, V> loader) {
        return getAll(keys, loader, policy());
    }

    /**
     * Like {@link #getAll(Collection, BulkCacheLoader)}, with a policy for this call.
     *
     * @param keys the keys; duplicates are harmless
     * @param loader finds values
     * @param policy the policy
     * @return a mutable map of those that have a value, in the order of {@code keys}
     * @throws CacheLoadException if a key's load failed and no stale value stands in
     */
    Map<K, V> getAll(Collection<? extends K> keys, BulkCacheLoader<K, V> loader, CachePolicy policy);

    /**
     * Says what the cache holds for a key, stale values included. Counts as a read.
     *
     * @param key the key
     * @return what it holds
     */
    Lookup<V> lookup(K key);

    /**
     * Says whether a key has a fresh value. Counts nothing.
     *
     * @param key the key
     * @return whether it has
     */
    boolean contains(K key);

    /**
     * Loads a value whatever the cache holds, or joins the load that is under way. What the cache holds stays until the load
     * has succeeded, and stays if it fails.
     *
     * @param key the key
     * @param loader finds the value
     * @return the value; {@code null} if the source has none
     * @throws CacheLoadException if the load failed
     */
    default @Nullable V refresh(K key, CacheLoader<? super K, V> loader) {
        return refresh(key, loader, policy());
    }

    /**
     * Like {@link #refresh(Object, CacheLoader)}, with a policy for this call.
     *
     * @param key the key
     * @param loader finds the value
     * @param policy the policy
     * @return the value; {@code null} if the source has none
     * @throws CacheLoadException if the load failed
     */
    @Nullable
    V refresh(K key, CacheLoader<? super K, V> loader, CachePolicy policy);

    /**
     * Stores a value.
     *
     * @param key the key
     * @param value the value
     * @throws CacheCodecException if the value has no encoding
     * @throws CacheRejectedException if the store refuses it, for its size for instance
     */
    default void put(K key, V value) {
        put(key, value, policy());
    }

    /**
     * Like {@link #put(Object, Object)}, with a policy for this entry.
     *
     * @param key the key
     * @param value the value
     * @param policy the policy
     */
    void put(K key, V value, CachePolicy policy);

    /**
     * Like {@link #put(Object, Object)}, with a time to live for this entry; all else is as this cache's policy says.
     *
     * @param key the key
     * @param value the value
     * @param ttl as in {@link CachePolicy#withTtl}
     */
    default void put(K key, V value, Duration ttl) {
        put(key, value, policy().withTtl(ttl));
    }

    /**
     * Stores several values, in one call of the store. Not atomic together.
     *
     * @param entries the values by key
     * @throws CacheUnavailableException if some may not have been stored
     */
    default void putAll(Map<? extends K, ? extends V> entries) {
        putAll(entries, policy());
    }

    /**
     * Like {@link #putAll(Map)}, with a policy for these entries. With a raw codec they share one time to live, jitter
     * included.
     *
     * @param entries the values by key
     * @param policy the policy
     */
    void putAll(Map<? extends K, ? extends V> entries, CachePolicy policy);

    /**
     * Like {@link #putAll(Map)}, with a time to live for these entries; all else is as this cache's policy says.
     *
     * @param entries the values by key
     * @param ttl as in {@link CachePolicy#withTtl}
     */
    default void putAll(Map<? extends K, ? extends V> entries, Duration ttl) {
        putAll(entries, policy().withTtl(ttl));
    }

    /**
     * Remembers for {@link CachePolicy#rememberAbsence()} that the source has no value for a key, as if a loader had found that. What the cache held
     * is forgotten.
     *
     * @param key the key
     * @throws IllegalStateException if this cache's policy remembers no absence: {@link #putAbsent(Object, Duration)} does
     * @throws UnsupportedOperationException if the codec is raw: its entries can't say so
     */
    default void putAbsent(K key) {
        Objects.requireNonNull(key, "key");
        Duration ttl = policy().rememberAbsence();
        if (ttl.isZero()) {
            throw new IllegalStateException("the cache " + name()
                    + " remembers no absence: give its policy rememberAbsence, or this call a time to live");
        }
        putAbsent(key, ttl);
    }

    /**
     * Like {@link #putAbsent(Object)}, for a time of its own.
     *
     * @param key the key
     * @param ttl positive, at most {@link CacheStore#MAX_TTL}
     */
    void putAbsent(K key, Duration ttl);

    /**
     * Stores a value if the key has no fresh one, in one atomic step.
     *
     * <p>If a server dies or freezes meanwhile, it may stay unknown whether the value was stored. Who tries again, with a value that only he has, loses
     * nothing; done twice it may be if the server froze:
     *
     * <pre>{@code
     * try { mine = owners.putIfAbsent(eventId, me); }
     * catch (CacheUnavailableException e) { if (!e.outcomeUnknown()) throw e; mine = owners.putIfAbsent(eventId, me) || me.equals(owners.get(eventId)); }
     * if (mine) handle(event);
     * }</pre>
     *
     * @param key the key
     * @param value the value
     * @return whether it was stored
     * @throws CacheUnavailableException also if what is read stays another than what stands in the store, as from a replica that
     *     is behind
     */
    default boolean putIfAbsent(K key, V value) {
        return putIfAbsent(key, value, policy());
    }

    /**
     * Like {@link #putIfAbsent(Object, Object)}, with a policy for this entry.
     *
     * @param key the key
     * @param value the value
     * @param policy the policy
     * @return whether it was stored
     */
    boolean putIfAbsent(K key, V value, CachePolicy policy);

    /**
     * Like {@link #putIfAbsent(Object, Object)}, with a time to live for this entry; all else is as this cache's policy says.
     *
     * @param key the key
     * @param value the value
     * @param ttl as in {@link CachePolicy#withTtl}
     * @return whether it was stored
     */
    default boolean putIfAbsent(K key, V value, Duration ttl) {
        return putIfAbsent(key, value, policy().withTtl(ttl));
    }

    /**
     * Replaces a fresh value that equals {@code expected}, in one atomic step. Values are compared by
     * {@link java.util.Objects#deepEquals}. If the outcome is unknown ({@link CacheUnavailableException#outcomeUnknown()}), read the key: where
     * {@code value} is there, it was replaced.
     *
     * @param key the key
     * @param expected what must be there
     * @param value what takes its place, by this cache's policy
     * @return whether it was replaced
     * @throws CacheUnavailableException also for the reason that {@link #putIfAbsent(Object, Object)} names
     */
    default boolean replace(K key, V expected, V value) {
        return replace(key, expected, value, policy());
    }

    /**
     * Like {@link #replace(Object, Object, Object)}, with a policy for this entry.
     *
     * @param key the key
     * @param expected what must be there
     * @param value what takes its place
     * @param policy the policy
     * @return whether it was replaced
     */
    boolean replace(K key, V expected, V value, CachePolicy policy);

    /**
     * Like {@link #replace(Object, Object, Object)}, with a time to live for this entry; all else is as this cache's policy says.
     *
     * @param key the key
     * @param expected what must be there
     * @param value what takes its place
     * @param ttl as in {@link CachePolicy#withTtl}
     * @return whether it was replaced
     */
    default boolean replace(K key, V expected, V value, Duration ttl) {
        return replace(key, expected, value, policy().withTtl(ttl));
    }

    /**
     * Says how long the value of a key is still fresh, by this process's clock.
     *
     * @param key the key
     * @return the time, {@link CacheStore#FOREVER} if it never ends; empty if there is no fresh value
     */
    Optional<Duration> ttl(K key);

    /**
     * Gives a fresh value another time to live, counted from now, in one atomic step.
     *
     * @param key the key
     * @param ttl as in {@link CachePolicy#withTtl}
     * @return whether there was a fresh value
     * @throws CacheUnavailableException also for the reason that {@link #putIfAbsent(Object, Object)} names
     */
    boolean expire(K key, Duration ttl);

    /**
     * Removes a key.
     *
     * @param key the key
     * @return whether the store held anything for it, a stale value or a remembered absence included
     */
    boolean remove(K key);

    /**
     * Removes a key whose fresh value equals {@code expected}, in one atomic step. Values are compared by
     * {@link java.util.Objects#deepEquals}.
     *
     * @param key the key
     * @param expected what must be there
     * @return whether it was removed
     * @throws CacheUnavailableException also for the reason that {@link #putIfAbsent(Object, Object)} names
     */
    boolean remove(K key, V expected);

    /**
     * Removes a key and returns what was there, in one atomic step: of several callers one gets the value.
     *
     * @param key the key
     * @return the fresh value that was removed; {@code null} if there was none, and then whatever else was there is removed all the same
     * @throws CacheUnavailableException also for the reason that {@link #putIfAbsent(Object, Object)} names
     */
    @Nullable
    V getAndRemove(K key);

    /**
     * Removes several keys, in one call of the store.
     *
     * @param keys the keys; duplicates are harmless
     * @throws CacheUnavailableException if some may not have been removed
     */
    void removeAll(Collection<? extends K> keys);

    /**
     * Makes a fresh value stale, in one atomic step: the next read with a loader loads, and if that fails, this value may
     * still stand in, in every process, until the time that was written in the entry when it was made. A remembered absence is
     * forgotten. A value that changes again and again meanwhile, or is read from a replica that is behind, is removed instead.
     *
     * @param key the key
     * @return whether there was a fresh value
     * @throws UnsupportedOperationException if the codec is raw: its entries don't say how long they are fresh
     */
    boolean markStale(K key);

    /**
     * Removes every entry of this cache that has a tag, by one write, however many they are. Once it has returned, no later read through this cache returns one
     * of them, nor what a load that began before has found for one; other clients see it as they see {@link #remove}. Costs each load that is under way that callers
     * who come later don't wait for it but load anew.
     *
     * @param tag as in {@link CachePolicy#withTags}
     * @throws IllegalArgumentException if it can't be a tag
     * @throws UnsupportedOperationException if the codec is raw: its entries have none
     */
    void removeByTag(String tag);

    /**
     * Makes every entry of this cache that has a tag stale, by one read and one write, however many they are: the next read with a loader loads, and if that
     * fails, the entry's value may still stand in, as after {@link #markStale}. Remembered absences are forgotten. A cache whose policy has a tag is made
     * stale as a whole by that tag. Loads that are under way are treated as {@link #removeByTag} does.
     *
     * <p>A tag that others change again and again meanwhile is removed instead, and so it is where the first server is out while this is called, as far as that
     * server's entries go; and by a user of the server who may not run scripts.
     *
     * @param tag as in {@link CachePolicy#withTags}
     * @throws IllegalArgumentException if it can't be a tag
     * @throws UnsupportedOperationException if the codec is raw: its entries have none
     */
    void markStaleByTag(String tag);

    /**
     * Removes every key of this cache, at once for everybody. May take up to {@link CacheStore#PREFIX_REMOVAL_LIMIT}.
     *
     * <p>With {@link CachePolicy#agreeWithin} it is one question to the first server, and none while that is out: every entry that was made so far is
     * absent, for this client when this returns, for others within a fifth of the bound and ten seconds at most. The servers are freed in the background.
     *
     * @throws UnsupportedOperationException if the codec is raw: its keys can't be told from those of others
     */
    void clear();

    /**
     * Returns what this cache has done.
     *
     * @return a snapshot
     */
    CacheStats stats();

    /**
     * Returns a view whose operations don't block their caller. It shares everything else, loads under way included.
     *
     * @return the view
     */
    AsyncCache<K, V> async();

    /**
     * Ends loads in the background and the waits for loads on other callers' threads, and refuses further calls; what a load finds
     * from now on is not stored. Waits for those that are being stored. Entries stay in the store, which stays open. Idempotent.
     */
    @Override
    void close();
}
