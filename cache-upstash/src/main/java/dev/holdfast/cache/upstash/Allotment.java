package dev.holdfast.cache.upstash;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntSupplier;

/**
 * How many permits requests may have that are one caller's own: all of them, or fewer while permits are withheld because connections broke. Who breaks
 * connections alone would otherwise use up every permit that comes back, and those who share requests would not be sent at all. Thread-safe.
 */
final class Allotment {
    /** Whoever waits looks again after so long, in case nobody could tell him for want of memory. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final AtomicInteger taken = new AtomicInteger();
    private final AtomicInteger waiting = new AtomicInteger();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final IntSupplier most;

    /**
     * Makes one.
     *
     * @param most how many there may be; where they become more, {@link #widened} is to be called
     */
    Allotment(IntSupplier most) {
        this.most = most;
    }

    /** Takes a part in it, which {@link #leave} ends; false if none was to be had in time. */
    boolean enter(long timeoutNanos) throws InterruptedException {
        return (waiting.get() == 0 && isTaken()) || await(timeoutNanos);
    }

    private boolean isTaken() {
        int now = taken.get();
        while (now < most.getAsInt()) {
            if (taken.compareAndSet(now, now + 1)) {
                return true;
            }
            now = taken.get();
        }
        return false;
    }

    private boolean await(long timeoutNanos) throws InterruptedException {
        long until = System.nanoTime() + timeoutNanos;
        lock.lockInterruptibly();
        try {
            waiting.incrementAndGet();
            try {
                while (!isTaken()) {
                    long left = until - System.nanoTime();
                    if (left <= 0) {
                        return false;
                    }
                    changed.awaitNanos(Math.min(left, LOOK_NANOS));
                }
                return true;
            } finally {
                waiting.decrementAndGet();
            }
        } finally {
            lock.unlock();
        }
    }

    void leave() {
        taken.decrementAndGet();
        widened();
    }

    /** Has those who wait look whether there is more for them. */
    void widened() {
        if (waiting.get() == 0) {
            return;
        }
        try {
            lock.lock();
            try {
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        } catch (OutOfMemoryError e) {
            // They look again by themselves, and whoever leaves may have an answer.
        }
    }
}
