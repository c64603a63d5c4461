package dev.holdfast.cache.spi;

import dev.holdfast.cache.CacheConfigException;

/**
 * A configuration that can open its store: what a client's builder takes for a tier. Those of the stores that come with this library implement it; so may
 * those of others.
 */
public interface StoreConfig {

    /**
     * Returns the name that the tier has where none is given.
     *
     * @return the name, as in health: {@code cluster}, {@code single}, {@code upstash}
     */
    String tier();

    /**
     * Says whether something between this process and the server (a proxy, an HTTP edge, a socket of the file system) may hold a command back and deliver it
     * although our connection was closed. A tier of it is watched accordingly.
     *
     * @return whether a command may arrive that late; {@code false} unless overridden
     */
    default boolean buffered() {
        return false;
    }

    /**
     * Opens the store. Connects to nothing: a server that is down does not fail this, nor make it wait.
     *
     * @param client a name for connections that have none of their own: printable ASCII without blanks
     * @param keyPrefix what stands before every key, if the configuration has no prefix of its own
     * @return the store, the caller's from now on
     * @throws CacheConfigException if something is missing that only shows here, as a file that can't be read
     */
    CacheStore open(String client, KeyPrefix keyPrefix);
}
