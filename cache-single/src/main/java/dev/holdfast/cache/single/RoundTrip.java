package dev.holdfast.cache.single;

import java.util.concurrent.TimeUnit;

/**
 * Whether the server is near or far: by the shortest of the last quarter of a second's round trips, which says what the
 * way takes, while the others also say how busy both ends are. While it is near, callers wait for each other's batch; far
 * away that would cost more than it saves. Unsynchronized writes are lost now and then, which does no harm.
 */
final class RoundTrip {
    private static final long SHORT_NANOS = TimeUnit.MICROSECONDS.toNanos(200);
    private static final long WINDOW_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private static final int FEWEST = 8;
    private static final long LEAST_SILENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private volatile boolean isShort = true;
    private volatile long silenceNanos = LEAST_SILENCE_NANOS;
    private long shortest = Long.MAX_VALUE;
    private long nearest = Long.MAX_VALUE / 16;
    private long windowStart = System.nanoTime();
    private int count;

    /** Whether the server is near. True until something else is known. */
    boolean isShort() {
        return isShort;
    }

    /** How long it may take until the next reply is there, before something large or slow must be in the way. */
    long silenceNanos() {
        return silenceNanos;
    }

    /** Takes a round trip's times into account. */
    void took(long start, long end) {
        shortest = Math.min(shortest, end - start);
        if (++count >= FEWEST && end - windowStart > WINDOW_NANOS) {
            isShort = shortest < SHORT_NANOS;
            // While something large is in the way all are long: what they were before counts, and is forgotten slowly.
            nearest = Math.min(shortest, nearest + nearest / 8 + 1);
            silenceNanos = Math.max(LEAST_SILENCE_NANOS, 4 * nearest);
            shortest = Long.MAX_VALUE;
            windowStart = end;
            count = 0;
        }
    }
}
