package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.TierHealth;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Does on a tier what it has missed: everything, then prefixes, removals and increments in turn, one piece at a time. A tier on its way
 * back admits calls again after enough good probes over its grace period, or at once if nothing else answers, and not before
 * nothing but a few keys is left to do; those, and what became dirty meanwhile, are cleaned while it serves. What fails is
 * kept: a tier on its way back starts over with a new fence, one that serves is tried again a second later. Keys that can't
 * be told apart any more and can't be removed keep a tier out until an operator accepts that. Pure; guarded by the owner of its
 * {@link FailoverState}.
 */
final class Reconciliation {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    /** So long no part of a piece takes: a store that does not end one in this time does not end it. */
    private static final long OVERDUE = TimeUnit.MINUTES.toNanos(5);

    /** So many removals, or increments, are a piece. */
    private static final int MOST = 500;
    /** Prefixes, removals, increments. */
    private static final int KINDS = 3;
    /** So few dirty keys need not delay a failback: they are cleaned while the tier serves. */
    private static final int FEW = 256;

    /** How much of what was to be removed from a tier could be. */
    enum Extent {
        /** Every key of this client's. */
        ALL,
        /** Those whose prefixes are known; the tier has no key prefix by which to tell the others. */
        KNOWN,
        /** None. */
        NOTHING
    }

    private final TierState tier;
    private final Tiers tiers;
    private boolean draining;
    /** When the end of that is given up; later with each part that is done. */
    private long dueAt;
    /** When the next piece may begin; 0 for at once. */
    private long retryAt;
    /** Which kind of what the tier has missed has its turn next. */
    private int turn;
    /** How many pieces were done since the tier was opened, or last failed on its way back. */
    private int drains;
    /** How many changes were made up for since the tier was opened. */
    private long reconciled;
    /** When it was last told that the composite is about to be closed; 0 if never. */
    private long hurriedAt;

    Reconciliation(TierState tier, Tiers tiers) {
        this.tier = tier;
        this.tiers = tiers;
    }

    boolean isDraining() {
        return draining;
    }

    /** How many changes were made up for since the tier was opened. */
    long reconciled() {
        return reconciled;
    }

    /** The tier was opened: there is nothing done yet. */
    void opened() {
        reconciled = 0;
        startOver();
    }

    /** The tier failed on its way back. */
    void startOver() {
        drains = 0;
    }

    /** Has done what is due. */
    void advance(long now) {
        if (draining && now - dueAt >= 0) {
            // Each part that is still under way may be done twice.
            drainFailed(new TimeoutException("nothing was heard of it for five minutes"), List.of(), now);
        }
        if (tier.closed()) {
            drainIfDue(now);
        } else {
            reconcileIfDue(now);
        }
    }

    /** Has the next piece done on a tier on its way back, or lets it admit calls. */
    void reconcileIfDue(long now) {
        if (draining || !tier.circuit.mayClose(now) || (retryAt != 0 && now - retryAt < 0)) {
            return;
        }
        boolean few =
                drains > 0 && tier.dirty.prefixes.size() == 0 && !tier.dirty.prefixes.all() && tier.dirty.size() <= FEW;
        if (few || !drain(now)) {
            tier.circuit.close(now);
        }
    }

    private void drainIfDue(long now) {
        boolean may = tier.closed() && !draining && !tier.circuit.isHeld() && now - retryAt >= 0;
        if (may && !tier.dirty.isEmpty() && !drain(now)) {
            retryAt = now + SECOND; // all that is left has to be waited for
        }
    }

    /** Has the next piece done; returns whether there is one. */
    private boolean drain(long now) {
        Effect.Drain work = plan(now);
        if (work == null) {
            return false;
        }
        tiers.add(work);
        draining = true;
        getsOn(now);
        return true;
    }

    /** The next piece of what a tier has missed: everything, then prefixes, removals and increments in turn; null if none is due. */
    private Effect.@Nullable Drain plan(long now) {
        int everything = tier.dirty.prefixes.everythingDue(now);
        if (everything != 0) {
            return new Effect.RemoveEverything(tier.index, everything);
        }
        // In turn, so that what fails again and again, since a part is out, keeps nothing else waiting.
        for (int i = 0; i < KINDS; i++) {
            int kind = (turn + i) % KINDS;
            Effect.Drain piece = plan(kind, now);
            if (piece != null) {
                turn = (kind + 1) % KINDS;
                return piece;
            }
        }
        return null;
    }

    private Effect.@Nullable Drain plan(int kind, long now) {
        if (kind == 0) {
            List<DirtyRecord.Removal> prefixes = new ArrayList<>();
            for (DirtyRecord.Removal prefix : tier.dirty.prefixes.due(now)) {
                // As late as now: what was stored below in the outage is absent too.
                Attendance.Offer offer = tiers.attendance.clearMissed(prefix.key());
                if (offer == null) {
                    prefixes.add(prefix);
                } else {
                    tiers.add(new Effect.Sweep(prefix.key(), offer.floor()));
                    tier.dirty.prefixes.removed(prefix);
                    cleaned(1);
                }
            }
            return prefixes.isEmpty() ? null : new Effect.RemovePrefixes(tier.index, prefixes);
        }
        if (kind == 1) {
            List<DirtyRecord.Removal> removals = tier.dirty.removals(MOST, now);
            return removals.isEmpty() ? null : new Effect.RemoveKeys(tier.index, removals);
        }
        String onceId = tiers.attendance.member() + '-' + tier.index + '-';
        List<DirtyEntry.Increment> increments = tier.dirty.increments(MOST, now, onceId);
        return increments.isEmpty() ? null : new Effect.Increments(tier.index, increments);
    }

    /**
     * Everything of this client's was removed, as far as that can be done there: what acknowledged removals are
     * about has to be gone, of what a server that went back in time holds as much as can be told from others' keys.
     */
    void everythingRemoved(Effect.RemoveEverything work, Extent extent) {
        if (extent != Extent.ALL && tier.dirty.prefixes.lost()) {
            hold("overflow: keys without a prefix are to be removed that can't be told from others', so it"
                    + " is passed over until failback is forced");
            return;
        }
        tier.dirty.prefixes.everythingRemoved(work.version());
        if (extent == Extent.ALL) {
            tier.changed(Kind.PREFIX, List.of(""));
        }
        if (extent != Extent.NOTHING) {
            tier.note(null);
        }
        cleaned(0);
    }

    /** Everything is to be removed from a tier without a key prefix: what that means there can't be told, so it stays dirty. */
    void prefixImpossible(DirtyRecord.Removal prefix) {
        tier.dirty.prefixes.lose(prefix);
        hold("everything was removed elsewhere and can't be told here from others' keys, so it is passed over"
                + " until failback is forced");
    }

    private void hold(String why) {
        tier.note(why);
        tier.circuit.hold();
    }

    /** A part of a piece is done. */
    void getsOn(long now) {
        dueAt = now + OVERDUE;
    }

    void prefixRemoved(DirtyRecord.Removal prefix, long now) {
        getsOn(now);
        tier.changed(Kind.PREFIX, List.of(prefix.key()));
        tier.dirty.prefixes.removed(prefix);
        cleaned(1);
    }

    void removed(List<DirtyRecord.Removal> done, long now) {
        getsOn(now);
        tier.changed(Kind.WRITE, done.stream().map(DirtyRecord.Removal::key).toList());
        done.forEach(each -> tier.dirty.removed(each, now));
        cleaned(done.size());
    }

    void incremented(DirtyEntry.Increment increment, long now) {
        getsOn(now);
        tier.dirty.incremented(increment);
        cleaned(1);
    }

    /** Calls under way here and below may not know that their key was dirty here, or that it no longer is. */
    private void cleaned(int changes) {
        reconciled += changes;
        tier.dirty.forgetOverflow();
        tier.outdate();
        if (tier.closed()) {
            tiers.outdateBelow(tier);
        }
    }

    /** A piece of what the tier had missed is done. */
    void drained(long now) {
        draining = false;
        drains++;
        retryAt = 0;
        advance(now);
    }

    /**
     * A piece of it could not be done, and is kept.
     *
     * @param unknown keys whose removal or increment may still be applied
     */
    void drainFailed(Throwable cause, List<String> unknown, long now) {
        draining = false;
        retryAt = now + SECOND;
        boolean partly = cause instanceof CacheUnavailableException failure && failure.reason() == Reason.PARTIAL;
        if (tier.closed() || tier.buffered || partly) {
            unknown.forEach(key -> tier.dirty.unsettled(key, tier.unsettledUntil(now)));
        }
        if (tier.closed()) {
            if (!partly) {
                tier.probes.want(now);
            }
            return;
        }
        boolean recovering = tier.circuit.mode() == TierHealth.State.RECOVERING;
        if (partly && recovering) {
            // The rest of it can serve meanwhile; what is left is done while it does.
            tier.circuit.close(now);
            return;
        }
        tiers.add(new Effect.ReconciliationFailed(tier.index, cause));
        if (recovering) {
            tier.circuit.relapse(cause, now);
        }
    }

    /** The server has forgotten what it had acknowledged, removals included: nothing in it can be trusted. */
    void wentBack(long now) {
        tier.note("wentBack: it lost acknowledged writes");
        tier.dirty.prefixes.everything();
        tiers.add(new Effect.Remark(
                tier.index,
                "wentBack: the server lost writes that it had acknowledged; what this client stored there is"
                        + " removed before it is used again"));
        drainIfDue(now);
    }

    /**
     * The composite is about to be closed: what the tier has missed is to be done now, as far as it answers, since nobody will
     * know of it afterwards. What may still arrive is not waited for.
     */
    void hurry(long now) {
        if (tier.remote && !tier.circuit.isHeld() && !tier.dirty.isEmpty()) {
            tier.dirty.settle();
            retryAt = 0;
            hurriedAt = now;
            if (tier.closed()) {
                drainIfDue(now);
            } else {
                comeBack(now);
            }
        }
    }

    /** Whether nothing more can be had of {@link #hurry}: the tier is clean, held out, or failed since. */
    boolean hurried() {
        boolean failed = hurriedAt != 0 && tier.detector.lastFailureAt() - hurriedAt > 0;
        return !tier.remote || tier.circuit.isHeld() || tier.dirty.isEmpty() || failed;
    }

    /** Lets a tier that is out come back as soon as it answers its probes and is reconciled, whatever was lost. */
    void forceFailback(long now) {
        if (tier.dirty.prefixes.lost()) {
            tier.dirty.prefixes.acceptLoss();
            tier.note(null);
            cleaned(0);
        }
        tier.circuit.release();
        if (!tier.closed()) {
            comeBack(now);
        }
    }

    private void comeBack(long now) {
        tier.circuit.skipGrace();
        tier.probes.next(now);
        reconcileIfDue(now);
    }
}
