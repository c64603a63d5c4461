package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.spi.Beat;
import dev.holdfast.cache.spi.PartialOutage;
import dev.holdfast.cache.spi.Roll;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Every decision of a composite, made by its parts: {@link Routing}, which tier a call goes to; {@link DirtyKeys}, what must be
 * remembered of it; {@link TierState}, what is known of each tier and decided about it; {@link MemoryTier},
 * when the memory begins anew; {@link Attendance}, what other clients are told. None knows threads, clocks or stores: time comes in with each event, in nanoseconds, and what is
 * to be done goes out as {@link Effect}s. Guarded by its owner's lock, with all its parts.
 */
class FailoverState {
    static final int NONE = -1;

    private static final String NO_ROLL =
            "this client can't say to others how it is, nor ask how they are: what a lost one had removed may be returned until"
                    + " its time to live ends, and caches load what is older than agreeWithin anew: ";

    final FailoverConfig config;
    final Tiers tiers;
    final DirtyKeys keys;
    final MemoryTier memory;
    final Routing routing;
    final Agreements agreements;
    final Attendance attendance;
    private final TierState first;
    /** The last outage of a part of a tier that was entered, by the tier's place. */
    private final Map<Integer, PartialOutage> outages = new HashMap<>();
    /** What had been changed on the first server when this client last left the roll. */
    private long changesAtLeave;

    /** Creates one with the tiers and the rules of {@code keys}. */
    FailoverState(DirtyKeys keys) {
        this.keys = keys;
        this.tiers = keys.tiers;
        this.config = tiers.config;
        this.memory = tiers.memory;
        this.attendance = tiers.attendance;
        this.agreements = attendance.agreements();
        this.routing = new Routing(keys);
        this.first = tiers.get(0);
    }

    /** Says what the keys of this client's caches begin with. */
    void known(Set<String> cachePrefixes) {
        tiers.forEach(tier -> tier.dirty.known(cachePrefixes));
    }

    /** Whether every key may be read on the serving tier. */
    boolean readsAreClean() {
        int serving = tiers.serving();
        return serving != NONE && tiers.get(serving).dirty.isEmpty();
    }

    /** Whether every key may be changed on the serving tier without anything to be remembered. */
    boolean writesAreClean(long now) {
        return tiers.serving() == 0
                && !memory.used()
                && first.dirty.isEmpty()
                && tiers.every(tier -> tier == first || !tier.remote || !tier.occupancy.isFollowed(now));
    }

    /** Whether no tier has missed anything that is yet to be done there. */
    boolean isClean() {
        return tiers.every(tier -> tier.dirty.isEmpty());
    }

    /** Whether nothing is to be watched for but calls: every tier is closed, clean and settled. */
    boolean quiet() {
        return !memory.used() && tiers.every(TierState::isQuiet);
    }

    /**
     * A part of a tier's server was out.
     *
     * @param outage which, and what is known of it; entered once, however many are told of it
     */
    void partlyOut(int index, PartialOutage outage, long now) {
        if (!outage.equals(outages.put(index, outage))) {
            TierState tier = tiers.get(index);
            keys.mayHaveForgotten(tier, outage);
            if (outage.wentBack()) {
                tier.reconciliation.wentBack(now);
            }
        }
        // Each time: that it was said before may have failed.
        tiers.add(new Effect.Settled(outage));
    }

    /** Why the clients of the first server know nothing of each other; {@code null} if they do, or need not. */
    @Nullable
    String rollProblem() {
        String problem = attendance.problem();
        return problem == null ? null : NO_ROLL + problem;
    }

    /** Takes in how this client stands towards the first server, before anybody acts on what was decided. */
    void stand(long now) {
        attendance.stands(first.remote && first.closed(), !first.dirty.isEmpty(), now);
    }

    private void followClock() {
        if (agreements.tick()) {
            memory.renew();
        }
    }

    /** Whether the first server answers, be it that it is on its way back; who is held out by an operator is there, and says that it is behind. */
    private boolean answers() {
        boolean isBack = first.circuit.mode() == TierHealth.State.RECOVERING || first.circuit.isHeld();
        return first.closed() || (isBack && !first.circuit.isFencing());
    }

    /**
     * Says that this client goes, if it owes nobody anything. A server that is on its way back was asked by then what it has lost.
     *
     * @return {@code null} if it owes something, or can't say it
     */
    Attendance.@Nullable Saying leave(long now) {
        return first.remote && answers() && first.dirty.isEmpty() ? attendance.leave(now) : null;
    }

    /** Has said what is due to those that share the first server. */
    private void attend(long now) {
        followClock();
        if (!first.remote) {
            return;
        }
        long changes = first.recent == null ? 0 : first.recent.count();
        boolean idle = changes == changesAtLeave || first.detector.isIdle(Attendance.IDLE, now);
        Attendance.Saying saying = attendance.due(answers(), idle, now);
        if (saying != null) {
            if (saying.beat().standing() == Beat.Standing.LEAVING) {
                changesAtLeave = changes;
            }
            tiers.add(new Effect.Attend(0, saying));
        }
    }

    /**
     * Has everything of a cache absent that was made so far.
     *
     * @param before what {@link Agreements#floorOver} said when that was wanted
     * @return what to wait for before that is acknowledged; {@code null}, with nothing done, if others could not be told
     */
    Attendance.@Nullable Offer clear(String prefix, long before, long now) {
        followClock(); // a floor by a clock that was set since would be as wrong for everybody
        Attendance.Offer offer = attendance.clear(prefix, before, first.remote && first.closed());
        if (offer != null) {
            tiers.add(new Effect.Sweep(prefix, offer.floor()));
            attend(now);
        }
        return offer;
    }

    /** What was said to the first server is not answered: whether it answers at all is to be found out, also where nobody calls it. */
    void suspect(long now) {
        if (first.remote && first.closed()) {
            first.probes.want(now);
        }
    }

    /**
     * Has the first server asked what time it is, unless that is known.
     *
     * @return whether it will be answered, or is found not to be
     */
    boolean asksTime(long now) {
        stand(now);
        attend(now);
        return agreements.isAwaited() && isSaying();
    }

    /** Whether the first server, which answers, is just being told of this client. */
    boolean isSaying() {
        return answers() && attendance.isSaying();
    }

    /** The first server answered what was said of this client; {@code null} if it has no roll. */
    void attended(Attendance.Saying saying, @Nullable Roll roll, long now) {
        if (attendance.answered(saying, roll, now)) {
            memory.renew();
        }
        String problem = roll == null ? attendance.problem() : null;
        if (problem != null) {
            tiers.add(new Effect.Remark(0, NO_ROLL + problem));
        }
        attend(now); // there may be more to say by now, for which somebody waits
    }

    /** What was to be done in a store ended in a way that nobody expected. */
    void failed(Effect.Work work, Throwable cause, long now) {
        if (work instanceof Effect.Probe probe) {
            CacheUnavailableException failure =
                    new CacheUnavailableException("the probe failed: " + cause, cause, Reason.UNEXPECTED, true);
            tiers.get(probe.tier()).detector.probeFailed(probe.startedAt(), failure, true, now);
        } else if (work instanceof Effect.Drain drain) {
            tiers.get(drain.tier()).reconciliation.drainFailed(cause, List.of(), now);
        } else if (work instanceof Effect.Attend attend) {
            if (attendance.failed(attend.saying(), cause, now)) {
                tiers.add(new Effect.Remark(attend.tier(), NO_ROLL + attendance.problem()));
            }
            if (!(cause instanceof CacheRejectedException)) {
                suspect(now);
            }
        } else if (work instanceof Effect.Disconnect disconnect && disconnect.fences()) {
            fenced(disconnect, false, now);
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
        if (tier.circuit.isFence(work)) {
            fenced(tier, reset, now);
        }
    }

    private void fenced(TierState tier, boolean reset, long now) {
        tier.circuit.fenced(now);
        keys.mayHaveForgotten(tier);
        if (reset && !tier.buffered) {
            tier.dirty.settle();
        }
    }

    /** The composite is about to be closed: what its tiers have missed is to be done now. */
    void hurry(long now) {
        tiers.forEach(tier -> tier.reconciliation.hurry(now));
    }

    /** Whether nothing more can be had of {@link #hurry}. */
    boolean hurried() {
        return tiers.every(tier -> tier.reconciliation.hurried());
    }

    /** Lets every open tier come back as soon as it answers its probes and is reconciled. */
    void forceFailback(long now) {
        tiers.forEach(tier -> tier.reconciliation.forceFailback(now));
    }

    /** This process stood still: what was under way may be as late as it is. */
    void stalled(long now) {
        tiers.forEach(tier -> tier.probes.stalled(now));
    }

    /** Does what is due. */
    void tick(long now) {
        for (TierState tier : tiers) {
            if (tier.remote) {
                tier.detector.tick(now);
                if (tier.circuit.isFenceOverdue(now)) {
                    fenced(tier, false, now);
                }
                tier.probes.tick(now);
                tier.reconciliation.advance(now);
            }
        }
        memory.tick(now);
        attend(now);
    }

    /** Takes what was decided and is yet to be done, in order. */
    List<Effect> takeEffects() {
        return tiers.takeEffects();
    }
}
