package dev.holdfast.cache.spi;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import java.time.InstantSource;

/**
 * Makes a store from settings. Found by {@link java.util.ServiceLoader}; needs a public constructor without parameters,
 * or a {@code provider} method. Which tiers are configured, and in which order they stand, is decided by the client; a
 * provider is asked only for a tier that is.
 */
public interface StoreProvider {

    /**
     * Returns the name of the tier that this provider makes.
     *
     * @return the name as in {@code CACHE_TIERS}: {@code cluster}, {@code single}, {@code upstash} or {@code memory}
     */
    String tier();

    /**
     * Makes the store. Connects to nothing: a server that is down does not fail this, nor make it wait.
     *
     * @param settings the settings; every variable of this tier is checked here
     * @return the store
     * @throws CacheConfigException if a setting is missing or malformed
     */
    CacheStore create(Settings settings);

    /**
     * Makes the store, to go by a clock where it is the store that keeps the time. By default like {@link #create(Settings)}.
     *
     * @param settings the settings
     * @param clock the clock
     * @return the store
     * @throws CacheConfigException if a setting is missing or malformed
     */
    default CacheStore create(Settings settings, InstantSource clock) {
        return create(settings);
    }
}
