package dev.holdfast.cache.failover;

import dev.holdfast.cache.TierHealth;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Whether a tier admits calls. One that is opened, or fails again on its way back, is fenced: its connections are reset, and probes
 * that began before that do not bring it back. Its grace period doubles each time it is opened within a minute after it came back,
 * up to the interval of its health checks. Pure; guarded by the owner of its {@link FailoverState}.
 */
final class Circuit {
    private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);

    /** A store that does not end a disconnection in so long does not end it. */
    private static final long FENCE_OVERDUE = TimeUnit.SECONDS.toNanos(10);

    private final TierState tier;
    private final Tiers tiers;
    private TierHealth.State mode = TierHealth.State.CLOSED;
    private long since;
    /** When it was opened last; meaningful once it was. */
    private long openedAt;

    private TierHealth.@Nullable Reason reason;
    private @Nullable Throwable openedBy;

    private boolean fencing;
    /** Which fence that is, and when its end is given up. */
    private int fences;

    private long fenceDueAt;
    /** When the last one ended; 0 if none has. */
    private long fencedAt;

    private int goodProbes;
    private long firstGoodAt;
    private long graceNanos;
    private boolean skipsGrace;
    private boolean held;
    private boolean wasBack;
    private long backAt;

    Circuit(TierState tier, Tiers tiers) {
        this.tier = tier;
        this.tiers = tiers;
        this.graceNanos = tiers.config.gracePeriod().toNanos();
    }

    TierHealth.State mode() {
        return mode;
    }

    /** Since when it is in this mode. */
    long since() {
        return since;
    }

    /** Why it was opened last; {@code null} if it never was. */
    TierHealth.@Nullable Reason reason() {
        return reason;
    }

    /** What it was opened by; {@code null} if by nothing that was thrown. */
    @Nullable
    Throwable openedBy() {
        return openedBy;
    }

    /** How long a tier that answers its probes is waited for. */
    long graceNanos() {
        return graceNanos;
    }

    /** Takes a closed tier out and fences it; the next one serves. */
    void open(TierHealth.Reason why, @Nullable Throwable cause, long now) {
        mode = TierHealth.State.OPEN;
        since = now;
        openedAt = now;
        graceNanos = wasBack && now - backAt < MINUTE
                ? Math.min(2 * graceNanos, Math.max(tier.healthCheckNanos, graceNanos))
                : tiers.config.gracePeriod().toNanos();
        reason = why;
        openedBy = cause;
        goodProbes = 0;
        tier.outdate();
        tier.detector.opened();
        tier.probes.opened();
        tier.reconciliation.opened();
        fence(cause == null ? new IllegalStateException("the tier was opened: " + why) : cause, now);
        tiers.add(new Effect.Opened(tier.index, why, cause, tiers.firstClosed()));
        tiers.serve(why, 0, 0);
    }

    /** Takes a tier out until it is {@linkplain #release released}. */
    void forceFailover(long now) {
        hold();
        if (tier.closed()) {
            open(TierHealth.Reason.FORCED, null, now);
        }
    }

    /** Keeps a tier out, or what is to be done there from being done, until an operator {@linkplain #release releases} it. */
    void hold() {
        held = true;
    }

    void release() {
        held = false;
    }

    boolean isHeld() {
        return held;
    }

    /** Has a tier come back as soon as it answers a probe and is reconciled. */
    void skipGrace() {
        skipsGrace = true;
    }

    /** A tier that was on its way back failed: it starts over. */
    void relapse(Throwable cause, long now) {
        mode = TierHealth.State.OPEN;
        since = now;
        goodProbes = 0;
        tier.reconciliation.startOver();
        tier.probes.soon(now);
        fence(cause, now);
    }

    private void fence(Throwable cause, long now) {
        fences++;
        tiers.add(new Effect.Disconnect(tier.index, cause, fences));
        fencing = true;
        fenceDueAt = now + FENCE_OVERDUE;
    }

    boolean isFencing() {
        return fencing;
    }

    /** Whether a fence is to be given up of which nothing is heard: its store does not end it, or nobody could be had to begin it. */
    boolean isFenceOverdue(long now) {
        return fencing && now - fenceDueAt >= 0;
    }

    /** Whether a disconnection is the fence that is under way. */
    boolean isFence(Effect.Disconnect work) {
        return fencing && work.fence() == fences;
    }

    /** The fence is over. */
    void fenced(long now) {
        fencing = false;
        fencedAt = now;
        tier.probes.soon(now);
    }

    /** Whether what began then may have used a connection from before the last fence. */
    boolean isFencedSince(long startedAt) {
        return fencing || (fencedAt != 0 && startedAt - fencedAt < 0);
    }

    /** A tier that is out answered a probe: it is on its way back. */
    void answered(long now) {
        if (mode == TierHealth.State.OPEN) {
            mode = TierHealth.State.RECOVERING;
            since = now;
            firstGoodAt = now;
            goodProbes = 0;
            tier.detector.forget();
        }
        goodProbes++;
    }

    /** Whether probes and time allow a tier that is out to admit calls, once it is reconciled. */
    boolean mayClose(long now) {
        if (mode != TierHealth.State.RECOVERING || fencing || held) {
            return false;
        }
        // While nothing answers at all, a server that does is better than waiting.
        if (skipsGrace || tiers.serving() == FailoverState.NONE) {
            return true;
        }
        return goodProbes >= tiers.config.probes() && now - firstGoodAt >= graceNanos;
    }

    /** Lets a reconciled tier admit calls again. */
    void close(long now) {
        long outage = now - openedAt;
        long reconciled = tier.reconciliation.reconciled();
        mode = TierHealth.State.CLOSED;
        wasBack = true;
        backAt = now;
        since = now;
        skipsGrace = false;
        tier.detector.forget();
        tier.probes.heard(now);
        tiers.outdateBelow(tier);
        tiers.add(new Effect.Closed(tier.index, outage, reconciled));
        tiers.serve(null, outage, reconciled);
    }
}
