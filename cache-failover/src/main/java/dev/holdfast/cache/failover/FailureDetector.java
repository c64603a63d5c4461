package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.TierHealth;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What calls and probes say about a tier. A verdict takes evidence about the server: what happens to calls (failures in a row,
 * too many failed or slow ones of the last 20, one that hangs, a refusal) makes a tier suspect and leads to a probe, and the
 * probe decides. One that fails opens the tier. One that began after the suspicion and is answered contradicts it: connections
 * and requests fail that the server knows nothing of, and that is their stores' business. Only calls that go on failing, or stay
 * slow, through {@link #OUTVOTED} such probes are believed against them; and where no probe was answered for {@link #UNHEARD},
 * the suspicion stands. An exhausted pool, a shard that is out, a caller who was interrupted and what was found while this process
 * stood still open nothing. A tier that is out comes back only by probes that began after its fence. Pure; guarded by the owner of
 * its {@link FailoverState}.
 */
final class FailureDetector {
    /** So many answered probes, each at least {@link #PERIOD} after the last, calls have to fail through to be believed. */
    static final int OUTVOTED = 3;
    /** Failed calls outvote probes only if there are so many of them for each answered one. */
    private static final int MOST = 3;
    /** A suspicion that no probe could decide for so long is confirmed. */
    static final long UNHEARD = TimeUnit.SECONDS.toNanos(1);
    /** A contradicted suspicion is not raised again for so long. */
    static final long PERIOD = TimeUnit.SECONDS.toNanos(1);
    /** Contradictions further apart than this have nothing to do with each other. */
    private static final long RELATED = TimeUnit.SECONDS.toNanos(10);
    /** A failed probe is void if this process stood still meanwhile, but not for ever: some machines always do. */
    private static final int VOID = 3;

    private final FailoverConfig config;
    private final List<TierState> tiers;
    private final Probes probes;
    private final Circuit circuit;
    private final Reconciliation reconciliation;

    FailureDetector(
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
                && now - tier.refusedAt < PERIOD;
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
        tier.failedSince++;
        tier.breaker.failed(failure);
        if (tier.failuresInARow >= config.maxFailures() || tier.breaker.tripped()) {
            suspect(tier, TierHealth.Reason.FAILURES, failure, now);
        } else {
            probes.want(tier, now);
        }
    }

    /** Calls give reason to think that a tier is gone: the next probe decides, unless enough of them were wrong about it. */
    private void suspect(TierState tier, TierHealth.Reason reason, @Nullable Throwable cause, long now) {
        boolean contradicted = tier.contradictions > 0;
        if (contradicted && now - tier.contradictedAt < PERIOD) {
            return;
        }
        boolean believed = reason == TierHealth.Reason.SLOW || tier.failedSince >= MOST * tier.answeredSince;
        if (contradicted && believed && now - tier.contradictedAt < RELATED && tier.contradictions >= OUTVOTED) {
            circuit.open(tier, reason, cause, now);
            return;
        }
        if (tier.suspicion == null || tier.suspicion == TierHealth.Reason.FROZEN) {
            tier.suspicion = reason;
            tier.suspectedAt = now;
            tier.undecided = 0;
        }
        tier.suspectedBy = cause;
        probes.want(tier, now);
    }

    /** Gives up a probe that hangs in its store, and confirms a suspicion that no probe could decide; for each tick. */
    void tick(TierState tier, long now) {
        if (probes.overdue(tier, now)) {
            // That its store, or this process, does not end a probe is no evidence about the server; only that none can
            // be had.
            tier.probing = false;
            tier.overdueProbes++;
            tier.undecided += tier.overdueProbes > 1 ? 1 : 0;
        }
        TierHealth.Reason suspicion = tier.suspicion;
        if (!tier.closed() || suspicion == null) {
            return;
        }
        boolean unheard = tier.undecided > 0 && !tier.probing && now - tier.suspectedAt >= UNHEARD;
        if (unheard && suspicion != TierHealth.Reason.FROZEN) {
            circuit.open(tier, suspicion, tier.suspectedBy, now);
        } else if (suspicion == TierHealth.Reason.FROZEN) {
            probes.wantOfHanging(tier, now);
        } else {
            probes.want(tier, now);
        }
    }

    /** A probe was answered that began after the suspicion. */
    private static void contradict(TierState tier, long now) {
        if (tier.suspicion != TierHealth.Reason.FROZEN) {
            boolean related = tier.contradictions > 0 && now - tier.contradictedAt < RELATED;
            tier.contradictions = related ? tier.contradictions + 1 : 1;
            tier.contradictedAt = now;
            tier.failuresInARow = 0;
            tier.failedSince = 0;
            tier.answeredSince = 0;
            tier.breaker.close();
        }
        tier.suspicion = null;
        tier.suspectedBy = null;
    }

    /** Takes in what a tier's calls did since the last tick. */
    void observed(int index, long answers, long slow, boolean suspect, long now) {
        TierState tier = tiers.get(index);
        if (answers > 0) {
            tier.lastAnswerAt = now;
            tier.lastCallAt = now;
        }
        if (!tier.remote || !tier.closed()) {
            return;
        }
        if (answers > 0) {
            tier.answeredSince += answers;
            tier.breaker.answered(answers, Math.min(slow, answers));
            if (tier.breaker.tripped()) {
                suspect(tier, tier.breaker.slow() ? TierHealth.Reason.SLOW : TierHealth.Reason.FAILURES, null, now);
            }
        }
        if (!suspect) {
            tier.hangs = 0;
        } else if (tier.closed()) {
            if (tier.suspicion == null) {
                tier.suspicion = TierHealth.Reason.FROZEN;
                tier.suspectedAt = now;
            }
            probes.wantOfHanging(tier, now);
        }
    }

    /**
     * Many calls were refused, one after the other, and none was answered otherwise: a probe, which writes and reads, tells a server
     * that refuses everything, or something in between that answers in its place, from calls that are wrong.
     */
    void refuses(int index, long now) {
        TierState tier = tiers.get(index);
        if (tier.closed()) {
            probes.want(tier, now);
        }
    }

    /** A tier's store was led to another server, which is asked at once whether it serves. */
    void switched(int index, long now) {
        TierState tier = tiers.get(index);
        if (!tier.closed()) {
            probes.switched(tier, now);
        }
    }

    /** A probe was answered. */
    void probed(int index, long startedAt, ProbeResult result, long now) {
        TierState tier = tiers.get(index);
        tier.probing = false;
        tier.overdueProbes = 0;
        tier.reconnectedToLook = false;
        tier.voidProbes = 0;
        tier.lastProbeAt = now;
        if (result.wentBack()) {
            reconciliation.wentBack(tier, now); // said once, so it counts whichever connection it came from
        }
        if (!tier.closed() && (tier.fencing || startedAt - tier.fencedAt < 0)) {
            probes.soon(tier, now); // it may have used a connection from before
            return;
        }
        tier.canaryFollowsAll = result.followsAll();
        if (tier.recent != null && result.followsAll()) {
            tier.recent.probed();
        }
        tier.probeLimit.took(now - startedAt, tier.probeNanos);
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
            if (tier.suspicion != null && startedAt - tier.suspectedAt >= 0) {
                contradict(tier, now);
            }
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
     * @param counts whether this process ran all the while and the server stayed the one that was asked: otherwise the verdict is void
     */
    void probeFailed(int index, long startedAt, CacheUnavailableException failure, boolean counts, long now) {
        TierState tier = tiers.get(index);
        tier.probing = false;
        tier.overdueProbes = 0;
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
        if (!counts && tier.voidProbes < VOID) {
            tier.voidProbes++;
            probes.send(tier, now);
            return;
        }
        tier.voidProbes = 0;
        switch (failure.reason()) {
            case SATURATED, PARTIAL, DISCONNECTED -> tier.undecided++;
            case SERVER_STATE -> {
                if (tier.reconnectedToLook) {
                    circuit.open(tier, TierHealth.Reason.PROBE, failure, now);
                } else {
                    tier.reconnectedToLook = true;
                    circuit.reconnect(tier, failure);
                    probes.send(tier, now);
                }
            }
            case TIMEOUT, CONNECTION, REFUSED, UNEXPECTED -> circuit.open(tier, verdict(tier, failure), failure, now);
        }
    }

    /** What a tier is opened for: what its calls said, if they said anything that the probe bears out. */
    private static TierHealth.Reason verdict(TierState tier, CacheUnavailableException failure) {
        TierHealth.Reason suspicion = tier.suspicion;
        boolean hangs = suspicion == TierHealth.Reason.FROZEN;
        return suspicion == null || (hangs && failure.reason() != Reason.TIMEOUT) ? TierHealth.Reason.PROBE : suspicion;
    }
}
