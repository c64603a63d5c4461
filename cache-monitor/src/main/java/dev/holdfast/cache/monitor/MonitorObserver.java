package dev.holdfast.cache.monitor;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.ClientObserver;

/** Starts a {@link Monitor} with each client where {@code REDIS_MONITORING_ENABLED} is true. */
public final class MonitorObserver implements ClientObserver {
    /** For {@link java.util.ServiceLoader}. */
    public MonitorObserver() {}

    @Override
    public AutoCloseable opened(CacheClient client, Settings settings) {
        return Monitor.start(client, settings);
    }
}
