package dev.holdfast.cache.failover;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/**
 * When a tier is probed, one probe at a time. A closed one when a call gives reason to, when it was idle, and every second to
 * write its canary; one that is out every second, then more rarely, and never while it is fenced or held out. No caller is
 * spent on it. Pure; guarded by the owner of its {@link FailoverState}.
 */
final class Probes {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);
    private static final long SHORTEST_DELAY = TimeUnit.MILLISECONDS.toNanos(50);
    /** A tier that failed a call is not probed more often than this because of that. */
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(100);

    /** One with a call that hangs beside so many answered probes is probed once in the longest pause, not to miss a freeze. */
    private static final int HANGS = 3;

    private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(250);

    /**
     * A tier where something was changed since its last canary writes the next after so long, give or take a quarter: of what
     * was acknowledged in between nobody can tell whether it is still there after a restart. Every client sends these to every
     * server, so they are rare; a client that only reads sends none.
     */
    private static final long CANARY_PERIOD = 20 * SECOND;

    /** A process that has too little of the machine for its threads is given so long to end a probe. */
    private static final long OVERDUE = 10 * SECOND;

    private final long interval;
    private final RandomGenerator random;
    private final List<Effect> effects;

    Probes(FailoverConfig config, RandomGenerator random, List<Effect> effects) {
        this.interval =
                Math.max(SHORTEST_DELAY, Math.min(SECOND, config.gracePeriod().toNanos() / config.probes()));
        this.random = random;
        this.effects = effects;
    }

    /** Whether a probe that is under way should have ended long ago: its store promised to end it, and does not. */
    boolean overdue(TierState tier, long now) {
        return tier.probing && now - tier.probeSentAt >= OVERDUE + 2 * tier.probeNanos;
    }

    /** Probes a server if that is due. */
    void tick(TierState tier, long now) {
        if (tier.closed()) {
            if (now - Math.max(tier.lastAnswerAt, tier.lastProbeAt) >= tier.idleNanos || canaryIsDue(tier, now)) {
                want(tier, now);
            }
        } else if (!tier.fencing && !tier.held && !tier.probing && now - tier.nextProbeAt >= 0) {
            send(tier, now);
        }
    }

    /** A tier was opened: its probes are frequent again. */
    void opened(TierState tier) {
        tier.probeDelay = interval;
    }

    /** The next one follows soon. */
    void soon(TierState tier, long now) {
        tier.nextProbeAt = tier.switched ? now : now + jittered(interval);
    }

    /** A tier that is out is probed with the next tick, or as soon as its fence or a probe of the server before is over. */
    void switched(TierState tier, long now) {
        tier.switched = true;
        tier.nextProbeAt = now;
    }

    /** Probes a tier because of a call or of the time that passed without one. */
    void want(TierState tier, long now) {
        if (!tier.probing && (tier.lastProbeAt == 0 || now - tier.lastProbeAt >= PAUSE)) {
            send(tier, now);
        }
    }

    /** Probes a tier because a call hangs there; less often the longer one has hung beside answered probes. */
    void wantOfHanging(TierState tier, long now) {
        long pause = tier.hangs < HANGS ? PAUSE : LONGEST_PAUSE;
        if (!tier.probing && (tier.lastProbeAt == 0 || now - tier.lastProbeAt >= pause)) {
            tier.hangs++;
            send(tier, now);
        }
    }

    /** Probes a tier now. */
    void send(TierState tier, long now) {
        tier.probeNanos = tier.closed() ? tier.probeLimit.nanos() : tier.probeLimit.nanosWhileOut();
        effects.add(new Effect.Probe(tier.index, now, Duration.ofNanos(tier.probeNanos)));
        tier.idleNanos = jittered(tier.healthCheckNanos);
        tier.canaryNanos = jittered(Math.min(CANARY_PERIOD, tier.healthCheckNanos / 3 * 2));
        tier.probing = true;
        tier.switched = false;
        tier.probeSentAt = now;
        if (tier.recent != null) {
            tier.recent.probing();
        }
    }

    /** Not where every request is paid for and no process of ours is restarted: such a tier is probed when it has been idle. */
    private static boolean canaryIsDue(TierState tier, long now) {
        return tier.recent != null
                && tier.recent.any()
                && (now - tier.lastProbeAt >= tier.canaryNanos
                        || (tier.recent.many() && tier.canaryFollowsAll && now - tier.lastProbeAt >= PAUSE));
    }

    private long jittered(long nanos) {
        return nanos - nanos / 4 + random.nextLong(Math.max(1, nanos / 2));
    }

    /** Every second for a minute, then ever more rarely, never all clients at once. */
    void later(TierState tier, long now) {
        if (tier.switched || now - tier.since < MINUTE) {
            tier.probeDelay = interval;
            soon(tier, now);
        } else {
            tier.probeDelay = Math.min(tier.probeDelay * 2, Math.max(interval, tier.healthCheckNanos));
            tier.nextProbeAt = now + tier.probeDelay / 2 + random.nextLong(tier.probeDelay / 2 + 1);
        }
    }
}
