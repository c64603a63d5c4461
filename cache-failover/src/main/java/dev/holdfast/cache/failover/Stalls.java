package dev.holdfast.cache.failover;

import java.util.concurrent.TimeUnit;

/**
 * When this process stood still, as far as a thread can tell that is to run every {@link Ticks#PERIOD}: a failure that was found
 * across such a moment says nothing about a server. Written by the ticker, read by any thread.
 */
final class Stalls {
    /** A thread that runs later than this by so much has been kept from running: by a pause of the JVM, or for want of a core. */
    static final long LATE = TimeUnit.MILLISECONDS.toNanos(40);

    private volatile long lastAt = Long.MIN_VALUE;

    /** Takes down that a thread that was due then runs now. Returns whether that is a stall. */
    boolean ran(long due, long now) {
        if (now - due <= LATE) {
            return false;
        }
        lastAt = now;
        return true;
    }

    /** Whether this process stood still at some time since. */
    boolean since(long then) {
        long last = lastAt;
        return last != Long.MIN_VALUE && last - then >= 0;
    }
}
