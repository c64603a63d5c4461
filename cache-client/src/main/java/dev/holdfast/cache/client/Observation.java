package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.ServiceLoader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The observers of one client. Neither their faults nor their absence is any of the client's concern. */
final class Observation implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Observation.class);
    private static final String ENABLED = "REDIS_MONITORING_ENABLED";

    private final Deque<AutoCloseable> observing = new ArrayDeque<>();
    private boolean closed;

    /** Shows the client to whoever is there, if the settings want that: otherwise no class of an observer is loaded. */
    void begin(CacheClient client, Settings settings) {
        if (!settings.flag(ENABLED, false)) {
            return;
        }
        begin(client, settings, ServiceLoader.load(ClientObserver.class, CacheClient.class.getClassLoader()));
        if (isIdle()) {
            LOG.warn("{} is true, but nothing observes {}: add dev.holdfast:holdfast-cache-monitor", ENABLED, client);
        }
    }

    void begin(CacheClient client, Settings settings, Iterable<ClientObserver> observers) {
        try {
            for (ClientObserver observer : observers) {
                add(observer.opened(client, settings));
            }
        } catch (CacheConfigException e) {
            throw e;
        } catch (Throwable e) {
            // Also what a service loader throws of a class that can't be had.
            LOG.warn("An observer of the cache client {} does not start; the client works without", client.name(), e);
        }
    }

    private synchronized boolean isIdle() {
        return observing.isEmpty();
    }

    private void add(AutoCloseable observer) {
        synchronized (this) {
            if (!closed) {
                observing.push(observer);
                return;
            }
        }
        end(observer);
    }

    /** Ends all, the last first. */
    @Override
    public void close() {
        Deque<AutoCloseable> ending;
        synchronized (this) {
            closed = true;
            ending = new ArrayDeque<>(observing);
            observing.clear();
        }
        ending.forEach(Observation::end);
    }

    private static void end(AutoCloseable observer) {
        try {
            observer.close();
        } catch (Exception | LinkageError e) {
            LOG.warn("an observer did not end well", e);
        }
    }
}
