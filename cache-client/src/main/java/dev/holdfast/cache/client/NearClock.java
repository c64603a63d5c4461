package dev.holdfast.cache.client;

import dev.holdfast.cache.spi.Agreement;
import java.time.Clock;
import java.time.InstantSource;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Says whether a time has come, cheaply: of times that are far it knows by its last tick that they have not. A tick may be late by up to a second, which a
 * busy machine does to threads, and nothing is said wrongly. By a clock that is not the system's it looks each time. Its thread starts with the first near
 * cache of a client. For any number of threads.
 */
final class NearClock implements AutoCloseable {
    private static final long PERIOD_NANOS = 50_000_000;
    /** What is nearer than that to the last tick is compared with the clock itself. */
    private static final long SLACK_MILLIS = 1_000;

    private static final long SLACK_NANOS = TimeUnit.MILLISECONDS.toNanos(SLACK_MILLIS);

    private final InstantSource clock;
    private final ThreadFactory threads;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable Thread thread;
    private volatile boolean closed;

    /** The last tick, and the slack; as far as can be while nothing ticks. */
    private volatile long reach = Long.MAX_VALUE;
    /** The same by the monotonic clock; meaningful while something ticks. */
    private volatile long reachNanos;

    NearClock(InstantSource clock, ThreadFactory threads) {
        this.clock = clock;
        this.threads = threads;
    }

    /** Starts to tick, unless it does or the clock is somebody's own. */
    void start() {
        if (!clock.equals(Clock.systemUTC())) {
            return;
        }
        lock.lock();
        try {
            if (thread == null && !closed) {
                Thread made = threads.newThread(this::run);
                made.start();
                thread = made;
            }
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        try {
            while (!closed) {
                reachNanos = System.nanoTime() + SLACK_NANOS;
                reach = clock.millis() + SLACK_MILLIS;
                LockSupport.parkNanos(this, PERIOD_NANOS);
            }
        } finally {
            reach = Long.MAX_VALUE;
        }
    }

    /** Whether a time, in epoch milliseconds, has come; {@link Long#MAX_VALUE} never does. */
    boolean isPast(long until) {
        return until <= reach && until <= clock.millis();
    }

    /** Whether entries of any age are believed for longer than that; false also where only a look at the clock can tell. */
    boolean isTrusted(Agreement agreement) {
        return reach != Long.MAX_VALUE && agreement.isTrustedUntil(reachNanos);
    }

    long now() {
        return clock.millis();
    }

    @Override
    public void close() {
        closed = true;
        lock.lock();
        try {
            LockSupport.unpark(thread);
        } finally {
            lock.unlock();
        }
    }
}
