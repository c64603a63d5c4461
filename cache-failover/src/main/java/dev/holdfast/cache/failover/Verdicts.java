package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * What calls and probes say about a tier. Failures in a row and too many failed or slow calls of the last 20 open it; a refusal,
 * a call that hangs and a single failure only lead to a probe, whose failure opens it. An exhausted pool, a shard that is out, a
 * caller who was interrupted and what was found while this process stood still open nothing. A tier that is out comes
 * back only by probes that began after its fence. Pure; guarded by the owner of its {@link FailoverState}.
 */
final class Verdicts {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final FailoverConfig config;
    private final List<TierState> tiers;
    private final Probes probes;
    private final Circuit circuit;
    private final Reconciliation reconciliation;

    Verdicts(
            FailoverConfig config,
            List<TierState> tiers,
            Probes probes,
            Circuit circuit,
            Reconciliation reconciliation) {
        this.config = config;
        this.tiers = tiers;
        this.probes = probes;
        this.circuit = circuit;
        this.reconciliation = reconciliation;
    }

    /**
     * Counts a failed call.
     *
     * @param answers how many calls the tier has answered so far: if that grew, failures are no longer in a row
     */
    void failed(int index, CacheUnavailableException failure, long answers, long now) {
        TierState tier = tiers.get(index);
        tier.lastFailure = failure;
        tier.lastFailureAt = now;
        if (!tier.remote || !tier.closed()) {
            return;
        }
        boolean recentlyFine = !tier.probing
                && tier.refusedAt != 0
                && tier.lastProbeAt - tier.refusedAt > 0
                && now - tier.refusedAt < SECOND;
        if (!failure.reason().counts() || (failure.reason() == Reason.SERVER_STATE && !recentlyFine)) {
            tier.refusedAt = now;
            // A probe tells a healthy server that refuses this call from one that refuses all.
            if (failure.reason() != Reason.PARTIAL && failure.reason() != Reason.DISCONNECTED) {
                probes.want(tier, now);
            }
            return;
        }
        tier.failuresInARow = answers == tier.answersAtFailure ? tier.failuresInARow + 1 : 1;
        tier.answersAtFailure = answers;
        tier.breaker.failed(failure);
        if (tier.failuresInARow >= config.maxFailures() || tier.breaker.tripped()) {
            circuit.open(tier, FailoverReason.FAILURES, failure, now);
        } else {
            probes.want(tier, now);
        }
    }

    /** Takes in what a tier's calls did since the last tick. */
    void observed(int index, long answers, long slow, boolean suspect, long now) {
        TierState tier = tiers.get(index);
        if (answers > 0) {
            tier.lastAnswerAt = now;
        }
        if (!tier.remote || !tier.closed()) {
            return;
        }
        if (answers > 0) {
            tier.breaker.answered(answers, Math.min(slow, answers));
            if (tier.breaker.tripped()) {
                circuit.open(tier, tier.breaker.slow() ? FailoverReason.SLOW : FailoverReason.FAILURES, null, now);
                return;
            }
        }
        if (suspect) {
            if (!tier.probing) {
                probes.want(tier, now);
            }
            tier.suspected = tier.probing;
        }
    }

    /** A probe was answered. */
    void probed(int index, long startedAt, ProbeResult result, long now) {
        TierState tier = tiers.get(index);
        tier.probing = false;
        tier.suspected = false;
        tier.lookedTwice = false;
        tier.lastProbeAt = now;
        if (result.wentBack()) {
            reconciliation.wentBack(tier, now); // said once, so it counts whichever connection it came from
        }
        if (!tier.closed() && (tier.fencing || startedAt - tier.fencedAt < 0)) {
            probes.soon(tier, now); // it may have used a connection from before
            return;
        }
        if (tier.recent != null) {
            tier.recent.probed();
        }
        tier.took(now - startedAt);
        tier.lastAnswerAt = now;
        if (result.writable() && tier.pinged) {
            tier.pinged = false;
            tier.notes = null;
        } else if (!result.writable() && !tier.pinged) {
            tier.pinged = true;
            // The store has said so in the log, with the rule that is missing.
            tier.notes = "the probe may not write its canary: only pinged";
        }
        if (tier.closed()) {
            return;
        }
        if (tier.mode == TierState.Mode.OPEN) {
            circuit.recover(tier, now);
        }
        tier.goodProbes++;
        probes.soon(tier, now);
        reconciliation.reconcileIfDue(tier, now);
    }

    /**
     * A probe got no answer, or one that says that the server can't serve.
     *
     * @param onTime whether this process ran all the while: after a pause of its own the verdict is void
     */
    void probeFailed(int index, long startedAt, CacheUnavailableException failure, boolean onTime, long now) {
        TierState tier = tiers.get(index);
        boolean suspected = tier.suspected;
        tier.probing = false;
        tier.suspected = false;
        tier.lastProbeAt = now;
        tier.lastFailure = failure;
        tier.lastFailureAt = now;
        if (!tier.closed()) {
            if (tier.mode == TierState.Mode.RECOVERING) {
                circuit.relapse(tier, failure, now);
            } else {
                probes.later(tier, now);
            }
            return;
        }
        if (startedAt - tier.fencedAt < 0 && tier.fencedAt != 0) {
            return;
        }
        if (!onTime) {
            tier.suspected = suspected;
            probes.send(tier, now);
            return;
        }
        switch (failure.reason()) {
            case SATURATED, PARTIAL, DISCONNECTED -> {}
            case SERVER_STATE -> {
                if (tier.lookedTwice) {
                    circuit.open(tier, FailoverReason.PROBE, failure, now);
                } else {
                    tier.lookedTwice = true;
                    circuit.reconnect(tier, failure);
                    probes.send(tier, now);
                }
            }
            case TIMEOUT -> circuit.open(tier, suspected ? FailoverReason.FROZEN : FailoverReason.PROBE, failure, now);
            case CONNECTION, REFUSED -> circuit.open(tier, FailoverReason.PROBE, failure, now);
        }
    }
}
