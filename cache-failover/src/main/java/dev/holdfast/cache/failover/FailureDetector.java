package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.TierHealth;
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

    private final TierState tier;
    private final Tiers tiers;
    private final Breaker breaker;

    private @Nullable CacheUnavailableException lastFailure;
    private long lastFailureAt;
    /** When the ticker last saw that a call was answered. */
    private long lastCallAt;

    private int failuresInARow;
    private long answersAtFailure;
    /** When a refusal last led to a probe; 0 if none has. */
    private long refusedAt;

    /** What its calls give reason to think, until a probe decides; {@code null} if nothing. */
    private TierHealth.@Nullable Reason suspicion;

    private long suspectedAt;
    private @Nullable Throwable suspectedBy;
    /** How many probes since then ended without saying anything about the server. */
    private int undecided;

    /** How often in a row an answered probe contradicted failed or slow calls, and when the last did. */
    private int contradictions;

    private long contradictedAt;
    /** Calls that failed and were answered since then. */
    private long failedSince;

    private long answeredSince;
    /** How many failed probes in a row did not count, since this process stood still. */
    private int voidProbes;

    private boolean reconnectedToLook;
    private boolean pinged;

    FailureDetector(TierState tier, Tiers tiers) {
        this.tier = tier;
        this.tiers = tiers;
        this.breaker = new Breaker(tier.name, tiers.config.slowCallThreshold());
    }

    /** The last failure of a call or a probe; {@code null} if none failed. */
    @Nullable
    CacheUnavailableException lastFailure() {
        return lastFailure;
    }

    /** When that was. */
    long lastFailureAt() {
        return lastFailureAt;
    }

    /** The share of the last calls that failed. */
    double failureRate() {
        return breaker.failureRate();
    }

    /** Whether no call has been answered for so long. */
    boolean isIdle(long nanos, long now) {
        return now - lastCallAt >= nanos;
    }

    /** What its calls give reason to think, until a probe decides; {@code null} if nothing. */
    TierHealth.@Nullable Reason suspicion() {
        return suspicion;
    }

    /** When that began. */
    long suspectedAt() {
        return suspectedAt;
    }

    /** How many calls failed, one after the other, without an answer between them. */
    int failuresInARow() {
        return failuresInARow;
    }

    /** How often in a row an answered probe contradicted failed or slow calls. */
    int contradictions() {
        return contradictions;
    }

    private void note(CacheUnavailableException failure, long now) {
        lastFailure = failure;
        lastFailureAt = now;
    }

    /**
     * Counts a failed call.
     *
     * @param answers how many calls the tier has answered so far: if that grew, failures are no longer in a row
     */
    void failed(CacheUnavailableException failure, long answers, long now) {
        note(failure, now);
        if (!tier.remote || !tier.closed()) {
            return;
        }
        boolean recentlyFine = refusedAt != 0 && tier.probes.endedSince(refusedAt) && now - refusedAt < PERIOD;
        if (!failure.reason().counts() || (failure.reason() == Reason.SERVER_STATE && !recentlyFine)) {
            refusedAt = now;
            // A probe tells a healthy server that refuses this call from one that refuses all.
            if (failure.reason() != Reason.PARTIAL && failure.reason() != Reason.DISCONNECTED) {
                tier.probes.want(now);
            }
            return;
        }
        failuresInARow = answers == answersAtFailure ? failuresInARow + 1 : 1;
        answersAtFailure = answers;
        failedSince++;
        breaker.failed(failure);
        if (failuresInARow >= tiers.config.maxFailures() || breaker.tripped()) {
            suspect(TierHealth.Reason.FAILURES, failure, now);
        } else {
            tier.probes.want(now);
        }
    }

    /** Calls give reason to think that a tier is gone: the next probe decides, unless enough of them were wrong about it. */
    private void suspect(TierHealth.Reason reason, @Nullable Throwable cause, long now) {
        boolean contradicted = contradictions > 0;
        if (contradicted && now - contradictedAt < PERIOD) {
            return;
        }
        boolean believed = reason == TierHealth.Reason.SLOW || failedSince >= MOST * answeredSince;
        if (contradicted && believed && now - contradictedAt < RELATED && contradictions >= OUTVOTED) {
            tier.circuit.open(reason, cause, now);
            return;
        }
        if (suspicion == null || suspicion == TierHealth.Reason.FROZEN) {
            suspicion = reason;
            suspectedAt = now;
            undecided = 0;
        }
        suspectedBy = cause;
        tier.probes.want(now);
    }

    /** Gives up a probe that hangs in its store, and confirms a suspicion that no probe could decide; for each tick. */
    void tick(long now) {
        // That its store, or this process, does not end a probe is no evidence about the server; only that none can be
        // had.
        if (tier.probes.giveUp(now) && tier.probes.givenUp() > 1) {
            undecided++;
        }
        TierHealth.Reason suspected = suspicion;
        if (!tier.closed() || suspected == null) {
            return;
        }
        if (suspected == TierHealth.Reason.FROZEN) {
            tier.probes.wantOfHanging(now);
        } else if (undecided > 0 && !tier.probes.isUnderWay() && now - suspectedAt >= UNHEARD) {
            tier.circuit.open(suspected, suspectedBy, now);
        } else {
            tier.probes.want(now);
        }
    }

    /** A probe was answered that began after the suspicion. */
    private void contradict(long now) {
        if (suspicion != TierHealth.Reason.FROZEN) {
            boolean related = contradictions > 0 && now - contradictedAt < RELATED;
            contradictions = related ? contradictions + 1 : 1;
            contradictedAt = now;
            failuresInARow = 0;
            failedSince = 0;
            answeredSince = 0;
            breaker.reset();
        }
        suspicion = null;
        suspectedBy = null;
    }

    /** The tier was opened: what led to that is over. */
    void opened() {
        failuresInARow = 0;
        contradictions = 0;
        reconnectedToLook = false;
        suspicion = null;
        suspectedBy = null;
    }

    /** The tier's last calls are of another time. */
    void forget() {
        breaker.reset();
    }

    /** Takes in what a tier's calls did since the last tick. */
    void observed(long answers, long slow, boolean hangs, long now) {
        if (answers > 0) {
            tier.probes.heard(now);
            lastCallAt = now;
        }
        if (!tier.remote || !tier.closed()) {
            return;
        }
        if (answers > 0) {
            answeredSince += answers;
            breaker.answered(answers, Math.min(slow, answers));
            if (breaker.tripped()) {
                suspect(breaker.slow() ? TierHealth.Reason.SLOW : TierHealth.Reason.FAILURES, null, now);
            }
        }
        if (!hangs) {
            tier.probes.nothingHangs();
        } else if (tier.closed()) {
            if (suspicion == null) {
                suspicion = TierHealth.Reason.FROZEN;
                suspectedAt = now;
            }
            tier.probes.wantOfHanging(now);
        }
    }

    /**
     * Many calls were refused, one after the other, and none was answered otherwise: a probe, which writes and reads, tells a server
     * that refuses everything, or something in between that answers in its place, from calls that are wrong.
     */
    void refuses(long now) {
        if (tier.closed()) {
            tier.probes.want(now);
        }
    }

    /** A tier's store was led to another server, which is asked at once whether it serves. */
    void switched(long now) {
        if (!tier.closed()) {
            tier.probes.switched(now);
        }
    }

    /** The tier did not answer when the composite started. */
    void startedWithout(Throwable cause, long now) {
        if (tier.closed()) {
            if (cause instanceof CacheUnavailableException failure) {
                note(failure, now);
            }
            tier.circuit.open(TierHealth.Reason.PROBE, cause, now);
        }
    }

    /** A probe was answered. */
    void probed(long startedAt, ProbeResult result, long now) {
        tier.probes.ended(now);
        reconnectedToLook = false;
        voidProbes = 0;
        if (result.wentBack()) {
            tier.reconciliation.wentBack(now); // said once, so it counts whichever connection it came from
        }
        if (!tier.closed() && tier.circuit.isFencedSince(startedAt)) {
            tier.probes.soon(now); // it may have used a connection from before
            return;
        }
        tier.probes.answered(startedAt, result, now);
        if (result.writable() == pinged) {
            pinged = !pinged;
            // The store has said so in the log, with the rule that is missing.
            tier.note(pinged ? "the probe may not write its canary: only pinged" : null);
        }
        if (tier.closed()) {
            if (suspicion != null && startedAt - suspectedAt >= 0) {
                contradict(now);
            }
            return;
        }
        tier.circuit.answered(now);
        tier.probes.soon(now);
        tier.reconciliation.reconcileIfDue(now);
    }

    /**
     * A probe got no answer, or one that says that the server can't serve.
     *
     * @param counts whether this process ran all the while and the server stayed the one that was asked: otherwise the verdict is void
     */
    void probeFailed(long startedAt, CacheUnavailableException failure, boolean counts, long now) {
        tier.probes.ended(now);
        note(failure, now);
        if (!tier.closed()) {
            if (tier.circuit.mode() == TierHealth.State.RECOVERING) {
                tier.circuit.relapse(failure, now);
            } else {
                tier.probes.later(now);
            }
            return;
        }
        if (tier.circuit.isFencedSince(startedAt)) {
            return;
        }
        if (!counts && voidProbes < VOID) {
            voidProbes++;
            tier.probes.send(now);
            return;
        }
        voidProbes = 0;
        switch (failure.reason()) {
            case SATURATED, PARTIAL, DISCONNECTED -> undecided++;
            case SERVER_STATE -> {
                if (reconnectedToLook) {
                    tier.circuit.open(TierHealth.Reason.PROBE, failure, now);
                } else {
                    reconnectedToLook = true;
                    // Its name may lead to another server by now.
                    tiers.add(new Effect.Disconnect(tier.index, failure, 0));
                    tier.probes.send(now);
                }
            }
            case TIMEOUT, CONNECTION, REFUSED, UNEXPECTED -> tier.circuit.open(verdict(failure), failure, now);
        }
    }

    /** What a tier is opened for: what its calls said, if they said anything that the probe bears out. */
    private TierHealth.Reason verdict(CacheUnavailableException failure) {
        boolean hangs = suspicion == TierHealth.Reason.FROZEN;
        return suspicion == null || (hangs && failure.reason() != Reason.TIMEOUT) ? TierHealth.Reason.PROBE : suspicion;
    }
}
