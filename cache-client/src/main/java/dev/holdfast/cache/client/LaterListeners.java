package dev.holdfast.cache.client;

import dev.holdfast.cache.failover.FailoverListener;
import dev.holdfast.cache.failover.FailoverReason;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Tells listeners that came after the composite was built. They share a thread with each other, and with no listener from before. */
final class LaterListeners implements FailoverListener {
    private final ListenerList<FailoverListener> listeners = new ListenerList<>("a failover listener");

    /** Adds a listener, until what is returned is run. */
    Runnable add(FailoverListener listener) {
        return listeners.add(listener);
    }

    private void tell(Consumer<FailoverListener> event) {
        listeners.tell(event);
    }

    @Override
    public void tierOpened(String tier, FailoverReason reason, @Nullable Throwable cause) {
        tell(listener -> listener.tierOpened(tier, reason, cause));
    }

    @Override
    public void tierClosed(String tier) {
        tell(listener -> listener.tierClosed(tier));
    }

    @Override
    public void failover(String from, @Nullable String to, FailoverReason reason) {
        tell(listener -> listener.failover(from, to, reason));
    }

    @Override
    public void failback(@Nullable String from, String to, Duration outage, long dirtyKeys) {
        tell(listener -> listener.failback(from, to, outage, dirtyKeys));
    }

    @Override
    public void reconciliationFailed(String tier, Throwable cause) {
        tell(listener -> listener.reconciliationFailed(tier, cause));
    }
}
