package dev.holdfast.cache;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a client is, at one moment. Readiness is {@link #ready()}; liveness is no part of it, since no server's fault is a reason
 * to restart an application.
 *
 * @param status how well the configured tiers do
 * @param ready whether some tier answers
 * @param type the kind of the tier that answers now, as in {@link StoreHealth#type()}; if none does, of the first
 * @param distributed whether other processes see the same entries there
 * @param readYourWrites whether a read there sees this client's own earlier writes
 * @param time when this was taken
 * @param uptime how long the client has been open
 * @param operations what that tier has done since the client was opened
 * @param pool its connections
 * @param tiers every configured tier, in order; unmodifiable
 * @param notes remarks that want an operator's attention and belong to no single tier; {@code null} if there are none
 */
public record CacheHealth(
        Status status,
        boolean ready,
        String type,
        boolean distributed,
        boolean readYourWrites,
        Instant time,
        Duration uptime,
        OperationStats operations,
        PoolHealth pool,
        List<TierHealth> tiers,
        @Nullable String notes) {

    /** How well the configured tiers do. */
    public enum Status {
        /**
         * Servers were switched off ({@code CACHE_ENABLED=false}, or {@code REDIS_ENABLED=false} with a server configured); this
         * process's memory answers.
         */
        DISABLED,
        /** The first configured tier answers. */
        HEALTHY,
        /** A lower tier answers that other processes see too. */
        DEGRADED,
        /** Servers are configured, and only this process's memory answers, or nothing does. */
        CRITICAL
    }

    /** Checks and copies. */
    public CacheHealth {
        Objects.requireNonNull(status, "status");
        Objects.requireNonNull(type, "type");
        tiers = List.copyOf(tiers);
    }
}
