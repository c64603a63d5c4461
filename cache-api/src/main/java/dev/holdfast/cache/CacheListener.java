package dev.holdfast.cache;

/**
 * Is told what goes wrong in a cache. Called on a thread of the client's, in order, never on a caller's path; what it
 * throws is logged. When it is slower than the events come, events are dropped, and the log says so. Keys are as in the store, without
 * the store's prefix.
 */
public interface CacheListener {

    /** A listener that ignores everything. */
    CacheListener NONE = new CacheListener() {};

    /**
     * A loader failed.
     *
     * @param cache the cache's name
     * @param key the key; of a bulk load, each
     * @param cause what it threw
     */
    default void loadFailed(String cache, String key, Throwable cause) {}

    /**
     * A load did not end within its lease.
     *
     * @param cache the cache's name
     * @param key the key
     */
    default void leaseExpired(String cache, String key) {}

    /**
     * A store did not do what a cache asked.
     *
     * @param cache the cache's name
     * @param operation {@code get}, {@code put}, {@code remove} …
     * @param cause what it threw
     */
    default void storeFailed(String cache, String operation, CacheException cause) {}

    /**
     * An entry could not be read and counts as absent.
     *
     * @param cache the cache's name
     * @param key the key
     * @param why what is wrong with it
     */
    default void entryUnreadable(String cache, String key, String why) {}
}
