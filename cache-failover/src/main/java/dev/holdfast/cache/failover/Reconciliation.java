package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
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

    private static final int REMOVALS = 500;
    private static final int INCREMENTS = 500;
    /** Prefixes, removals, increments. */
    private static final int KINDS = 3;
    /** So few dirty keys need not delay a failback: they are cleaned while the tier serves. */
    private static final int FEW = 256;

    private final FailoverConfig config;
    private final List<TierState> tiers;
    private final DirtyKeys keys;
    private final Probes probes;
    private final Circuit circuit;
    private final List<Effect> effects;
    private final String id;
    private final Predicate<String> isBelowFloor;

    /**
     * Creates one.
     *
     * @param id begins the name of every increment that must not be entered twice
     * @param isBelowFloor has everything under a prefix absent that was made so far, for everybody, or returns false
     */
    Reconciliation(
            FailoverConfig config,
            DirtyKeys keys,
            Probes probes,
            Circuit circuit,
            List<Effect> effects,
            String id,
            Predicate<String> isBelowFloor) {
        this.isBelowFloor = isBelowFloor;
        this.config = config;
        this.tiers = keys.tiers;
        this.keys = keys;
        this.probes = probes;
        this.circuit = circuit;
        this.effects = effects;
        this.id = id;
    }

    /** Has done what is due on a server. */
    void advance(TierState tier, long now) {
        if (tier.draining && now - tier.drainDueAt >= 0) {
            // Each part that is still under way may be done twice.
            drainFailed(tier.index, new TimeoutException("nothing was heard of it for five minutes"), List.of(), now);
        }
        if (tier.closed()) {
            drainIfDue(tier, now);
        } else {
            reconcileIfDue(tier, now);
        }
    }

    /** Has the next piece done on a tier on its way back, or lets it admit calls. */
    void reconcileIfDue(TierState tier, long now) {
        if (tier.mode != TierState.Mode.RECOVERING || tier.fencing || tier.draining || tier.held) {
            return;
        }
        // While nothing answers at all, a server that does is better than waiting.
        boolean needed = circuit.serving() == FailoverState.NONE;
        if (!needed && tier.goodProbes < (tier.skipGrace ? 1 : config.probes())) {
            return;
        }
        if (!needed && !tier.skipGrace && now - tier.firstGoodAt < tier.graceNanos) {
            return;
        }
        if (now - tier.drainRetryAt < 0 && tier.drainRetryAt != 0) {
            return;
        }
        boolean few = tier.drains > 0 && tier.dirty.prefixCount() == 0 && !tier.dirty.all() && tier.dirty.size() <= FEW;
        if (few || !drain(tier, now)) {
            circuit.close(tier, now);
        }
    }

    private void drainIfDue(TierState tier, long now) {
        if (tier.closed() && !tier.draining && !tier.held && !tier.dirty.isEmpty() && now - tier.drainRetryAt >= 0) {
            if (!drain(tier, now)) {
                tier.drainRetryAt = now + SECOND; // all that is left has to be waited for
            }
        }
    }

    /** Has the next piece done; returns whether there is one. */
    private boolean drain(TierState tier, long now) {
        Effect.Drain work = plan(tier, now);
        if (work == null) {
            return false;
        }
        effects.add(work);
        tier.draining = true;
        tier.drainDueAt = now + OVERDUE;
        return true;
    }

    /** The next piece of what a tier has missed: everything, then prefixes, removals and increments in turn; null if none is due. */
    private Effect.@Nullable Drain plan(TierState tier, long now) {
        int everything = tier.dirty.everythingDue(now);
        if (everything != 0) {
            return new Effect.RemoveEverything(tier.index, everything);
        }
        // In turn, so that what fails again and again, since a part is out, keeps nothing else waiting.
        for (int i = 0; i < KINDS; i++) {
            int kind = (tier.turn + i) % KINDS;
            Effect.Drain piece = plan(tier, kind, now);
            if (piece != null) {
                tier.turn = (kind + 1) % KINDS;
                return piece;
            }
        }
        return null;
    }

    private Effect.@Nullable Drain plan(TierState tier, int kind, long now) {
        if (kind == 0) {
            List<DirtyRecord.Removal> prefixes = new ArrayList<>();
            for (DirtyRecord.Removal prefix : tier.dirty.prefixes(now)) {
                // As late as now: what was stored below in the outage is absent too.
                if (isBelowFloor.test(prefix.key())) {
                    tier.dirty.prefixRemoved(prefix);
                    tier.reconciled++;
                    cleaned(tier);
                } else {
                    prefixes.add(prefix);
                }
            }
            return prefixes.isEmpty() ? null : new Effect.RemovePrefixes(tier.index, prefixes);
        }
        if (kind == 1) {
            List<DirtyRecord.Removal> removals = tier.dirty.removals(REMOVALS, now);
            return removals.isEmpty() ? null : new Effect.RemoveKeys(tier.index, removals);
        }
        List<DirtyRecord.Increment> increments = tier.dirty.increments(INCREMENTS, now, onceId(tier));
        return increments.isEmpty() ? null : new Effect.Increments(tier.index, increments);
    }

    private String onceId(TierState tier) {
        return id + '-' + tier.index + '-';
    }

    /**
     * Everything of this client's was removed from a tier, as far as that can be done there: what acknowledged removals are
     * about has to be gone, of what a server that went back in time holds as much as can be told from others' keys.
     */
    void everythingRemoved(Effect.RemoveEverything work, Extent extent) {
        TierState tier = tiers.get(work.tier());
        if (extent == Extent.ALL || !tier.dirty.lost()) {
            tier.dirty.everythingRemoved(work.version());
            if (extent == Extent.ALL) {
                keys.changed(tier, Kind.PREFIX, List.of(""));
            }
            if (extent != Extent.NOTHING) {
                tier.notes = null;
            }
            cleaned(tier);
        } else {
            tier.notes = "overflow: keys without a prefix are to be removed that can't be told from others', so it"
                    + " is passed over until failback is forced";
            tier.held = true;
        }
    }

    /** Everything is to be removed from a tier without a key prefix: what that means there can't be told, so it stays dirty. */
    void prefixImpossible(int index, DirtyRecord.Removal prefix) {
        TierState tier = tiers.get(index);
        tier.dirty.lose(prefix);
        tier.notes = "everything was removed elsewhere and can't be told here from others' keys, so it is passed over"
                + " until failback is forced";
        tier.held = true;
    }

    /** A part of removing everything is done. */
    void getsOn(int index, long now) {
        tiers.get(index).drainDueAt = now + OVERDUE;
    }

    void prefixRemoved(int index, DirtyRecord.Removal prefix, long now) {
        TierState tier = tiers.get(index);
        tier.drainDueAt = now + OVERDUE;
        keys.changed(tier, Kind.PREFIX, List.of(prefix.key()));
        tier.dirty.prefixRemoved(prefix);
        tier.reconciled++;
        cleaned(tier);
    }

    void removed(int index, List<DirtyRecord.Removal> done, long now) {
        TierState tier = tiers.get(index);
        tier.drainDueAt = now + OVERDUE;
        keys.changed(
                tier, Kind.WRITE, done.stream().map(DirtyRecord.Removal::key).toList());
        done.forEach(each -> tier.dirty.removed(each, now));
        tier.reconciled += done.size();
        cleaned(tier);
    }

    void incremented(int index, DirtyRecord.Increment increment, long now) {
        TierState tier = tiers.get(index);
        tier.drainDueAt = now + OVERDUE;
        tier.dirty.incremented(increment);
        tier.reconciled++;
        cleaned(tier);
    }

    /** Calls under way here and below may not know that their key was dirty here, or that it no longer is. */
    private void cleaned(TierState tier) {
        tier.dirty.forgetOverflow();
        tier.stamp++;
        if (tier.closed()) {
            circuit.stampBelow(tier);
        }
    }

    /** A piece of what a tier had missed is done. */
    void drained(int index, long now) {
        TierState tier = tiers.get(index);
        tier.draining = false;
        tier.drains++;
        tier.drainRetryAt = 0;
        advance(tier, now);
    }

    /**
     * A piece of it could not be done, and is kept.
     *
     * @param unknown keys whose removal or increment may still be applied
     */
    void drainFailed(int index, Throwable cause, List<String> unknown, long now) {
        TierState tier = tiers.get(index);
        tier.draining = false;
        tier.drainRetryAt = now + SECOND;
        boolean partly = cause instanceof CacheUnavailableException failure && failure.reason() == Reason.PARTIAL;
        if (tier.closed() || tier.buffered || partly) {
            unknown.forEach(key -> tier.dirty.unsettled(key, keys.unsettledUntil(now)));
        }
        if (tier.closed()) {
            if (!partly) {
                probes.want(tier, now);
            }
            return;
        }
        if (partly && tier.mode == TierState.Mode.RECOVERING) {
            // The rest of it can serve meanwhile; what is left is done while it does.
            circuit.close(tier, now);
            return;
        }
        effects.add(new Effect.ReconciliationFailed(index, cause));
        if (tier.mode == TierState.Mode.RECOVERING) {
            circuit.relapse(tier, cause, now);
        }
    }

    /** The server has forgotten what it had acknowledged, removals included: nothing in it can be trusted. */
    void wentBack(TierState tier, long now) {
        tier.notes = "wentBack: it lost acknowledged writes";
        tier.dirty.everything();
        effects.add(new Effect.Remark(
                tier.index,
                "wentBack: the server lost writes that it had acknowledged; what this client stored there is"
                        + " removed before it is used again"));
        drainIfDue(tier, now);
    }

    /**
     * The composite is about to be closed: what its tiers have missed is to be done now, as far as they answer, since nobody will
     * know of it afterwards. What may still arrive is not waited for.
     */
    void hurry(long now) {
        for (TierState tier : tiers) {
            if (tier.remote && !tier.held && !tier.dirty.isEmpty()) {
                tier.dirty.settle();
                tier.skipGrace = true;
                tier.drainRetryAt = 0;
                tier.hurriedAt = now;
                if (tier.closed()) {
                    drainIfDue(tier, now);
                } else {
                    tier.nextProbeAt = now;
                    reconcileIfDue(tier, now);
                }
            }
        }
    }

    /** Whether nothing more can be had of {@link #hurry}: each tier is clean, held out, or failed since. */
    boolean hurried() {
        for (TierState tier : tiers) {
            boolean failed = tier.hurriedAt != 0 && tier.lastFailureAt - tier.hurriedAt > 0;
            if (tier.remote && !tier.held && !tier.dirty.isEmpty() && !failed) {
                return false;
            }
        }
        return true;
    }

    /** Lets every open tier come back as soon as it answers its probes and is reconciled. */
    void forceFailback(long now) {
        for (TierState tier : tiers) {
            if (tier.dirty.lost()) {
                tier.dirty.acceptLoss();
                tier.notes = null;
                cleaned(tier);
            }
            tier.held = false;
            if (!tier.closed()) {
                tier.skipGrace = true;
                tier.nextProbeAt = now;
                reconcileIfDue(tier, now);
            }
        }
    }
}
