package dev.holdfast.cache;

import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A cache of values by key, over any {@link CacheStore}. For any number of threads, platform or virtual.
 *
 * <p><b>Fresh, stale, absent.</b> An entry is fresh for its time to live. Beyond it, for {@link CachePolicy#staleFor()}, it
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
     * @return the value; {@code null} if there is no fresh one
     */
    @Nullable
    V get(K key);

    /**
     * Returns the value of a key and loads it if there is no fresh one.
     *
     * @param key the key
     * @param loader finds the value
     * @return the value; {@code null} if the source has none
     * @throws CacheLoadException if the load failed and no stale value stands in; its cause is what the loader threw
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
     * Returns the values of several keys: one call of the store, one of the loader for what is missing and nobody else is
     * loading.
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
    @Nullable
    V refresh(K key, CacheLoader<? super K, V> loader);

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
     * Stores a value if the key has no fresh one, in one atomic step.
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
     * Replaces a fresh value that equals {@code expected}, in one atomic step. Values are compared by
     * {@link java.util.Objects#deepEquals}.
     *
     * @param key the key
     * @param expected what must be there
     * @param value what takes its place, by this cache's policy
     * @return whether it was replaced
     * @throws CacheUnavailableException also for the reason that {@link #putIfAbsent(Object, Object)} names
     */
    boolean replace(K key, V expected, V value);

    /**
     * Removes a key.
     *
     * @param key the key
     * @return whether the store held anything for it, a stale value or a remembered absence included
     */
    boolean remove(K key);

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
     * Removes every key of this cache. May take up to {@link CacheStore#PREFIX_REMOVAL_LIMIT}.
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
