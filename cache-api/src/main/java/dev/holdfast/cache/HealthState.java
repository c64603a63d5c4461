package dev.holdfast.cache;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** What is known of a store or a server. */
public enum HealthState {
    /** The last that was heard of it is that it serves. */
    UP,
    /** It does not answer, or says that it can't serve. */
    DOWN,
    /** Nobody has looked at it yet. */
    UNKNOWN;

    /**
     * Sums up what a store has seen of its server, for implementations.
     *
     * @param operations its operations
     * @param failedProbes probes failed in a row
     * @param lastProbe when it was last probed; {@code null} if never
     * @return {@link #UP} only if it has answered at least once
     */
    public static HealthState of(OperationStats operations, int failedProbes, @Nullable Instant lastProbe) {
        if (failedProbes > 0) {
            return DOWN;
        }
        if (lastProbe != null || operations.successful() > 0) {
            return UP;
        }
        return operations.failed() > 0 ? DOWN : UNKNOWN;
    }
}
