package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;

/**
 * Is shown each client that is opened, to watch it until it is closed. Found by {@link java.util.ServiceLoader}, and looked for only if
 * {@code REDIS_MONITORING_ENABLED} is true; needs a public constructor without parameters, or a {@code provider} method.
 */
public interface ClientObserver {

    /**
     * A client was opened. Called on the thread that opens it, which waits.
     *
     * @param client the client, open
     * @param settings what it was opened with
     * @return what is closed before the client's tiers are; may be called several times and from any thread
     * @throws CacheConfigException if a setting of the observer's is missing or malformed, or the start is strict and the observer can't do its
     *     work: the client does not open. Whatever else is thrown is logged, and the client works unobserved
     */
    AutoCloseable opened(CacheClient client, Settings settings);
}
