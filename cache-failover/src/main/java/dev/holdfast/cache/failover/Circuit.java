package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.TierHealth;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Opens and closes tiers, and says which one serves: the first that is closed. A tier that is opened, or fails again on its way
 * back, is fenced: its connections are reset, and probes that began before that do not bring it back. Its grace period doubles
 * each time it is opened within a minute after it came back, up to the interval of its health checks. Pure; guarded by the
 * owner of its {@link FailoverState}.
 */
final class Circuit {
    private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);

    /** A store that does not end a disconnection in so long does not end it. */
    private static final long FENCE_OVERDUE = TimeUnit.SECONDS.toNanos(10);

    private final FailoverConfig config;
    private final List<TierState> tiers;
    private final DirtyKeys keys;
    private final MemoryTier memory;
    private final Probes probes;
    private final List<Effect> effects;
    private int serving;

    Circuit(FailoverConfig config, DirtyKeys keys, Probes probes, List<Effect> effects) {
        this.config = config;
        this.tiers = keys.tiers;
        this.keys = keys;
        this.memory = keys.memory;
        this.probes = probes;
        this.effects = effects;
    }

    /** The first tier that admits calls; {@link FailoverState#NONE} if none does. */
    int serving() {
        return serving;
    }

    /** Takes a closed tier out and fences it; the next one serves. */
    void open(TierState tier, TierHealth.Reason reason, @Nullable Throwable cause, long now) {
        tier.mode = TierState.Mode.OPEN;
        tier.breaker.open();
        tier.since = now;
        tier.openedAt = now;
        tier.graceNanos = tier.wasBack && now - tier.backAt < MINUTE
                ? Math.min(2 * tier.graceNanos, Math.max(tier.healthCheckNanos, tier.graceNanos))
                : config.gracePeriod().toNanos();
        tier.reason = reason;
        tier.openedBy = cause;
        tier.stamp++;
        tier.failuresInARow = 0;
        tier.goodProbes = 0;
        tier.drains = 0;
        tier.reconciled = 0;
        probes.opened(tier);
        tier.reconnectedToLook = false;
        tier.suspicion = null;
        tier.suspectedBy = null;
        tier.contradictions = 0;
        fence(tier, cause == null ? new IllegalStateException("the tier was opened: " + reason) : cause, now);
        int next = firstClosed();
        effects.add(new Effect.Opened(tier.index, reason, cause, next));
        serve(next, reason, 0, 0);
    }

    /** Opens a tier that did not answer when the composite started. */
    void startedWithout(int index, Throwable cause, long now) {
        TierState tier = tiers.get(index);
        if (tier.closed()) {
            if (cause instanceof CacheUnavailableException failure) {
                tier.lastFailure = failure;
                tier.lastFailureAt = now;
            }
            open(tier, TierHealth.Reason.PROBE, cause, now);
        }
    }

    /** Takes a tier out until {@link Reconciliation#forceFailback}. */
    void forceFailover(int index, long now) {
        TierState tier = tiers.get(index);
        tier.held = true;
        if (tier.closed()) {
            open(tier, TierHealth.Reason.FORCED, null, now);
        }
    }

    /** A tier that was on its way back failed: it starts over. */
    void relapse(TierState tier, Throwable cause, long now) {
        tier.mode = TierState.Mode.OPEN;
        tier.breaker.open();
        tier.since = now;
        tier.goodProbes = 0;
        tier.drains = 0;
        probes.soon(tier, now);
        fence(tier, cause, now);
    }

    /** Lets a tier connect anew: its name may lead to another server by now. */
    void reconnect(TierState tier, Throwable cause) {
        effects.add(new Effect.Disconnect(tier.index, cause, 0));
    }

    private void fence(TierState tier, Throwable cause, long now) {
        effects.add(new Effect.Disconnect(tier.index, cause, tier.fences + 1));
        tier.fences++;
        tier.fencing = true;
        tier.fenceDueAt = now + FENCE_OVERDUE;
    }

    /** Gives up a fence of which nothing is heard: its store does not end it, or nobody could be had to begin it. */
    void tick(TierState tier, long now) {
        if (tier.fencing && now - tier.fenceDueAt >= 0) {
            fenced(tier, false, now);
        }
    }

    /**
     * A tier was disconnected for a fence, unless that was given up.
     *
     * @param reset whether its connections were reset: then nothing that was sent on them before will be applied, unless
     *     something buffers
     */
    void fenced(Effect.Disconnect work, boolean reset, long now) {
        TierState tier = tiers.get(work.tier());
        if (tier.fencing && work.fence() == tier.fences) {
            fenced(tier, reset, now);
        }
    }

    private void fenced(TierState tier, boolean reset, long now) {
        tier.fencing = false;
        tier.fencedAt = now;
        probes.soon(tier, now);
        keys.mayHaveForgotten(tier);
        if (reset && !tier.buffered) {
            tier.dirty.settle();
        }
    }

    /** An open tier answers its probes: it is on its way back. */
    void recover(TierState tier, long now) {
        tier.mode = TierState.Mode.RECOVERING;
        tier.breaker.recover();
        tier.since = now;
        tier.firstGoodAt = now;
        tier.goodProbes = 0;
    }

    /** Lets a reconciled tier admit calls again. */
    void close(TierState tier, long now) {
        long outage = now - tier.openedAt;
        tier.mode = TierState.Mode.CLOSED;
        tier.breaker.close();
        tier.wasBack = true;
        tier.backAt = now;
        tier.since = now;
        tier.skipGrace = false;
        tier.lastAnswerAt = now;
        stampBelow(tier);
        effects.add(new Effect.Closed(tier.index, outage, tier.reconciled));
        serve(firstClosed(), null, outage, tier.reconciled);
    }

    private int firstClosed() {
        for (TierState tier : tiers) {
            if (tier.closed()) {
                return tier.index;
            }
        }
        return FailoverState.NONE;
    }

    private void serve(int next, TierHealth.@Nullable Reason reason, long outage, long reconciled) {
        if (next == serving) {
            return;
        }
        effects.add(new Effect.Switched(serving, next, reason, outage, reconciled));
        int before = serving;
        serving = next;
        if (next != FailoverState.NONE) {
            TierState now = tiers.get(next);
            if (now.outdated) {
                now.periods++;
                now.outdated = false;
            }
            tiers.subList(next + 1, tiers.size()).forEach(tier -> tier.outdated = true);
        }
        memory.switched(before);
    }

    /** What is under way below may have come there because of this tier, which is different now. */
    void stampBelow(TierState tier) {
        for (int i = tier.index + 1; i < tiers.size(); i++) {
            tiers.get(i).stamp++;
        }
    }
}
