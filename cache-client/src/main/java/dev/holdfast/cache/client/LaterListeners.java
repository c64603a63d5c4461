package dev.holdfast.cache.client;

import dev.holdfast.cache.failover.FailoverListener;
import dev.holdfast.cache.failover.FailoverReason;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells listeners that came after the composite was built. They share a thread with each other, and with no listener from before. */
final class LaterListeners implements FailoverListener {
    private static final Logger LOG = LoggerFactory.getLogger(LaterListeners.class);

    private final List<Place> places = new CopyOnWriteArrayList<>();

    /** Of one listener, compared by identity: the listener's {@code equals} is foreign. */
    private static final class Place {
        final FailoverListener listener;

        Place(FailoverListener listener) {
            this.listener = listener;
        }
    }

    /** Adds a listener, until what is returned is run. */
    Runnable add(FailoverListener listener) {
        Place place = new Place(listener);
        places.add(place);
        return () -> places.remove(place);
    }

    private void tell(Consumer<FailoverListener> event) {
        for (Place place : places) {
            try {
                event.accept(place.listener);
            } catch (RuntimeException | LinkageError e) {
                LOG.warn("a failover listener failed", e);
            }
        }
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
