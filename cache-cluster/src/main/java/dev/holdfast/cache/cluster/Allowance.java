package dev.holdfast.cache.cluster;

import java.util.concurrent.TimeUnit;

/**
 * How many questions may be asked: two a second on average, some at once after a quiet time. What is urgent is asked in advance, and
 * the others wait for longer then; but not even that may be asked without end. Of one thread.
 */
final class Allowance {
    private static final long NANOS_EACH = TimeUnit.MILLISECONDS.toNanos(500);
    private static final int MOST_AT_ONCE = 4;
    private static final int MOST_IN_ADVANCE = 2;

    /** When all would be paid for; the past counts up to {@link #MOST_AT_ONCE}. */
    private long paidAt;

    Allowance(long now) {
        paidAt = now - MOST_AT_ONCE * NANOS_EACH;
    }

    /** How long it takes until one more is allowed; not positive if it is. */
    long waitNanos(long now) {
        return paidAt + NANOS_EACH - now;
    }

    /** How long it takes until one that is urgent is allowed; not positive if it is. */
    long waitUrgentNanos(long now) {
        return waitNanos(now) - MOST_IN_ADVANCE * NANOS_EACH;
    }

    /** Notes that questions were asked. */
    void spend(int questions, long now) {
        long earliest = now - MOST_AT_ONCE * NANOS_EACH;
        long latest = now + MOST_IN_ADVANCE * NANOS_EACH;
        paidAt = Math.max(paidAt, earliest) + questions * NANOS_EACH;
        if (paidAt - latest > 0) {
            paidAt = latest;
        }
    }
}
