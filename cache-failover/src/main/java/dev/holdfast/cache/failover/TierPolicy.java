package dev.holdfast.cache.failover;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What is particular to one tier. Start from {@link #DEFAULT} and derive with the withers. Immutable. */
public final class TierPolicy {
    /** The composite's health check interval, probes of at least 200 ms, nothing that buffers in between. */
    public static final TierPolicy DEFAULT = new TierPolicy(null, Duration.ofMillis(200), false);

    private final @Nullable Duration healthCheckInterval;
    private final Duration minProbeTimeout;
    private final boolean buffered;

    private TierPolicy(@Nullable Duration healthCheckInterval, Duration minProbeTimeout, boolean buffered) {
        this.healthCheckInterval =
                healthCheckInterval == null ? null : Bounds.positive("healthCheckInterval", healthCheckInterval);
        this.minProbeTimeout = Bounds.positive("minProbeTimeout", minProbeTimeout);
        this.buffered = buffered;
    }

    /**
     * Derives one with another interval between health checks.
     *
     * @param value how long the tier may be without a call before it is probed, and the longest time between two probes
     *     of it while it is open; positive
     * @return the derived policy
     */
    public TierPolicy withHealthCheckInterval(Duration value) {
        return new TierPolicy(Objects.requireNonNull(value, "healthCheckInterval"), minProbeTimeout, buffered);
    }

    /**
     * Derives one with another least time for probes.
     *
     * @param value the shortest time a probe is given, positive; four times the median of the last ones, up to 1.5 seconds, if
     *     that is longer. While the tier is out it is two seconds at least
     * @return the derived policy
     */
    public TierPolicy withMinProbeTimeout(Duration value) {
        return new TierPolicy(healthCheckInterval, value, buffered);
    }

    /**
     * Derives one with another assumption about what lies between.
     *
     * @param value whether something between this process and the server (a proxy, an HTTP edge, a socket of the file system) may hold
     *     a command back and deliver it although our connection was closed
     * @return the derived policy
     */
    public TierPolicy withBuffered(boolean value) {
        return new TierPolicy(healthCheckInterval, minProbeTimeout, value);
    }

    /** Returns the interval between health checks; empty for the composite's. */
    public Optional<Duration> healthCheckInterval() {
        return Optional.ofNullable(healthCheckInterval);
    }

    /** Returns the least time a probe is given. */
    public Duration minProbeTimeout() {
        return minProbeTimeout;
    }

    /** Says whether something in between may deliver a command after its connection was closed. */
    public boolean buffered() {
        return buffered;
    }

    @Override
    public String toString() {
        return "TierPolicy[healthCheckInterval=" + (healthCheckInterval == null ? "default" : healthCheckInterval)
                + ", minProbeTimeout=" + minProbeTimeout + ", buffered=" + buffered + ']';
    }
}
