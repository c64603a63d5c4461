package dev.holdfast.cache.upstash;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntSupplier;

/**
 * How many permits requests may have that are one caller's own: all of them, or, while permits are withheld because connections broke, half. Who breaks connections alone
 * would otherwise use up every permit that comes back, and those who share requests would not be sent at all. Thread-safe.
 */
final class Allotment {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final IntSupplier most;
    /** How many are taken; guarded by the lock. */
    private int taken;

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
        long left = timeoutNanos;
        lock.lockInterruptibly();
        try {
            while (taken >= most.getAsInt()) {
                if (left <= 0) {
                    return false;
                }
                left = changed.awaitNanos(left);
            }
            taken++;
            return true;
        } finally {
            lock.unlock();
        }
    }

    void leave() {
        lock.lock();
        try {
            taken--;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Has those who wait look whether there is more for them. */
    void widened() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
