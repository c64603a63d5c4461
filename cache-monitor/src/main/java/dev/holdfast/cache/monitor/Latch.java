package dev.holdfast.cache.monitor;

import java.util.OptionalDouble;

/**
 * Whether one limit's alert is on: it goes on when values were beyond the limit for a time, and off when they were clear for a time. What can't be
 * judged counts as clear, since nobody can say that it is still so. Pure; of one thread.
 */
final class Latch {
    private final Limit limit;
    private final long raiseAfter;
    private final long clearAfter;
    private boolean on;
    /** Whether values speak for the other state, and since when. */
    private boolean turning;

    private long since;

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
        boolean turns = on
                ? value.isEmpty() || limit.isClear(value.getAsDouble())
                : value.isPresent() && limit.isBeyond(value.getAsDouble());
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

    /** In how many nanoseconds it will turn if nothing changes; {@link Long#MAX_VALUE} if not at all. */
    long due(long now) {
        return turning ? Math.max(0, after() - (now - since)) : Long.MAX_VALUE;
    }

    private long after() {
        return on ? clearAfter : raiseAfter;
    }
}
