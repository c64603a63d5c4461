package dev.holdfast.cache;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One tier of a failover composite.
 *
 * @param name the tier's name: {@code cluster}, {@code single}, {@code upstash}, {@code memory}, or as given in code
 * @param state {@code CLOSED} (admits calls), {@code OPEN} (out), {@code RECOVERING} (answers its probes, waits for the
 *     grace period or is being reconciled)
 * @param serving whether calls go to it now: it is the first that admits them
 * @param since when it came into this state
 * @param reason why it was last opened: {@code FAILURES}, {@code SLOW}, {@code FROZEN}, {@code PROBE}, {@code FORCED};
 *     {@code null} if never
 * @param failureRate the share of its last 20 calls that failed, 0 to 1; of those it has had, if they are fewer since it
 *     last came into service
 * @param lastFailure the last failure's message; {@code null} if there was none
 * @param lastFailureAt when that was
 * @param dirtyKeys keys that must be removed there before it serves them again
 * @param dirtyPrefixes the same, by prefix
 * @param dirtyCounters counters with increments that have yet to be added there
 * @param overflowed whether the record of changes ran over and was replaced by whole prefixes
 * @param notes remarks that want an operator's attention, such as {@code wentBack}; {@code null} if there are none
 * @param store what the store itself says
 */
public record TierHealth(
        String name,
        String state,
        boolean serving,
        Instant since,
        @Nullable String reason,
        double failureRate,
        @Nullable String lastFailure,
        @Nullable Instant lastFailureAt,
        int dirtyKeys,
        int dirtyPrefixes,
        int dirtyCounters,
        boolean overflowed,
        @Nullable String notes,
        StoreHealth store) {}
