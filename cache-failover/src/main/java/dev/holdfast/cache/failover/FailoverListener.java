package dev.holdfast.cache.failover;

import dev.holdfast.cache.TierHealth;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Hears which tiers are lost, are back, and where calls go. Called on a thread of the composite's, never on a caller's, one event after the other in
 * the order they happened; a slow listener delays later events and nothing else. What it throws is logged and ignored.
 */
public interface FailoverListener {

    /**
     * A tier no longer admits calls.
     *
     * @param tier its name
     * @param reason why
     * @param cause what showed it; {@code null} if nothing was thrown
     */
    default void tierOpened(String tier, TierHealth.Reason reason, @Nullable Throwable cause) {}

    /**
     * A tier admits calls again: it answered its probes and was reconciled.
     *
     * @param tier its name
     */
    default void tierClosed(String tier) {}

    /**
     * Calls go to a lower tier from now on.
     *
     * @param from the tier that served
     * @param to the one that serves now; {@code null} if none is left
     * @param reason why the former was opened
     */
    default void failover(String from, @Nullable String to, TierHealth.Reason reason) {}

    /**
     * Calls go to a higher tier again.
     *
     * @param from the tier that served; {@code null} if there was none
     * @param to the one that serves now
     * @param outage how long that had been open
     * @param dirtyKeys how many keys, counters and prefixes were reconciled before it served
     */
    default void failback(@Nullable String from, String to, Duration outage, long dirtyKeys) {}

    /**
     * The changes that a tier had missed could not be entered. It stays open, the record is kept, and the next try follows.
     *
     * @param tier its name
     * @param cause what went wrong
     */
    default void reconciliationFailed(String tier, Throwable cause) {}
}
