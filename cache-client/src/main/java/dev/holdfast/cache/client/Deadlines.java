package dev.holdfast.cache.client;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends what has waited or run for too long, on one thread that exists only while something has a deadline: a timer per load would
 * cost more than many loads do. Deadlines are kept after its closing too.
 */
final class Deadlines implements AutoCloseable {
    static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final Logger LOG = LoggerFactory.getLogger(Deadlines.class);

    private final Set<Deadline> watched = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean running = new AtomicBoolean();
    private final ThreadFactory threads;
    private final LongSupplier nanoTime;
    private volatile long lingerNanos = LINGER_NANOS;
    private volatile long wakeAt;
    private volatile @Nullable Thread thread;

    /** Something that must have ended by a certain time. */
    interface Deadline {
        /** Returns how much longer it may last. */
        long remainingNanos(long now);

        /** Ends it; called on the thread of the deadlines, so it does not block. May be called when it has ended by itself. */
        void passed();
    }

    Deadlines(ThreadFactory threads, LongSupplier nanoTime) {
        this.threads = threads;
        this.nanoTime = nanoTime;
    }

    /** The time that deadlines are measured in. */
    long now() {
        return nanoTime.getAsLong();
    }

    /** Keeps a deadline. Without a thread to keep it, the next who comes tries again. */
    void watch(Deadline deadline) {
        watched.add(deadline);
        if (!running.get()) {
            start();
        } else if (System.nanoTime() + deadline.remainingNanos(now()) - wakeAt < 0) {
            LockSupport.unpark(thread);
        }
    }

    void forget(Deadline deadline) {
        watched.remove(deadline);
    }

    int count() {
        return watched.size();
    }

    /** Lets the thread end as soon as nothing has a deadline. */
    @Override
    public void close() {
        lingerNanos = 0;
        LockSupport.unpark(thread);
    }

    private void start() {
        if (!running.compareAndSet(false, true)) {
            return;
        }
        try {
            wakeAt = System.nanoTime();
            threads.newThread(this::run).start();
        } catch (Throwable e) {
            running.set(false);
            LOG.warn("no thread to end loads that take too long; the next load tries again", e);
        }
    }

    private void run() {
        thread = Thread.currentThread();
        long idleSince = System.nanoTime();
        while (true) {
            long start = System.nanoTime();
            wakeAt = start + TICK_NANOS;
            long pause = endOverdue();
            if (!watched.isEmpty()) {
                idleSince = start;
            } else if (start - idleSince > lingerNanos) {
                running.set(false);
                // What came before that has not started another thread.
                if (watched.isEmpty() || !running.compareAndSet(false, true)) {
                    return;
                }
            }
            wakeAt = start + pause;
            LockSupport.parkNanos(this, pause);
        }
    }

    /** Returns when to look again. */
    private long endOverdue() {
        long next = TICK_NANOS;
        for (Deadline deadline : watched) {
            try {
                long remaining = deadline.remainingNanos(now());
                if (remaining <= 0) {
                    forget(deadline);
                    deadline.passed();
                } else {
                    next = Math.min(next, remaining);
                }
            } catch (Throwable e) {
                LOG.error("ending what is overdue failed; others are not harmed", e);
            }
        }
        return next;
    }
}
