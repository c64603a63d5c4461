package dev.holdfast.cache.failover;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Has everything of a cache absent that was made so far, for all that share the first server. Blocks for as long as a call may take. */
final class Clearing {
    /** Who waits for so long until the server has a floor has it probed. */
    private static final long SUSPICIOUS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final long PAUSE = TimeUnit.MICROSECONDS.toNanos(500);

    private final Switchboard switchboard;
    private final long timeout;

    Clearing(Switchboard switchboard, long timeout) {
        this.switchboard = switchboard;
        this.timeout = timeout;
    }

    /** Waits until the first server has said what time it is: no floor can be raised before. */
    private void awaitTime() {
        long end = switchboard.now() + timeout;
        while (!switchboard.closed()
                && switchboard.decide(state -> state.asksTime(switchboard.now()))
                && switchboard.now() - end < 0
                && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(PAUSE);
        }
    }

    /**
     * The floor of a cache, once the clock is past it: a millisecond after it was raised, as a rule. One that is raised again and again must not run ahead of
     * the clock, since what is put is dated by it.
     */
    private long floorToBeRaised(String prefix) {
        Agreements agreements = switchboard.agreements();
        long floor = agreements.floorOver(prefix);
        for (int i = 0; i < 5 && !agreements.isAbove(floor); i++) {
            LockSupport.parkNanos(PAUSE);
        }
        return floor;
    }

    /** Clears the cache with a prefix, and returns when the others will hear of it; false if they will not. */
    boolean clear(String prefix) {
        awaitTime();
        long before = floorToBeRaised(prefix);
        Attendance.Offer offer = switchboard.decide(state -> {
            if (switchboard.closed()) {
                throw new IllegalStateException("the store is closed");
            }
            return state.clear(prefix, before, switchboard.now());
        });
        if (offer == null) {
            return false;
        }
        try {
            if (!offer.await(Math.min(SUSPICIOUS, timeout))) {
                switchboard.change(state -> state.suspect(switchboard.now()));
                if (!offer.await(timeout)) {
                    switchboard.change(state -> state.attendance.owe(offer));
                }
            }
        } catch (InterruptedException e) {
            switchboard.change(state -> state.attendance.owe(offer));
            Thread.currentThread().interrupt();
        }
        return true;
    }
}
