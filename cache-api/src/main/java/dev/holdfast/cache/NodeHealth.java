package dev.holdfast.cache;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One server of a store.
 *
 * @param address {@code host:port}
 * @param role {@code master}, {@code replica}, or {@code unknown} of a cluster's node that nobody has reached yet
 * @param state whether it answers
 * @param failureCount probes failed in a row
 * @param lastHealthCheck when it was last probed; {@code null} if never
 * @param pool its connections
 * @param slots how many hash slots of a cluster it serves; 0 for a replica and outside a cluster
 */
public record NodeHealth(
        String address,
        String role,
        HealthState state,
        int failureCount,
        @Nullable Instant lastHealthCheck,
        PoolHealth pool,
        int slots) {

    /**
     * Says whether it answers.
     *
     * @return whether it does; {@code false} also if nobody has looked at it yet
     */
    public boolean healthy() {
        return state == HealthState.UP;
    }
}
