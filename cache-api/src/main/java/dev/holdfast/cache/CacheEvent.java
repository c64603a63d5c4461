package dev.holdfast.cache;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Something that happened in a client: to one of its tiers, or in one of its caches. Listeners choose a type of it, or this one for all. Keys are
 * as in the store, without the store's prefix. Immutable.
 */
public sealed interface CacheEvent {

    /**
     * A tier no longer admits calls.
     *
     * @param tier its name
     * @param reason why
     * @param cause what showed it; {@code null} if nothing was thrown
     */
    record TierLost(
            String tier, TierHealth.Reason reason, @Nullable Throwable cause) implements CacheEvent {}

    /**
     * A tier admits calls again: it answered its probes, and what it had missed was entered.
     *
     * @param tier its name
     */
    record TierBack(String tier) implements CacheEvent {}

    /**
     * Calls go to a lower tier from now on.
     *
     * @param from the tier that served
     * @param to the one that serves now; {@code null} if none is left
     * @param reason why the former was opened
     */
    record FailedOver(String from, @Nullable String to, TierHealth.Reason reason) implements CacheEvent {}

    /**
     * Calls go to a higher tier again.
     *
     * @param from the tier that served; {@code null} if there was none
     * @param to the one that serves now
     * @param outage how long that had been open
     * @param dirtyKeys how many keys, counters and prefixes were reconciled before it served
     */
    record FailedBack(@Nullable String from, String to, Duration outage, long dirtyKeys) implements CacheEvent {}

    /**
     * The changes that a tier had missed could not be entered. It stays open, the record is kept, and the next try follows.
     *
     * @param tier its name
     * @param cause what went wrong
     */
    record ReconciliationFailed(String tier, Throwable cause) implements CacheEvent {}

    /**
     * A loader failed.
     *
     * @param cache the cache's name
     * @param key the key; of a bulk load there is an event for each
     * @param cause what it threw
     */
    record LoadFailed(String cache, String key, Throwable cause) implements CacheEvent {}

    /**
     * A load did not end within its lease.
     *
     * @param cache the cache's name
     * @param key the key
     */
    record LeaseExpired(String cache, String key) implements CacheEvent {}

    /**
     * A stale value stood in for a load that failed, or that took longer than its caller waits.
     *
     * @param cache the cache's name
     * @param key the key
     */
    record StaleServed(String cache, String key) implements CacheEvent {}

    /**
     * A store did not do what a cache asked.
     *
     * @param cache the cache's name
     * @param operation {@code get}, {@code put}, {@code remove} …
     * @param cause what it threw
     */
    record StoreFailed(String cache, String operation, CacheException cause) implements CacheEvent {}

    /**
     * An entry could not be read and counts as absent.
     *
     * @param cache the cache's name
     * @param key the key
     * @param why what is wrong with it
     */
    record EntryUnreadable(String cache, String key, String why) implements CacheEvent {}
}
