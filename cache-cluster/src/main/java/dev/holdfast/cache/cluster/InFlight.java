package dev.holdfast.cache.cluster;

import java.util.concurrent.atomic.LongAdder;

/**
 * How many calls to a node are under way, by the tick of the watch in which they began; so a call that takes too long is
 * noticed without anybody reading a clock. A call's tick comes round again after {@value #TICKS} ticks, and then hides it for as
 * long as it is recent.
 */
final class InFlight {
    private static final int TICKS = 32;

    private final LongAdder[] begun = new LongAdder[TICKS];

    InFlight() {
        for (int i = 0; i < TICKS; i++) {
            begun[i] = new LongAdder();
        }
    }

    /** Counts a call. */
    void enter(int tick) {
        begun[tick & (TICKS - 1)].increment();
    }

    /** Ends a call that was counted under this tick. */
    void exit(int tick) {
        begun[tick & (TICKS - 1)].decrement();
    }

    /** Whether a call is under way that began so many ticks ago, or more. */
    boolean isOlderThan(int ticks, int now) {
        for (int age = ticks + 1; age < TICKS; age++) {
            if (begun[(now - age) & (TICKS - 1)].sum() > 0) {
                return true;
            }
        }
        return false;
    }

    /** How many there are. */
    int count() {
        long count = 0;
        for (LongAdder adder : begun) {
            count += adder.sum();
        }
        return (int) Math.max(0, count);
    }
}
