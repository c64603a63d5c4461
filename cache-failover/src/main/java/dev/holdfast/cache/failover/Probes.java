package dev.holdfast.cache.failover;

import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.internal.ProbeLimit;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * When a tier is probed, one probe at a time. A closed one when a call gives reason to, when it was idle, and every 20 seconds to
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

    private final TierState tier;
    private final Tiers tiers;
    private final long interval;
    /** How long the next probe may take: enough for a healthy tier, and short for those who wait for the verdict. */
    private final ProbeLimit limit;

    private boolean underWay;
    private long sentAt;
    /** How long the last one was given. */
    private long givenNanos;
    /** When the last one ended; 0 if none has. */
    private long endedAt;
    /** How many in a row were given up. */
    private int givenUp;

    private long lastAnswerAt;
    /** How long after the last one the next is sent, jitter included: if the tier is idle, and if something was changed there. */
    private long idleNanos;

    private long canaryNanos;
    /** Whether the last canary followed everything that was changed before: else another one soon would not either. */
    private boolean followsAll = true;
    /** How often in a row a call that hangs led to one. */
    private int hangs;
    /** When a tier that is out has its next one, and how long after the last one that is. */
    private long nextAt;

    private long delay;
    /** Whether the tier's store was led to another server after the last one was sent. */
    private boolean switched;

    Probes(TierState tier, Tiers tiers, long minLimit) {
        this.tier = tier;
        this.tiers = tiers;
        this.limit = new ProbeLimit(minLimit);
        this.idleNanos = tier.healthCheckNanos;
        this.interval = Math.max(
                SHORTEST_DELAY, Math.min(SECOND, tiers.config.gracePeriod().toNanos() / tiers.config.probes()));
    }

    boolean isUnderWay() {
        return underWay;
    }

    /** When the one that is under way was sent, or this process last stood still meanwhile. */
    long sentAt() {
        return sentAt;
    }

    /** Whether the last one ended after a moment. */
    boolean endedSince(long then) {
        return !underWay && endedAt - then > 0;
    }

    /** How many in a row were given up. */
    int givenUp() {
        return givenUp;
    }

    /** When a tier that is out has its next one. */
    long nextAt() {
        return nextAt;
    }

    /** Gives up one that should have ended long ago: its store promised to end it, and does not. Returns whether there is one. */
    boolean giveUp(long now) {
        boolean overdue = underWay && now - sentAt >= OVERDUE + 2 * givenNanos;
        if (overdue) {
            underWay = false;
            givenUp++;
        }
        return overdue;
    }

    /** This process stood still: one that is under way may be as late as it is. */
    void stalled(long now) {
        sentAt = now;
    }

    /** One ended, with an answer or without. */
    void ended(long now) {
        underWay = false;
        givenUp = 0;
        endedAt = now;
    }

    /** One that is no older than the fence was answered. */
    void answered(long startedAt, ProbeResult result, long now) {
        followsAll = result.followsAll();
        if (tier.recent != null && followsAll) {
            tier.recent.probed();
        }
        limit.took(now - startedAt, givenNanos);
        heard(now);
    }

    /** The tier answered something. */
    void heard(long now) {
        lastAnswerAt = now;
    }

    /** When the tier last answered anything. */
    long lastAnswerAt() {
        return lastAnswerAt;
    }

    /** Probes a server if that is due. */
    void tick(long now) {
        if (tier.closed()) {
            if (now - Math.max(lastAnswerAt, endedAt) >= idleNanos || isCanaryDue(now)) {
                want(now);
            }
        } else if (!tier.circuit.isFencing() && !tier.circuit.isHeld() && !underWay && now - nextAt >= 0) {
            send(now);
        }
    }

    /** The tier was opened: its probes are frequent again. */
    void opened() {
        delay = interval;
    }

    /** The next one follows soon. */
    void soon(long now) {
        nextAt = switched ? now : now + jittered(interval);
    }

    /** A tier that is out is probed with the next tick. */
    void next(long now) {
        nextAt = now;
    }

    /** A tier that is out is probed with the next tick, or as soon as its fence or a probe of the server before is over. */
    void switched(long now) {
        switched = true;
        next(now);
    }

    /** Sends one because of a call or of the time that passed without one. */
    void want(long now) {
        want(PAUSE, now);
    }

    /** Sends one because a call hangs there; less often the longer one has hung beside answered probes. */
    void wantOfHanging(long now) {
        if (want(hangs < HANGS ? PAUSE : LONGEST_PAUSE, now)) {
            hangs++;
        }
    }

    private boolean want(long pause, long now) {
        boolean sends = !underWay && (endedAt == 0 || now - endedAt >= pause);
        if (sends) {
            send(now);
        }
        return sends;
    }

    /** No call hangs any more. */
    void nothingHangs() {
        hangs = 0;
    }

    /** Sends one now. */
    void send(long now) {
        givenNanos = tier.closed() ? limit.nanos() : limit.nanosWhileOut();
        tiers.add(new Effect.Probe(tier.index, now, Duration.ofNanos(givenNanos)));
        idleNanos = jittered(tier.healthCheckNanos);
        canaryNanos = jittered(Math.min(CANARY_PERIOD, tier.healthCheckNanos / 3 * 2));
        underWay = true;
        switched = false;
        sentAt = now;
        if (tier.recent != null) {
            tier.recent.probing();
        }
    }

    /** Not where every request is paid for and no process of ours is restarted: such a tier is probed when it has been idle. */
    private boolean isCanaryDue(long now) {
        RecentChanges recent = tier.recent;
        return recent != null
                && recent.any()
                && (now - endedAt >= canaryNanos || (recent.many() && followsAll && now - endedAt >= PAUSE));
    }

    private long jittered(long nanos) {
        return nanos - nanos / 4 + tiers.random.nextLong(Math.max(1, nanos / 2));
    }

    /** Every second for a minute, then ever more rarely, never all clients at once. */
    void later(long now) {
        if (switched || now - tier.circuit.since() < MINUTE) {
            delay = interval;
            soon(now);
        } else {
            delay = Math.min(delay * 2, Math.max(interval, tier.healthCheckNanos));
            nextAt = now + delay / 2 + tiers.random.nextLong(delay / 2 + 1);
        }
    }
}
