package dev.holdfast.cache.failover;

import dev.holdfast.cache.Beat;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.PartialOutage;
import dev.holdfast.cache.Roll;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Every decision of a composite, made by its parts: {@link Routing}, which tier a call goes to; {@link DirtyKeys}, what must be
 * remembered of it; {@link FailureDetector}, what its outcome and that of probes say about a tier; {@link Probes}, when those are sent;
 * {@link Circuit}, what it means to open and close a tier; {@link Reconciliation}, what a tier has missed; {@link MemoryTier},
 * when the memory begins anew; {@link Attendance}, what other clients are told. None knows threads, clocks or stores: time comes in with each event, in nanoseconds, and what is
 * to be done goes out as {@link Effect}s. Guarded by its owner's lock, with all its parts.
 */
class FailoverState {
    static final int NONE = -1;

    private static final String NO_ROLL =
            "this client can't say to others how it is, nor ask how they are: what a lost one had removed may be returned until"
                    + " its time to live ends, and caches load what is older than agreeWithin anew: ";

    final FailoverConfig config;
    final List<TierState> tiers;
    final DirtyKeys keys;
    final MemoryTier memory;
    final Circuit circuit;
    final Routing routing;
    final FailureDetector detector;
    final Reconciliation reconciliation;
    final Agreements agreements;
    final Attendance attendance;
    private final Probes probes;
    private final List<Effect> effects = new ArrayList<>();
    /** What had been changed on the first server when this client last left the roll. */
    private long changesAtLeave;

    /**
     * Creates one with every tier closed.
     *
     * @param tiers the tiers in their order; only the last may be memory
     * @param id begins the name of every increment that must not be entered twice; letters, digits and hyphens
     */
    FailoverState(FailoverConfig config, List<TierState> tiers, RandomGenerator random, String id) {
        this(config, new DirtyKeys(config, tiers, new MemoryTier(tiers)), random, id);
    }

    /** The same with the tiers and the rules of {@code keys}. */
    FailoverState(FailoverConfig config, DirtyKeys keys, RandomGenerator random, String id) {
        this(config, keys, random, id, new Agreements(Clock.systemUTC(), System::nanoTime));
    }

    /** The same with what this client's caches may believe. */
    FailoverState(FailoverConfig config, DirtyKeys keys, RandomGenerator random, String id, Agreements agreements) {
        this.config = config;
        this.tiers = keys.tiers;
        this.keys = keys;
        this.memory = keys.memory;
        this.probes = new Probes(config, random, effects);
        this.circuit = new Circuit(config, keys, probes, effects);
        this.routing = new Routing(config, keys, circuit, random);
        this.reconciliation = new Reconciliation(config, keys, probes, circuit, effects, id, this::isBelowFloor);
        this.agreements = agreements;
        // Chance of its own: the histories of the model test stay what they are.
        this.attendance = new Attendance(id, agreements, new SplittableRandom(id.hashCode()));
        this.detector = new FailureDetector(config, tiers, probes, circuit, reconciliation);
    }

    /** Says what the keys of this client's caches begin with. */
    void known(Set<String> cachePrefixes) {
        tiers.forEach(tier -> tier.dirty.known(cachePrefixes));
    }

    /** Whether every key may be read on the serving tier. */
    boolean readsAreClean() {
        int serving = circuit.serving();
        return serving != NONE && tiers.get(serving).dirty.isEmpty();
    }

    /** Whether every key may be changed on the serving tier without anything to be remembered. */
    boolean writesAreClean(long now) {
        if (circuit.serving() != 0 || memory.used() || !tiers.get(0).dirty.isEmpty()) {
            return false;
        }
        for (int i = 1; i < tiers.size(); i++) {
            if (tiers.get(i).remote && tiers.get(i).isFollowed(now)) {
                return false;
            }
        }
        return true;
    }

    /** Whether nothing is to be watched for but calls: every tier is closed, clean and settled. */
    boolean quiet(long now) {
        for (TierState tier : tiers) {
            if (!tier.closed() || tier.probing || tier.suspicion != null || !tier.dirty.isEmpty()) {
                return false;
            }
        }
        return !memory.used();
    }

    /**
     * A part of a tier's server was out.
     *
     * @param outage which, and what is known of it; entered once, however many are told of it
     */
    void partlyOut(int index, PartialOutage outage, long now) {
        TierState tier = tiers.get(index);
        if (!outage.equals(tier.outage)) {
            keys.mayHaveForgotten(tier, outage);
            if (outage.wentBack()) {
                reconciliation.wentBack(tier, now);
            }
            tier.outage = outage;
        }
        // Each time: that it was said before may have failed.
        effects.add(new Effect.Settled(outage));
    }

    /** Why the clients of the first server know nothing of each other; {@code null} if they do, or need not. */
    @Nullable
    String rollProblem() {
        String problem = attendance.problem();
        return problem == null ? null : NO_ROLL + problem;
    }

    /** Takes in how this client stands towards the first server, before anybody acts on what was decided. */
    void stand(long now) {
        TierState first = tiers.get(0);
        attendance.stands(first.remote && first.closed(), !first.dirty.isEmpty(), now);
    }

    private void followClock() {
        if (agreements.tick()) {
            memory.renew();
        }
    }

    /** Whether the first server answers, be it that it is on its way back; who is held out by an operator is there, and says that it is behind. */
    private static boolean answers(TierState first) {
        return first.closed() || ((first.mode == TierState.Mode.RECOVERING || first.held) && !first.fencing);
    }

    /**
     * Says that this client goes, if it owes nobody anything. A server that is on its way back was asked by then what it has lost.
     *
     * @return {@code null} if it owes something, or can't say it
     */
    Attendance.@Nullable Saying leave(long now) {
        TierState first = tiers.get(0);
        return first.remote && answers(first) && first.dirty.isEmpty() ? attendance.leave(now) : null;
    }

    /** Has said what is due to those that share the first server. */
    private void attend(long now) {
        followClock();
        TierState first = tiers.get(0);
        if (!first.remote) {
            return;
        }
        long changes = first.recent == null ? 0 : first.recent.count();
        boolean idle = changes == changesAtLeave || now - first.lastCallAt >= Attendance.IDLE;
        Attendance.Saying saying = attendance.due(answers(first), idle, now);
        if (saying != null) {
            if (saying.beat().standing() == Beat.Standing.LEAVING) {
                changesAtLeave = changes;
            }
            effects.add(new Effect.Attend(0, saying));
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
        TierState first = tiers.get(0);
        Attendance.Offer offer = attendance.clear(prefix, before, first.remote && first.closed());
        if (offer != null) {
            effects.add(new Effect.Sweep(prefix, offer.floor()));
            attend(now);
        }
        return offer;
    }

    /** What was said to the first server is not answered: whether it answers at all is to be found out, also where nobody calls it. */
    void suspect(long now) {
        TierState first = tiers.get(0);
        if (first.remote && first.closed()) {
            probes.want(first, now);
        }
    }

    /** Has what a tier has missed of a cache absent instead of removed there; returns whether that will do for all that share it. */
    private boolean isBelowFloor(String prefix) {
        Attendance.Offer offer =
                agreements.isLimited(prefix) ? attendance.clear(prefix, agreements.floorOver(prefix), false) : null;
        if (offer != null) {
            effects.add(new Effect.Sweep(prefix, offer.floor()));
        }
        return offer != null;
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
        return answers(tiers.get(0)) && attendance.isSaying();
    }

    /** The first server answered what was said of this client; {@code null} if it has no roll. */
    void attended(Attendance.Saying saying, @Nullable Roll roll, long now) {
        if (attendance.answered(saying, roll, now)) {
            memory.renew();
        }
        String problem = roll == null ? attendance.problem() : null;
        if (problem != null) {
            effects.add(new Effect.Remark(0, NO_ROLL + problem));
        }
        attend(now); // there may be more to say by now, for which somebody waits
    }

    /** What was to be done in a store ended in a way that nobody expected. */
    void failed(Effect.Work work, Throwable cause, long now) {
        if (work instanceof Effect.Probe probe) {
            CacheUnavailableException failure =
                    new CacheUnavailableException("the probe failed: " + cause, cause, Reason.UNEXPECTED, true);
            detector.probeFailed(probe.tier(), probe.startedAt(), failure, true, now);
        } else if (work instanceof Effect.Drain drain) {
            reconciliation.drainFailed(drain.tier(), cause, List.of(), now);
        } else if (work instanceof Effect.Attend attend) {
            if (attendance.failed(attend.saying(), cause, now)) {
                effects.add(new Effect.Remark(attend.tier(), NO_ROLL + attendance.problem()));
            }
            if (!(cause instanceof CacheRejectedException)) {
                suspect(now);
            }
        } else if (work instanceof Effect.Disconnect disconnect && disconnect.fences()) {
            circuit.fenced(disconnect, false, now);
        }
    }

    /** This process stood still: what was under way may be as late as it is. */
    void stalled(long now) {
        tiers.forEach(tier -> tier.probeSentAt = now);
    }

    /** Does what is due. */
    void tick(long now) {
        for (TierState tier : tiers) {
            if (tier.remote) {
                detector.tick(tier, now);
                circuit.tick(tier, now);
                probes.tick(tier, now);
                reconciliation.advance(tier, now);
            }
        }
        memory.tick(now);
        attend(now);
    }

    /** Takes what was decided and is yet to be done, in order. */
    List<Effect> takeEffects() {
        if (effects.isEmpty()) {
            return List.of();
        }
        List<Effect> taken = List.copyOf(effects);
        effects.clear();
        return taken;
    }
}
