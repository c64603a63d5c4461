package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.PartialOutage;
import dev.holdfast.cache.ProbeLimit;
import dev.holdfast.cache.TierHealth;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** What is known of one tier. Pure; guarded by the owner of its {@link FailoverState}, whose parts alone change it. */
final class TierState {
    enum Mode {
        /** Admits calls. */
        CLOSED,
        /** Out. */
        OPEN,
        /** Answers its probes; waits for the grace period or is being reconciled. */
        RECOVERING
    }

    /** Keys that lead below once, as while a pool is exhausted, do so again soon. */
    static final long LINGERS = TimeUnit.SECONDS.toNanos(5);

    final int index;
    final String name;
    /** Whether it is a server: it can fail, and others see what is written to it. The memory below is not. */
    final boolean remote;

    final boolean buffered;
    /** The longest one call may take there; 0 if it may be given any limit. */
    final long boundNanos;

    final long healthCheckNanos;
    final Breaker breaker;
    final DirtyRecord dirty;
    /** Of a server that writes its canary every second; else {@code null}. */
    final @Nullable RecentChanges recent;
    /** The last outage of a part of it that was entered. */
    @Nullable
    PartialOutage outage;
    /** Which kind of what it has missed has its turn next. */
    int turn;

    Mode mode = Mode.CLOSED;
    long since;
    /** When it was opened last; meaningful once it was. */
    long openedAt;

    TierHealth.@Nullable Reason reason;

    @Nullable
    Throwable openedBy;

    @Nullable
    CacheUnavailableException lastFailure;

    long lastFailureAt;

    @Nullable
    String notes;

    /**
     * Changes whenever a call that was admitted before may have ended up on the wrong tier: this one was opened or had a key
     * cleaned, a tier above was closed or had a key cleaned, the memory was replaced, a tier below began to hold something.
     */
    long stamp;

    /** How often calls began to come here after a time in which changes above were not marked here: what is there from before may be outdated. */
    int periods = 1;

    /** Whether one above has served since then: when this begins to serve, another period begins. */
    boolean outdated;

    /** When a key last led here though a tier above serves; meaningful if {@link #led}. */
    boolean led;

    long ledAt;

    /** Until when something written here by this client may live; meaningful if {@link #stored}. */
    boolean stored;

    long storedUntil;

    int failuresInARow;
    long answersAtFailure;
    /** When a refusal last led to a probe; 0 if none has. */
    long refusedAt;

    long lastAnswerAt;
    /** When the ticker last saw that a call was answered. */
    long lastCallAt;

    /** What its calls give reason to think, until a probe decides; {@code null} if nothing. */
    TierHealth.@Nullable Reason suspicion;

    long suspectedAt;

    @Nullable
    Throwable suspectedBy;

    /** How many probes since then ended without saying anything about the server. */
    int undecided;

    /** How often in a row an answered probe contradicted failed or slow calls, and when the last did. */
    int contradictions;

    long contradictedAt;
    /** Calls that failed and were answered since then. */
    long failedSince;

    long answeredSince;
    /** How often in a row a call that hangs led to a probe. */
    int hangs;

    boolean probing;
    long probeSentAt;
    /** How long after the last probe it is probed again, jitter included: if it is idle, and if something was changed there. */
    long idleNanos;

    long canaryNanos;
    /** Whether the last probe's canary followed everything that was changed before: else another one soon would not either. */
    boolean canaryFollowsAll = true;
    /** How many probes in a row were given up. */
    int overdueProbes;
    /** How many failed probes in a row did not count, since this process stood still. */
    int voidProbes;

    boolean reconnectedToLook;
    boolean pinged;
    long lastProbeAt;
    long nextProbeAt;
    /** Whether its store was led to another server after the last probe was sent. */
    boolean switched;

    long probeDelay;
    /** How long the last probe was given. */
    long probeNanos;

    int goodProbes;
    long firstGoodAt;
    /** How long the next probe may take: enough for a healthy tier, and short for those who wait for the verdict. */
    final ProbeLimit probeLimit;

    boolean fencing;
    /** Which fence that is, and when its end is given up. */
    int fences;

    long fenceDueAt;
    long fencedAt;
    boolean held;
    boolean skipGrace;
    /** When it was last told that the composite is about to be closed; 0 if never. */
    long hurriedAt;

    long graceNanos;
    boolean wasBack;
    long backAt;

    boolean draining;
    /** When the end of that is given up; later with each part that is done. */
    long drainDueAt;

    int drains;
    long drainRetryAt;
    long reconciled;

    /** What does not change about a tier. */
    record Traits(String name, boolean remote, TierPolicy policy, long boundNanos) {}

    TierState(int index, Traits traits, FailoverConfig config, LongSupplier nanoTime) {
        this.index = index;
        this.outdated = index > 0;
        this.name = traits.name();
        this.remote = traits.remote();
        this.buffered = traits.policy().buffered();
        this.boundNanos = traits.boundNanos();
        this.healthCheckNanos = traits.policy()
                .healthCheckInterval()
                .orElse(config.healthCheckInterval())
                .toNanos();
        this.idleNanos = healthCheckNanos;
        this.probeLimit = new ProbeLimit(traits.policy().minProbeTimeout().toNanos());
        this.breaker = new Breaker(name, config.slowCallThreshold(), nanoTime);
        this.dirty = new DirtyRecord(config.maxDirtyKeys(), config.maxDirtyBytes());
        this.recent = remote && !buffered ? new RecentChanges() : null;
        this.graceNanos = config.gracePeriod().toNanos();
    }

    boolean closed() {
        return mode == Mode.CLOSED;
    }

    boolean fits(long rest) {
        return remote ? rest > 0 && boundNanos <= rest : boundNanos <= Math.max(0, rest);
    }

    /** Whether changes above have to be marked here: something of this client's may be here, or keys lead here. */
    boolean isFollowed(long now) {
        return (stored && storedUntil - now > 0) || (led && now - ledAt < LINGERS);
    }
}
