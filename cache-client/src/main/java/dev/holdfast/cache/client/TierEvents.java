package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheEvent.FailedBack;
import dev.holdfast.cache.CacheEvent.FailedOver;
import dev.holdfast.cache.CacheEvent.ReconciliationFailed;
import dev.holdfast.cache.CacheEvent.TierBack;
import dev.holdfast.cache.CacheEvent.TierLost;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.failover.FailoverListener;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Makes events of what a composite says of its tiers. */
record TierEvents(Events events) implements FailoverListener {

    @Override
    public void tierOpened(String tier, TierHealth.Reason reason, @Nullable Throwable cause) {
        events.tell(TierLost.class, () -> new TierLost(tier, reason, cause));
    }

    @Override
    public void tierClosed(String tier) {
        events.tell(TierBack.class, () -> new TierBack(tier));
    }

    @Override
    public void failover(String from, @Nullable String to, TierHealth.Reason reason) {
        events.tell(FailedOver.class, () -> new FailedOver(from, to, reason));
    }

    @Override
    public void failback(@Nullable String from, String to, Duration outage, long dirtyKeys) {
        events.tell(FailedBack.class, () -> new FailedBack(from, to, outage, dirtyKeys));
    }

    @Override
    public void reconciliationFailed(String tier, Throwable cause) {
        events.tell(ReconciliationFailed.class, () -> new ReconciliationFailed(tier, cause));
    }
}
