package dev.holdfast.cache;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One server of a store.
 *
 * @param address {@code host:port}
 * @param role {@code master} or {@code replica}
 * @param healthy whether it answers its probes
 * @param failureCount probes failed in a row
 * @param lastHealthCheck when it was last probed; {@code null} if never
 * @param pool its connections
 * @param slots how many hash slots of a cluster it serves; 0 for a replica and outside a cluster
 */
public record NodeHealth(
        String address,
        String role,
        boolean healthy,
        int failureCount,
        @Nullable Instant lastHealthCheck,
        PoolHealth pool,
        int slots) {}
