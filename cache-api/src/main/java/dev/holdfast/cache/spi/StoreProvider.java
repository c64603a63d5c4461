package dev.holdfast.cache.spi;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import java.time.InstantSource;

/**
 * Makes a store from settings. Found by {@link java.util.ServiceLoader}; needs a public constructor without parameters,
 * or a {@code provider} method. Tiers stand as {@code CACHE_TIERS} names them; where that is not set, the client knows when {@code cluster},
 * {@code single} and {@code upstash} are configured, and each other provider says so itself: its tier comes after those, and before {@code memory}. A store
 * is made of none but the tiers that are wanted.
 */
public interface StoreProvider {

    /**
     * Returns the name of the tier that this provider makes.
     *
     * @return the name as in {@code CACHE_TIERS}: {@code cluster}, {@code single}, {@code upstash}, {@code memory}, or one of your own
     */
    String tier();

    /**
     * Says whether settings ask for this tier though {@code CACHE_TIERS} names none. Not asked of the providers of {@code cluster}, {@code single},
     * {@code upstash} and {@code memory}, nor while {@code CACHE_ENABLED} is {@code false}. By default {@code false}: the tier has to be named.
     *
     * @param settings the settings
     * @return whether they do
     * @throws CacheConfigException if a setting that decides is malformed
     */
    default boolean isConfigured(Settings settings) {
        return false;
    }

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
