package dev.holdfast.cache.cluster;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * When nodes are asked for the topology: at first, at an interval, and soon after somebody wants it. While slots are not served, one
 * node is asked twice a second whether anything has changed, and the others only then. Altogether there are two questions a second at
 * most, on average. Any thread may want the topology, or close this; all else is of the one thread that asks, which sleeps here.
 */
final class RefreshSchedule {
    private static final long SHORTEST_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long AMISS_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** So often that all slots are served again is followed at once, whatever was asked before. */
    private static final long RECOVERED_GAP_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final long intervalNanos;
    private final Allowance allowance = new Allowance(System.nanoTime());
    private volatile boolean wanted = true;
    private volatile boolean urgent = true;
    private volatile boolean closed;
    private volatile @Nullable Thread thread;

    /** Whether a node has just said that all slots are served again, and when that was last followed at once. */
    private boolean recovered;

    private long recoveredAt = System.nanoTime() - RECOVERED_GAP_NANOS;
    private long endedAt = System.nanoTime();
    private long pauseNanos;

    /**
     * Creates one by which the topology is wanted now.
     *
     * @param interval how often nodes are asked while nothing calls for it
     */
    RefreshSchedule(Duration interval) {
        this.intervalNanos = interval.toNanos();
    }

    /** Has the nodes asked soon; cheap, and for any thread. */
    void want() {
        if (!wanted) {
            wanted = true;
            LockSupport.unpark(thread);
        }
    }

    /** Has the nodes asked for somebody who waits; for any thread. */
    void wantNow() {
        urgent = true;
        wanted = true;
        LockSupport.unpark(thread);
    }

    /** Wakes the thread that asks, which is to end; for any thread. */
    void close() {
        closed = true;
        LockSupport.unpark(thread);
    }

    boolean isClosed() {
        return closed;
    }

    /** Notes that a round of questions begins; returns whether somebody wanted it. */
    boolean begin() {
        if (recovered) {
            recovered = false;
            recoveredAt = System.nanoTime();
        }
        boolean was = wanted;
        wanted = false;
        urgent = false;
        return was;
    }

    /** Notes that a round has ended, whatever came of it. */
    void ended() {
        endedAt = System.nanoTime();
        pauseNanos = intervalNanos * 3 / 4 + ThreadLocalRandom.current().nextLong(intervalNanos / 2 + 1);
    }

    /** Notes that questions were asked. */
    void asked(int questions) {
        allowance.spend(questions, System.nanoTime());
    }

    /**
     * Notes that a node said that something has changed.
     *
     * @param allServed whether it is that all slots are served again
     */
    void changed(boolean allServed) {
        recovered = allServed;
        wantNow();
    }

    /**
     * Waits until nodes are to be asked, or this is closed; returns whether for all that they see, or only whether anything has changed.
     *
     * @param known the slots as they are known at each moment
     */
    boolean awaitRound(Supplier<SlotMap> known) {
        thread = Thread.currentThread();
        long begun = System.nanoTime();
        while (!closed) {
            long now = System.nanoTime();
            SlotMap map = known.get();
            boolean amiss = map != SlotMap.UNKNOWN && map.served() < Slots.COUNT;
            long untilRound = Math.min(wanted ? untilWanted(map, now) : Long.MAX_VALUE, endedAt + pauseNanos - now);
            // Somebody may be about to take over slots that are not served.
            long untilPeek = amiss ? begun + AMISS_GAP_NANOS - now : Long.MAX_VALUE;
            if (untilRound <= 0) {
                return true;
            }
            if (untilPeek <= 0) {
                return false;
            }
            LockSupport.parkNanos(this, Math.min(untilRound, untilPeek));
        }
        return true;
    }

    private long untilWanted(SlotMap map, long now) {
        long gap = endedAt + SHORTEST_GAP_NANOS - now;
        if (recovered && now - recoveredAt > RECOVERED_GAP_NANOS) {
            return gap; // whoever waits for slots has waited long enough
        }
        if (!urgent) {
            return Math.max(gap, allowance.waitNanos(now));
        }
        // Whoever has never been told anything asks as often as he can.
        return map == SlotMap.UNKNOWN ? gap : Math.max(gap, allowance.waitUrgentNanos(now));
    }
}
