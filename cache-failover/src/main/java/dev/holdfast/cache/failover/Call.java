package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One call on its way through the tiers: decides after each answer what is tried next. Pure, like the state it works on and
 * under the same lock; whoever drives it does what {@link #next} says and reports what came of it.
 */
final class Call {
    /** Keys that have yet to be answered, and who has failed them. */
    private record Leg(List<String> keys, int mask, int tries) {}

    private final FailoverState state;
    private final Kind kind;
    private final Request request;
    private final long deadline;
    /** Tiers not to ask, as bits. */
    private final int excluded;

    private final Deque<Leg> legs = new ArrayDeque<>();
    private final List<CacheUnavailableException> causes = new ArrayList<>();
    private final Set<String> failedKeys = new LinkedHashSet<>();
    private boolean outcomeUnknown;
    private int retries;
    private long pause;

    /**
     * Begins a call.
     *
     * @param deadline when it has to be over
     * @param excluded tiers not to ask, as bits
     */
    static Call begin(FailoverState state, Request request, long deadline, int excluded) {
        Call call = new Call(state, request, deadline, excluded);
        if (!request.keys().isEmpty()) {
            call.legs.add(new Leg(request.keys(), excluded, 0));
        }
        return call;
    }

    /** Begins a call whose first attempt was made already; report what came of it. */
    static Call attempted(FailoverState state, Request request, long deadline, int excluded) {
        return new Call(state, request, deadline, excluded);
    }

    private Call(FailoverState state, Request request, long deadline, int excluded) {
        this.state = state;
        this.request = request;
        this.kind = request.kind();
        this.deadline = deadline;
        this.excluded = excluded;
    }

    /**
     * Returns what to try next.
     *
     * @return the attempt; {@code null} if there is none: the call is over, or {@link #pause} says how long to wait before
     *     asking again
     * @throws CacheUnavailableException if the call has failed
     */
    @Nullable
    Attempt next(long now) {
        pause = 0;
        Leg leg = legs.peek();
        if (leg == null) {
            if (failedKeys.isEmpty()) {
                return null;
            }
            throw causes.size() == 1 && !request.several() ? causes.get(0) : failure(now);
        }
        long rest = deadline - now;
        Attempt attempt = state.routing.admit(kind, leg.keys(), leg.mask(), leg.tries(), request.ttlNanos(), rest, now);
        if (attempt != null) {
            legs.remove();
            if (attempt.keys().size() < leg.keys().size()) {
                List<String> others = new ArrayList<>(leg.keys());
                others.removeAll(Set.copyOf(attempt.keys()));
                legs.addFirst(new Leg(others, leg.mask(), 0));
            }
            return attempt;
        }
        if (state.routing.refusesCondition(kind, leg.mask(), rest)) {
            throw notJudged();
        }
        // No tier is left. Waiting may help now, and only now; and not for tiers that are known to be out.
        long delay = state.routing.retryPause(retries);
        if (retries < state.config.retries() && delay < rest && someServes()) {
            retries++;
            pause = Math.max(1, delay);
            List<String> keys = new ArrayList<>();
            legs.forEach(each -> keys.addAll(each.keys()));
            legs.clear();
            legs.add(new Leg(keys, excluded, 0));
            return null;
        }
        legs.forEach(each -> failedKeys.addAll(each.keys()));
        legs.clear();
        throw failure(now);
    }

    /** Says that a condition can't be judged, since its key is still to be removed there; nobody waits for that. */
    private CacheUnavailableException notJudged() {
        CacheUnavailableException last = causes.isEmpty() ? null : causes.get(causes.size() - 1);
        String message =
                "nothing was changed, and no condition on this key can be judged yet: an earlier change of it, or of its whole"
                        + " cache, has an unknown outcome and may still be applied, for unknownQuarantine ("
                        + state.config.unknownQuarantine() + ") at most, or is not done yet; " + tiers();
        return new CacheUnavailableException(
                message, last, last == null ? Reason.TIMEOUT : last.reason(), outcomeUnknown);
    }

    /** Whether one of the tiers that may be asked admits calls. */
    private boolean someServes() {
        int serving = state.tiers.serving();
        return serving != FailoverState.NONE && (excluded & 1 << serving) == 0;
    }

    /** How long to wait before {@link #next} is asked again; 0 if the call is over. */
    long pause() {
        return pause;
    }

    Kind kind() {
        return kind;
    }

    /** When the call has to be over. */
    long deadline() {
        return deadline;
    }

    /**
     * An attempt succeeded.
     *
     * @param result the counter's new value, if it was an increment
     * @return what has to be done about it, before the call is over
     */
    After succeeded(Attempt attempt, long result, long now) {
        if (kind == Kind.COUNT) {
            state.keys.counted(attempt, request, result, now);
        }
        state.tiers.get(attempt.tier()).changed(kind, attempt.keys());
        boolean below = kind != Kind.READ && kind != Kind.FILL && state.keys.markBelow(attempt, kind, now);
        if (kind == Kind.COUNT || state.keys.confirmed(attempt, kind)) {
            return below ? After.REMOVE_FROM_MEMORY : After.NOTHING;
        }
        if (kind.harmless && kind != Kind.FILL) {
            // It went where its keys belonged then; now they belong elsewhere, and there nothing has happened yet.
            legs.add(new Leg(attempt.keys(), excluded, 0));
            return After.NOTHING;
        }
        return state.keys.forget(attempt) ? After.REMOVE_AGAIN : After.NOTHING;
    }

    /** What a successful attempt leaves to do. */
    enum After {
        NOTHING,
        /** Remove the attempt's keys from the memory below. */
        REMOVE_FROM_MEMORY,
        /** Remove the attempt's keys from where it went. */
        REMOVE_AGAIN
    }

    /**
     * An attempt failed.
     *
     * @param answers how many calls its tier has answered so far
     */
    void failed(Attempt attempt, CacheUnavailableException failure, long answers, long now) {
        causes.add(failure);
        request.found().putAll(failure.partialResult());
        List<String> keys = new ArrayList<>(attempt.keys());
        if (keys.isEmpty()) {
            state.tiers.get(attempt.tier()).detector.failed(failure, answers, now);
            return; // a call for no keys has succeeded
        }
        if (request.several() && !failure.failedKeys().isEmpty()) {
            keys.retainAll(failure.failedKeys());
            List<String> done = new ArrayList<>(attempt.keys());
            done.removeAll(failure.failedKeys());
            if (!done.isEmpty()) {
                succeeded(new Attempt(attempt.tier(), done, attempt.stamp(), 0, 0, attempt.purge(), 0), 0, now);
            }
        }
        boolean unknown = failure.outcomeUnknown() && kind != Kind.READ;
        boolean settled = state.keys.settled(attempt.tier(), failure);
        if (unknown && kind == Kind.PREFIX) {
            state.keys.markPrefix(state.tiers.get(attempt.tier()), keys.get(0));
        } else if (unknown && !settled && kind != Kind.COUNT) {
            state.keys.unsettled(attempt.tier(), keys, now);
        }
        state.tiers.get(attempt.tier()).detector.failed(failure, answers, now);
        if (unknown && !kind.harmless) {
            outcomeUnknown = true;
            failedKeys.addAll(keys);
            return;
        }
        boolean connection = failure.reason() == Reason.CONNECTION || failure.reason() == Reason.DISCONNECTED;
        boolean onceMore = connection && attempt.tries() == 0 && (settled || !unknown);
        int mask = attempt.mask() | excluded;
        legs.add(onceMore ? new Leg(keys, mask, 1) : new Leg(keys, mask | 1 << attempt.tier(), 0));
        outcomeUnknown |= unknown;
    }

    /** An attempt ended in a way that says nothing about its tier, such as by an interrupt: it may have been applied. */
    void abandoned(Attempt attempt, long now) {
        if (kind == Kind.PREFIX) {
            state.keys.markPrefix(
                    state.tiers.get(attempt.tier()), attempt.keys().get(0));
        } else if (kind != Kind.READ && kind != Kind.COUNT) {
            state.keys.unsettled(attempt.tier(), attempt.keys(), now);
        }
    }

    /** Whether it changes several keys, so that some may be changed though the call is refused. */
    boolean changesSeveral() {
        return request.several() && kind.invalidates;
    }

    /** An attempt was refused: nothing was changed by it but what {@link #succeeded} was told of. */
    void refused(Attempt attempt) {
        if (kind == Kind.PREFIX) {
            state.keys.retractPrefix(attempt);
        }
    }

    /** The memory it went to is no longer in use: it is tried again on the one that is. */
    void outdated(Attempt attempt) {
        legs.add(new Leg(attempt.keys(), attempt.mask() | excluded, attempt.tries()));
    }

    private CacheUnavailableException failure(long now) {
        boolean late = deadline - now <= 0;
        String message = (late ? "no tier answered in time" : "no tier can answer") + ": " + tiers();
        Collection<String> keys = request.several() ? failedKeys : Set.of();
        Map<String, byte[]> partial = request.several() ? request.found() : Map.of();
        CacheUnavailableException last = causes.isEmpty() ? null : causes.get(causes.size() - 1);
        Reason reason = last == null ? Reason.CONNECTION : last.reason();
        CacheUnavailableException failure = late
                ? new CacheTimeoutException(message, last, outcomeUnknown, keys, partial)
                : new CacheUnavailableException(message, last, reason, outcomeUnknown, keys, partial);
        for (CacheUnavailableException cause : causes) {
            if (cause != last) {
                failure.addSuppressed(cause);
            }
        }
        for (TierState tier : state.tiers) {
            Throwable openedBy = tier.circuit.openedBy();
            if (openedBy != null && !tier.closed() && !causes.contains(openedBy)) {
                failure.addSuppressed(openedBy);
            }
        }
        return failure;
    }

    private String tiers() {
        StringBuilder text = new StringBuilder();
        for (TierState tier : state.tiers) {
            text.append(text.isEmpty() ? "" : ", ").append(tier.name).append(" is ");
            if ((excluded & 1 << tier.index) != 0) {
                text.append("not asked");
                continue;
            }
            text.append(tier.closed() ? "closed" : "open (" + tier.circuit.reason() + ')');
        }
        return causes.isEmpty()
                ? text.toString()
                : text + "; " + causes.get(causes.size() - 1).getMessage();
    }
}
