package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Every decision of a composite: which tier a key belongs on, what must be remembered before a call goes there, when a tier is
 * opened, fenced, reconciled and closed again. Knows no threads, clocks or stores: time comes in with each event, in
 * nanoseconds, and what is to be done goes out as {@link Effect}s. Guarded by its owner's lock.
 *
 * <p>The rules that keep an acknowledged removal, each argued in {@code docs/failover.md}:
 * <ul>
 *   <li>A key is neither read nor changed on a tier for which it is dirty ({@link #dirty}).
 *   <li>Before a change goes to a tier, its key is dirty for every tier above ({@link #markAbove}); before it is acknowledged, for
 *       every tier below that may still hold something ({@link #markBelow}).
 *   <li>A change is acknowledged only if its key belonged on that tier all the while ({@link #confirmed}).
 *   <li>A key is clean again only after it was removed there and nothing sent before can arrive ({@link #unsettledUntil}).
 * </ul>
 */
class FailoverState {
    static final int NONE = -1;

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);
    /** A tier that failed a call is not probed more often than this because of that. */
    private static final long PROBE_PAUSE = TimeUnit.MILLISECONDS.toNanos(100);

    /**
     * A tier in use writes its canary this often: of what it acknowledges after its last canary nobody can tell whether it
     * is still there after a restart.
     */
    private static final long CANARY_PERIOD = SECOND;

    private static final long SHORTEST_PROBE_DELAY = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long MEMORY_LINGERS = 5 * SECOND;
    private static final int REMOVALS = 500;
    private static final int INCREMENTS = 50;
    /** So few dirty keys need not delay a failback: they are cleaned while the tier serves. */
    private static final int FEW = 256;

    final FailoverConfig config;
    final List<TierState> tiers;
    private final RandomGenerator random;
    private final String id;
    private final long quarantine;
    private final long probeInterval;
    private final @Nullable TierState memory;
    private List<Effect> effects = new ArrayList<>();
    private int serving;
    private int memoryGeneration;
    private boolean memoryUsed;
    private long memoryUsedAt;

    /**
     * Creates one with every tier closed.
     *
     * @param tiers the tiers in their order; only the last may be memory
     * @param id begins the name of every increment that must not be entered twice; letters, digits and hyphens
     */
    FailoverState(FailoverConfig config, List<TierState> tiers, RandomGenerator random, String id) {
        this.config = config;
        this.tiers = List.copyOf(tiers);
        this.random = random;
        this.id = id;
        this.quarantine = config.unknownQuarantine().toNanos();
        this.probeInterval = Math.max(
                SHORTEST_PROBE_DELAY, Math.min(SECOND, config.gracePeriod().toNanos() / config.probes()));
        TierState last = tiers.get(tiers.size() - 1);
        this.memory = last.remote ? null : last;
    }

    // What holds now

    /** The first tier that admits calls; {@link #NONE} if none does. */
    int serving() {
        return serving;
    }

    /** Which memory is in use; when it changes, a new, empty one takes the place of the old. */
    int memoryGeneration() {
        return memoryGeneration;
    }

    /** Whether every key may be read on the serving tier. */
    boolean readsAreClean() {
        return serving != NONE && tiers.get(serving).dirty.isEmpty();
    }

    /** Whether every key may be changed on the serving tier without anything to be remembered. */
    boolean writesAreClean(long now) {
        if (serving != 0 || memoryUsed || !tiers.get(0).dirty.isEmpty()) {
            return false;
        }
        for (int i = 1; i < tiers.size(); i++) {
            if (tiers.get(i).remote && tiers.get(i).mayHold(now)) {
                return false;
            }
        }
        return true;
    }

    /** Whether nothing is to be watched for but calls: every tier is closed, clean and settled. */
    boolean quiet(long now) {
        for (TierState tier : tiers) {
            if (!tier.closed() || tier.probing || !tier.dirty.isEmpty()) {
                return false;
            }
        }
        return !memoryUsed;
    }

    /** Takes what was decided and is yet to be done, in order. */
    List<Effect> takeEffects() {
        if (effects.isEmpty()) {
            return List.of();
        }
        List<Effect> taken = effects;
        effects = new ArrayList<>();
        return taken;
    }

    // A call

    /** Whether a key must be neither read nor changed on a tier. */
    boolean dirty(TierState tier, String key) {
        return tier.dirty.contains(key);
    }

    /**
     * Finds the tier for the first of some keys, and for those of the others that belong there too, and remembers what must
     * be before they are changed there.
     *
     * @param mask tiers not to ask, as bits
     * @param ttlNanos how long what the call stores may live; 0 if it stores nothing
     * @param rest how much time the call has left
     * @return the attempt; {@code null} if no tier is left
     */
    @Nullable
    Attempt admit(Kind kind, List<String> keys, int mask, int tries, long ttlNanos, long rest, long now) {
        int index = tierFor(kind, keys.get(0), mask, rest);
        boolean purge = index == NONE;
        if (purge) {
            index = lastResort(mask, rest);
            if (index == NONE) {
                return null;
            }
        }
        List<String> mine = keys;
        if (keys.size() > 1) {
            mine = new ArrayList<>(keys.size());
            for (String key : keys) {
                int other = tierFor(kind, key, mask, rest);
                if (purge ? other == NONE : other == index) {
                    mine.add(key);
                }
            }
        }
        TierState tier = tiers.get(index);
        int marked = kind.invalidates ? markAbove(tier, kind, mine) : 0;
        if (ttlNanos > 0) {
            // It is stored when it arrives, not now.
            long until = after(now, ttlNanos + config.failoverTimeout().toNanos() + quarantine);
            if (tier.remote && !tier.mayHold(now)) {
                stampAbove(tier);
            }
            tier.storedUntil = tier.mayHold(now) && tier.storedUntil - until > 0 ? tier.storedUntil : until;
            tier.stored = true;
        }
        if (tier == memory && index != serving) {
            if (!memoryUsed) {
                stampAbove(tier);
                memoryUsed = true;
            }
            memoryUsedAt = now;
        }
        Purge purged = purge ? tier.dirty.planned(mine) : Purge.NONE;
        return new Attempt(index, mine, tier.stamp, mask, tries, purged, marked);
    }

    private int tierFor(Kind kind, String key, int mask, long rest) {
        for (TierState tier : tiers) {
            if (admits(tier, mask, rest) && (kind == Kind.PREFIX || !dirty(tier, key))) {
                return tier.index;
            }
        }
        return NONE;
    }

    /** Where a key goes that is dirty everywhere: it is removed there before it is read or changed. */
    private int lastResort(int mask, long rest) {
        for (TierState tier : tiers) {
            if (admits(tier, mask, rest)) {
                return tier.index;
            }
        }
        return NONE;
    }

    private static boolean admits(TierState tier, int mask, long rest) {
        return tier.closed() && (mask & 1 << tier.index) == 0 && tier.fits(rest);
    }

    /** Makes keys dirty for every tier above one. Returns the tiers for which a prefix was not dirty before. */
    int markAbove(TierState tier, Kind kind, List<String> keys) {
        int marked = 0;
        for (int i = 0; i < tier.index; i++) {
            marked |= mark(tiers.get(i), kind, keys);
        }
        return marked;
    }

    /**
     * After a change: makes its keys dirty for every server below that may hold an older value.
     *
     * @return whether the memory below may hold one too: the caller has to remove it there
     */
    boolean markBelow(Attempt attempt, Kind kind, long now) {
        for (int i = attempt.tier() + 1; i < tiers.size(); i++) {
            TierState below = tiers.get(i);
            if (below.remote && below.mayHold(now)) {
                mark(below, kind, attempt.keys());
            }
        }
        if (!memoryUsed || tiers.get(attempt.tier()) == memory) {
            return false;
        }
        stampMemory();
        return true;
    }

    private int mark(TierState tier, Kind kind, List<String> keys) {
        if (kind == Kind.PREFIX) {
            boolean known = tier.dirty.containsPrefix(keys.get(0));
            markPrefix(tier, keys.get(0));
            return known ? 0 : 1 << tier.index;
        }
        for (String key : keys) {
            mark(tier, key, 0);
        }
        return 0;
    }

    private void mark(TierState tier, String key, long unsettledUntil) {
        tier.dirty.remove(key, unsettledUntil);
    }

    /** Makes a prefix dirty for a tier. */
    void markPrefix(TierState tier, String prefix) {
        tier.dirty.removePrefix(prefix);
    }

    /** Takes back the marks of a prefix removal that was refused as a whole, before anything was removed. */
    void retractPrefix(Attempt attempt) {
        for (TierState tier : tiers) {
            if ((attempt.marked() & 1 << tier.index) != 0) {
                tier.dirty.retractPrefix(attempt.keys().get(0));
            }
        }
    }

    /** The keys that no tier was clean of were removed where the call goes. */
    void purged(Attempt attempt) {
        TierState tier = tiers.get(attempt.tier());
        for (DirtyRecord.Removal removal : attempt.purge().removals()) {
            tier.dirty.removed(removal);
        }
    }

    /** Keys were changed on a tier. */
    void changed(TierState tier, Kind kind, List<String> keys) {
        if (tier.recent == null || !kind.invalidates) {
            return;
        }
        if (kind == Kind.PREFIX) {
            tier.recent.addPrefix(keys.get(0));
        } else {
            keys.forEach(tier.recent::add);
        }
    }

    /** Whether the keys of an attempt that succeeded belonged where it went, all the while. */
    boolean confirmed(Attempt attempt, Kind kind) {
        TierState tier = tiers.get(attempt.tier());
        if (tier.stamp != attempt.stamp()) {
            return false;
        }
        // One that was dirty in between and is clean again has changed the stamp.
        return kind == Kind.PREFIX
                || attempt.keys().stream().noneMatch(key -> dirty(tier, key) && !purged(attempt, tier, key));
    }

    /** Whether a key is dirty there for no other reasons than those for which it was removed before the attempt. */
    private static boolean purged(Attempt attempt, TierState tier, String key) {
        return !attempt.purge().isEmpty()
                && !tier.dirty.markedSince(key, attempt.purge().version());
    }

    /**
     * What was stored on a tier may not belong there any more.
     *
     * @return whether the caller has to remove it there; else it is dirty
     */
    boolean forget(Attempt attempt) {
        TierState tier = tiers.get(attempt.tier());
        if (!tier.remote) {
            return true;
        }
        attempt.keys().forEach(key -> mark(tier, key, 0));
        return false;
    }

    /** A lower tier added to a counter: the tiers above have to as well. */
    void counted(Attempt attempt, Request request, long result, long now) {
        String key = request.keys().get(0);
        long expiresAt = after(now, request.ttlNanos());
        for (int i = 0; i < attempt.tier(); i++) {
            tiers.get(i).dirty.increment(key, request.delta(), result == request.delta(), expiresAt, now);
        }
    }

    /** Commands for these keys may still be applied on a tier, now or later. */
    void unsettled(int index, List<String> keys, long now) {
        TierState tier = tiers.get(index);
        if (tier.remote) {
            keys.forEach(key -> mark(tier, key, unsettledUntil(now)));
        }
    }

    long unsettledUntil(long now) {
        return now + quarantine == 0 ? 1 : now + quarantine;
    }

    /** Whether a call that failed so can't be applied any more: its connection is gone at both ends, with nothing in between. */
    boolean settled(int index, CacheUnavailableException failure) {
        return !tiers.get(index).buffered
                && (failure.reason() == Reason.CONNECTION || failure.reason() == Reason.DISCONNECTED);
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
                wantProbe(tier, now);
            }
            return;
        }
        tier.failuresInARow = answers == tier.answersAtFailure ? tier.failuresInARow + 1 : 1;
        tier.answersAtFailure = answers;
        tier.breaker.failed(failure);
        if (tier.failuresInARow >= config.maxFailures() || tier.breaker.tripped()) {
            open(tier, FailoverReason.FAILURES, failure, now);
        } else {
            wantProbe(tier, now);
        }
    }

    /** Full jitter: any wait up to the delay, which doubles with each retry. */
    long retryPause(int retry) {
        long delay = config.retryDelay().toNanos() << Math.min(retry, 10);
        return random.nextLong(Math.max(1, delay));
    }

    // The watch

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
                open(tier, tier.breaker.slow() ? FailoverReason.SLOW : FailoverReason.FAILURES, null, now);
                return;
            }
        }
        if (suspect) {
            if (!tier.probing) {
                wantProbe(tier, now);
            }
            tier.suspected = tier.probing;
        }
    }

    /** Does what is due. */
    void tick(long now) {
        for (TierState tier : tiers) {
            if (!tier.remote) {
                continue;
            }
            if (tier.closed()) {
                if (now - Math.max(tier.lastAnswerAt, tier.lastProbeAt) >= tier.healthCheckNanos
                        || canaryIsDue(tier, now)) {
                    wantProbe(tier, now);
                }
                drainIfDue(tier, now);
            } else {
                if (!tier.fencing && !tier.held && !tier.probing && now - tier.nextProbeAt >= 0) {
                    probe(tier, now);
                }
                reconcileIfDue(tier, now);
            }
        }
        if (memoryUsed && now - memoryUsedAt >= MEMORY_LINGERS && nothingLeadsToMemory()) {
            replaceMemory();
        }
    }

    /** Not where every request is paid for and no process of ours is restarted: such a tier is probed when it has been idle. */
    private static boolean canaryIsDue(TierState tier, long now) {
        return tier.recent != null
                && tier.lastAnswerAt - tier.lastProbeAt > 0
                && (now - tier.lastProbeAt >= CANARY_PERIOD || tier.recent.many());
    }

    private boolean nothingLeadsToMemory() {
        for (TierState tier : tiers) {
            if (tier.closed() && !tier.dirty.isEmpty()) {
                return false;
            }
        }
        return true;
    }

    private void replaceMemory() {
        memoryUsed = false;
        memoryGeneration++;
        stampMemory();
    }

    /** From now on a change above has to be remembered here; those under way do not know that yet. */
    private void stampAbove(TierState tier) {
        for (int i = 0; i < tier.index; i++) {
            tiers.get(i).stamp++;
        }
    }

    /** What is under way below may have come there because of this tier, which is different now. */
    private void stampBelow(TierState tier) {
        for (int i = tier.index + 1; i < tiers.size(); i++) {
            tiers.get(i).stamp++;
        }
    }

    private void stampMemory() {
        if (memory != null) {
            memory.stamp++;
        }
    }

    // Probes

    /** Probes a tier because of a call or of the time that passed without one. */
    private void wantProbe(TierState tier, long now) {
        if (!tier.probing && (tier.lastProbeAt == 0 || now - tier.lastProbeAt >= PROBE_PAUSE)) {
            probe(tier, now);
        }
    }

    private void probe(TierState tier, long now) {
        tier.probing = true;
        if (tier.recent != null) {
            tier.recent.probing();
        }
        effects.add(new Effect.Probe(tier.index, now, tier.probeTimeout()));
    }

    /** A probe was answered. */
    void probed(int index, long startedAt, ProbeResult result, long now) {
        TierState tier = tiers.get(index);
        tier.probing = false;
        tier.suspected = false;
        tier.lookedTwice = false;
        tier.lastProbeAt = now;
        if (result.wentBack()) {
            wentBack(tier, now); // said once, so it counts whichever connection it came from
        }
        if (!tier.closed() && (tier.fencing || startedAt - tier.fencedAt < 0)) {
            tier.nextProbeAt = now + probeInterval; // it may have used a connection from before
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
            tier.mode = TierState.Mode.RECOVERING;
            tier.breaker.recover();
            tier.since = now;
            tier.firstGoodAt = now;
            tier.goodProbes = 0;
        }
        tier.goodProbes++;
        tier.nextProbeAt = now + probeInterval;
        reconcileIfDue(tier, now);
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
                relapse(tier, failure, now);
            } else {
                probeLater(tier, now);
            }
            return;
        }
        if (startedAt - tier.fencedAt < 0 && tier.fencedAt != 0) {
            return;
        }
        if (!onTime) {
            tier.suspected = suspected;
            probe(tier, now);
            return;
        }
        switch (failure.reason()) {
            case SATURATED, PARTIAL, DISCONNECTED -> {}
            case SERVER_STATE -> {
                if (tier.lookedTwice) {
                    open(tier, FailoverReason.PROBE, failure, now);
                } else {
                    // Its name may lead to another server by now.
                    tier.lookedTwice = true;
                    effects.add(new Effect.Disconnect(index, failure, false));
                    probe(tier, now);
                }
            }
            case TIMEOUT -> open(tier, suspected ? FailoverReason.FROZEN : FailoverReason.PROBE, failure, now);
            case CONNECTION, REFUSED -> open(tier, FailoverReason.PROBE, failure, now);
        }
    }

    /** Every second for a minute, then ever more rarely, never all clients at once. */
    private void probeLater(TierState tier, long now) {
        if (now - tier.since < MINUTE) {
            tier.probeDelay = probeInterval;
            tier.nextProbeAt = now + probeInterval;
        } else {
            tier.probeDelay = Math.min(tier.probeDelay * 2, Math.max(probeInterval, tier.healthCheckNanos));
            tier.nextProbeAt = now + tier.probeDelay / 2 + random.nextLong(tier.probeDelay / 2 + 1);
        }
    }

    /** The server has forgotten what it had acknowledged, removals included: nothing in it can be trusted. */
    void wentBack(TierState tier, long now) {
        tier.wentBack = true;
        tier.notes = "wentBack: it lost acknowledged writes";
        tier.dirty.everything();
        effects.add(new Effect.Remark(
                tier.index,
                "wentBack: the server lost writes that it had acknowledged; what this client stored there is"
                        + " removed before it is used again"));
        drainIfDue(tier, now);
    }

    /**
     * A tier's server may have been restarted from a snapshot that holds its last canary, and not what followed: that is to be
     * done once more. Whoever was acknowledged on the route before the fence has said so by now, or finds another route.
     */
    void mayHaveForgotten(TierState tier) {
        if (tier.recent != null && !tier.recent.drain(key -> mark(tier, key, 0), prefix -> markPrefix(tier, prefix))) {
            tier.dirty.everything();
        }
    }

    // Open and closed

    private void open(TierState tier, FailoverReason reason, @Nullable Throwable cause, long now) {
        tier.mode = TierState.Mode.OPEN;
        tier.breaker.open();
        tier.since = now;
        tier.graceNanos = tier.wasBack && now - tier.backAt < MINUTE
                ? Math.min(2 * tier.graceNanos, Math.max(tier.healthCheckNanos, tier.graceNanos))
                : config.gracePeriod().toNanos();
        tier.reason = reason;
        tier.openedBy = cause;
        tier.stamp++;
        tier.failuresInARow = 0;
        tier.goodProbes = 0;
        tier.drains = 0;
        tier.reconciled = 0;
        tier.probeDelay = probeInterval;
        tier.lookedTwice = false;
        fence(tier, cause == null ? new IllegalStateException("the tier was opened: " + reason) : cause);
        int next = firstClosed();
        effects.add(new Effect.Opened(tier.index, reason, cause, next));
        serve(next, reason, 0, 0);
    }

    /** A tier that was on its way back failed: it starts over. */
    private void relapse(TierState tier, Throwable cause, long now) {
        tier.mode = TierState.Mode.OPEN;
        tier.breaker.open();
        tier.since = now;
        tier.goodProbes = 0;
        tier.drains = 0;
        tier.nextProbeAt = now + probeInterval;
        fence(tier, cause);
    }

    private void fence(TierState tier, Throwable cause) {
        tier.fencing = true;
        effects.add(new Effect.Disconnect(tier.index, cause, true));
    }

    /** A tier's connections were reset: nothing that was sent on them before will be applied, unless something buffers. */
    void fenced(int index, long now) {
        TierState tier = tiers.get(index);
        tier.fencing = false;
        tier.fencedAt = now;
        tier.nextProbeAt = now + probeInterval;
        mayHaveForgotten(tier);
        if (!tier.buffered) {
            tier.dirty.settle();
        }
    }

    private int firstClosed() {
        for (TierState tier : tiers) {
            if (tier.closed()) {
                return tier.index;
            }
        }
        return NONE;
    }

    private void serve(int next, @Nullable FailoverReason reason, long outage, long reconciled) {
        if (next == serving) {
            return;
        }
        effects.add(new Effect.Switched(serving, next, reason, outage, reconciled));
        serving = next;
        replaceMemory();
    }

    private void close(TierState tier, long now) {
        long outage = now - tier.since;
        tier.mode = TierState.Mode.CLOSED;
        tier.breaker.close();
        tier.wasBack = true;
        tier.backAt = now;
        tier.since = now;
        tier.skipGrace = false;
        tier.lastAnswerAt = now;
        stampBelow(tier);
        effects.add(new Effect.Closed(tier.index, outage, tier.reconciled));
        serve(firstClosed(), null, outage, tier.reconciled);
    }

    /** Opens a tier that did not answer when the composite started. */
    void startedWithout(int index, Throwable cause, long now) {
        if (tiers.get(index).closed()) {
            open(tiers.get(index), FailoverReason.PROBE, cause, now);
        }
    }

    /** Takes a tier out until {@link #forceFailback}. */
    void forceFailover(int index, long now) {
        TierState tier = tiers.get(index);
        tier.held = true;
        if (tier.closed()) {
            open(tier, FailoverReason.FORCED, null, now);
        }
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

    // Reconciliation

    private void reconcileIfDue(TierState tier, long now) {
        if (tier.mode != TierState.Mode.RECOVERING || tier.fencing || tier.draining || tier.held) {
            return;
        }
        // While nothing answers at all, a server that does is better than waiting.
        boolean needed = serving == NONE;
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
            close(tier, now);
        }
    }

    private void drainIfDue(TierState tier, long now) {
        if (tier.closed() && !tier.draining && !tier.held && !tier.dirty.isEmpty() && now - tier.drainRetryAt >= 0) {
            if (!drain(tier, now)) {
                tier.drainRetryAt = now + SECOND; // all that is left has to be waited for
            }
        }
    }

    /** The next piece of what a tier has missed: everything, prefixes, removals, then increments; null if none is due. */
    private Effect.@Nullable Drain plan(TierState tier, long now) {
        int everything = tier.dirty.everythingDue(now);
        if (everything != 0) {
            return new Effect.RemoveEverything(tier.index, everything);
        }
        List<DirtyRecord.Removal> prefixes = tier.dirty.prefixes(now);
        if (!prefixes.isEmpty()) {
            return new Effect.RemovePrefixes(tier.index, prefixes);
        }
        List<DirtyRecord.Removal> removals = tier.dirty.removals(REMOVALS, now);
        if (!removals.isEmpty()) {
            return new Effect.RemoveKeys(tier.index, removals);
        }
        List<DirtyRecord.Increment> increments = tier.dirty.increments(INCREMENTS, now, onceId(tier));
        return increments.isEmpty() ? null : new Effect.Increments(tier.index, increments);
    }

    /** Has the next piece done; returns whether there is one. */
    private boolean drain(TierState tier, long now) {
        Effect.Drain work = plan(tier, now);
        if (work == null) {
            return false;
        }
        tier.draining = true;
        effects.add(work);
        return true;
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
                changed(tier, Kind.PREFIX, List.of(""));
            }
            tier.wentBack = false;
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

    void prefixRemoved(int index, DirtyRecord.Removal prefix) {
        TierState tier = tiers.get(index);
        changed(tier, Kind.PREFIX, List.of(prefix.key()));
        tier.dirty.prefixRemoved(prefix);
        tier.reconciled++;
        cleaned(tier);
    }

    void removed(int index, List<DirtyRecord.Removal> keys) {
        TierState tier = tiers.get(index);
        changed(tier, Kind.WRITE, keys.stream().map(DirtyRecord.Removal::key).toList());
        keys.forEach(tier.dirty::removed);
        tier.reconciled += keys.size();
        cleaned(tier);
    }

    void incremented(int index, DirtyRecord.Increment increment) {
        TierState tier = tiers.get(index);
        tier.dirty.incremented(increment);
        tier.reconciled++;
        cleaned(tier);
    }

    /** Calls under way here and below may not know that their key was dirty here, or that it no longer is. */
    private void cleaned(TierState tier) {
        tier.dirty.forgetOverflow();
        tier.stamp++;
        if (tier.closed()) {
            stampBelow(tier);
        }
    }

    /** A piece of what a tier had missed is done. */
    void drained(int index, long now) {
        TierState tier = tiers.get(index);
        tier.draining = false;
        tier.drains++;
        tier.drainRetryAt = 0;
        if (tier.closed()) {
            drainIfDue(tier, now);
        } else {
            reconcileIfDue(tier, now);
        }
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
        if (tier.closed() || tier.buffered) {
            unknown.forEach(key -> tier.dirty.unsettled(key, unsettledUntil(now)));
        }
        if (tier.closed()) {
            wantProbe(tier, now);
            return;
        }
        effects.add(new Effect.ReconciliationFailed(index, cause));
        if (tier.mode == TierState.Mode.RECOVERING) {
            relapse(tier, cause, now);
        }
    }

    private static long after(long now, long nanos) {
        return now + Math.min(nanos, Long.MAX_VALUE / 4);
    }
}
