package dev.holdfast.cache.monitor;

import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;

/**
 * Whether one limit's alert is on: it goes on when values were beyond the limit for a time, and off when they were clear for a time. While nothing can
 * be judged it neither goes on nor off: a server's incident keeps its callers away. After an hour of that nobody can say that it is still so, and
 * it is off. Pure; of one thread.
 */
final class Latch {
    private static final long LONGEST_UNJUDGED = TimeUnit.HOURS.toNanos(1);

    private final Limit limit;
    private final long raiseAfter;
    private final long clearAfter;
    private boolean on;
    /** Whether values speak for the other state, and since when. */
    private boolean turning;

    private long since;
    private long judgedAt;

    Latch(Limit limit, long raiseAfterNanos, long clearAfterNanos) {
        this.limit = limit;
        this.raiseAfter = raiseAfterNanos;
        this.clearAfter = clearAfterNanos;
    }

    Limit limit() {
        return limit;
    }

    boolean isOn() {
        return on;
    }

    void judge(OptionalDouble value, long now) {
        if (value.isEmpty()) {
            unjudged(now);
            return;
        }
        judgedAt = now;
        boolean turns = on ? limit.isClear(value.getAsDouble()) : limit.isBeyond(value.getAsDouble());
        if (!turns) {
            turning = false;
            return;
        }
        if (!turning) {
            turning = true;
            since = now;
        }
        if (now - since >= after()) {
            on = !on;
            turning = false;
        }
    }

    /** What cleared before may go on to clear; what was about to go on begins anew. */
    private void unjudged(long now) {
        turning &= on;
        if (on && now - judgedAt >= LONGEST_UNJUDGED) {
            on = false;
            turning = false;
        }
    }

    /** In how many nanoseconds it will turn if nothing changes; {@link Long#MAX_VALUE} if nobody can say. */
    long due(long now) {
        long left = turning ? after() - (now - since) : 0;
        return left > 0 ? left : Long.MAX_VALUE;
    }

    private long after() {
        return on ? clearAfter : raiseAfter;
    }
}
