package dev.holdfast.cache.client;

import java.util.Collection;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/** Tells listeners of the caches of one client. */
final class ClientListeners implements AutoCloseable {
    private final ListenerList<ClientListener> listeners = new ListenerList<>("a client listener");
    private final AtomicBoolean closed = new AtomicBoolean();

    /** Adds a listener, which is told of the caches that are open, until what is returned is run. */
    Runnable add(ClientListener listener, Supplier<Collection<CacheEngine<?, ?>>> open) {
        Runnable end = listeners.add(listener);
        // Asked for after the listener stands in the list: whoever opens a cache meanwhile tells it, or is among these,
        // or both.
        open.get().forEach(cache -> listeners.tell(listener, each -> opened(each, cache)));
        return end;
    }

    void opened(CacheEngine<?, ?> cache) {
        listeners.tell(each -> opened(each, cache));
    }

    /** Whoever closes a cache marks it before it tells: so one of the two sees the other, and closing is told last. */
    private static void opened(ClientListener listener, CacheEngine<?, ?> cache) {
        listener.cacheOpened(cache, cache.figures());
        if (cache.isClosed()) {
            listener.cacheClosed(cache);
        }
    }

    void closed(CacheEngine<?, ?> cache) {
        listeners.tell(each -> each.cacheClosed(cache));
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            listeners.tell(ClientListener::clientClosed);
        }
    }
}
