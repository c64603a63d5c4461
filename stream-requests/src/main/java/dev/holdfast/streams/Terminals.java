package dev.holdfast.streams;

import dev.holdfast.cache.internal.IsolatedThreads;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The bound on work: so many requests at a time, each on a thread of its own. One thread takes requests from Redis; it asks first how many
 * terminals are free, so nothing is taken that can't be begun. The rest is for any number of threads.
 */
final class Terminals {
    private final int total;
    private final ThreadFactory threads;
    private final Set<Thread> working = ConcurrentHashMap.newKeySet();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private int busy;

    Terminals(int total) {
        this(
                total,
                IsolatedThreads.virtual("holdfast-terminal")
                        .orElseGet(() -> IsolatedThreads.platform("holdfast-terminal")));
    }

    Terminals(int total, ThreadFactory threads) {
        if (total < 1 || total > 10_000) {
            throw new IllegalArgumentException("terminals must be from 1 to 10000: " + total);
        }
        this.total = total;
        this.threads = threads;
    }

    int total() {
        return total;
    }

    int busy() {
        lock.lock();
        try {
            return busy;
        } finally {
            lock.unlock();
        }
    }

    /** Waits until a terminal is free, but no longer than that; returns how many are. */
    int awaitFree(Duration atMost) throws InterruptedException {
        long left = atMost.toNanos();
        lock.lock();
        try {
            while (busy == total && left > 0) {
                left = changed.awaitNanos(left);
            }
            return total - busy;
        } finally {
            lock.unlock();
        }
    }

    /** Begins work on a terminal, which must be free. Whatever is thrown here, the work is not run then, and the terminal is free. */
    void begin(Runnable work) {
        changeBusy(1);
        Thread thread = null;
        boolean begun = false;
        try {
            thread = threads.newThread(() -> run(work));
            working.add(thread);
            thread.start();
            begun = true;
        } finally {
            if (!begun) {
                end(thread);
            }
        }
    }

    private void run(Runnable work) {
        try {
            work.run();
        } finally {
            end(Thread.currentThread());
        }
    }

    private void end(@Nullable Thread thread) {
        try {
            if (thread != null) {
                working.remove(thread);
            }
        } finally {
            changeBusy(-1);
        }
    }

    private void changeBusy(int by) {
        lock.lock();
        try {
            busy += by;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until no terminal is busy, but no longer than that; says whether none is. */
    boolean awaitIdle(Duration atMost) throws InterruptedException {
        long left = atMost.toNanos();
        lock.lock();
        try {
            while (busy > 0 && left > 0) {
                left = changed.awaitNanos(left);
            }
            return busy == 0;
        } finally {
            lock.unlock();
        }
    }

    /** Interrupts all work. */
    void interrupt() {
        working.forEach(Thread::interrupt);
    }
}
