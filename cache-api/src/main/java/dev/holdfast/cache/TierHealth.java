package dev.holdfast.cache;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One tier of a failover composite.
 *
 * @param name the tier's name: {@code cluster}, {@code single}, {@code upstash}, {@code memory}, or as given in code
 * @param state whether it admits calls
 * @param serving whether calls go to it now: it is the first that admits them
 * @param since when it came into this state
 * @param reason why it was last opened; {@code null} if never
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
        State state,
        boolean serving,
        Instant since,
        @Nullable Reason reason,
        double failureRate,
        @Nullable String lastFailure,
        @Nullable Instant lastFailureAt,
        int dirtyKeys,
        int dirtyPrefixes,
        int dirtyCounters,
        boolean overflowed,
        @Nullable String notes,
        StoreHealth store) {

    /** Whether a tier admits calls, in the words of circuit breakers. */
    public enum State {
        /** Admits calls. */
        CLOSED,
        /** Out. */
        OPEN,
        /** Answers its probes, and waits for the grace period or is being reconciled. */
        RECOVERING
    }

    /** Why a tier was opened. */
    public enum Reason {
        /** Too many calls failed: several in a row, or half of the last 20. */
        FAILURES,
        /** Most of the last 20 calls were answered slowly. */
        SLOW,
        /** Calls got no answer, and a probe sent because of that got none either. */
        FROZEN,
        /** A probe failed: the server is away, or in a state in which it can't serve. */
        PROBE,
        /** An operator took it out. */
        FORCED
    }
}
