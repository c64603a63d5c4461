package dev.holdfast.cache;

import org.jspecify.annotations.Nullable;

/**
 * Finds a value at its source when the cache does not hold it. Runs on its caller's thread unless the policy or the
 * asynchronous view needs it elsewhere; may run for several keys at once, never twice at once for one key and cache
 * unless the key was invalidated or its lease ran out meanwhile.
 *
 * <p>A loader should end when its thread is interrupted: that is how the cache stops one whose lease
 * ({@link CachePolicy#loadTimeout()}) ran out or that nobody waits for any more. One that ignores it keeps its thread,
 * but neither its key nor its place among the loads.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
@FunctionalInterface
public interface CacheLoader<K, V> {

    /**
     * Loads a value.
     *
     * @param key the key
     * @return the value, shared by every caller that waits for it; {@code null} if there is none
     * @throws Exception if the value can't be had. What the loader itself throws is a failed load, its own timeouts and
     *     cancellations included
     */
    @Nullable
    V load(K key) throws Exception;

    /**
     * Loads a value, knowing what the cache holds. The cache calls this method; by default it calls {@link #load(Object)}.
     *
     * @param key the key
     * @param context what is known of the last value, and what may be decided about this one; valid until this call returns
     * @return the value; {@code null} if there is none
     * @throws Exception if the value can't be had
     */
    default @Nullable V load(K key, LoadContext<V> context) throws Exception {
        return load(key);
    }

    /**
     * Makes a loader that decides per value: time to live, ETag, whether to store at all.
     *
     * @param loader what loads
     * @param <K> the type of the keys
     * @param <V> the type of the values
     * @return the loader
     */
    static <K, V> CacheLoader<K, V> adaptive(Adaptive<K, V> loader) {
        return new AdaptiveLoader<>(loader);
    }

    /**
     * A load that knows its context.
     *
     * @param <K> the type of the keys
     * @param <V> the type of the values
     */
    @FunctionalInterface
    interface Adaptive<K, V> {

        /**
         * Loads a value.
         *
         * @param key the key
         * @param context what is known of the last value, and what may be decided about this one
         * @return the value; {@code null} if there is none
         * @throws Exception if the value can't be had
         */
        @Nullable
        V load(K key, LoadContext<V> context) throws Exception;
    }
}
