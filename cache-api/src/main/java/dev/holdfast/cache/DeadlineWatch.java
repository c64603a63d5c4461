package dev.holdfast.cache;

import java.util.Collection;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ObjLongConsumer;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Ends what is overdue, for implementations of stores: connections or requests, each with a deadline of its own. It sleeps
 * until the earliest deadline it has seen, so work that ends in time costs it one volatile read, not a thread's waking; its
 * thread ends after ten seconds without work and starts with the next.
 *
 * @param <T> what has a deadline
 */
public final class DeadlineWatch<T> implements Runnable {
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Collection<T> watched;
    private final ToLongFunction<? super T> deadline;
    private final ObjLongConsumer<? super T> whenOverdue;
    private final Executor executor;
    private final AtomicBoolean running = new AtomicBoolean();
    private volatile @Nullable Thread thread;
    private volatile long wakeAt;
    private volatile boolean stopped;

    /**
     * Makes a watch that sees nothing yet.
     *
     * @param watched what is looked at; changed by its owner at any time, so a concurrent collection
     * @param deadline when something must have ended, by {@link System#nanoTime()}; 0 if it has no deadline now
     * @param whenOverdue ends something, and is told the deadline that it missed; must not block. Called again until that has
     *     another deadline or none
     * @param executor runs the watch, on one thread at a time
     */
    public DeadlineWatch(
            Collection<T> watched,
            ToLongFunction<? super T> deadline,
            ObjLongConsumer<? super T> whenOverdue,
            Executor executor) {
        this.watched = watched;
        this.deadline = deadline;
        this.whenOverdue = whenOverdue;
        this.executor = executor;
    }

    /**
     * To be called after something was given a deadline: makes sure that it is kept.
     *
     * @param until the deadline
     * @throws java.util.concurrent.RejectedExecutionException if the executor runs nothing any more
     */
    public void expect(long until) {
        if (!running.get()) {
            if (running.compareAndSet(false, true)) {
                wakeAt = until;
                start();
            }
        } else if (until - wakeAt < 0) {
            LockSupport.unpark(thread);
        }
    }

    private void start() {
        boolean started = false;
        try {
            executor.execute(this);
            started = true;
        } finally {
            if (!started) {
                running.set(false);
            }
        }
    }

    /** Lets its thread end, now and for good. */
    public void stop() {
        stopped = true;
        LockSupport.unpark(thread);
    }

    /** Keeps the deadlines until there are none; for the executor. */
    @Override
    public void run() {
        thread = Thread.currentThread();
        long lastBusy = System.nanoTime();
        while (!stopped && !Thread.currentThread().isInterrupted()) {
            long now = System.nanoTime();
            long next = look(now, now + LINGER_NANOS);
            boolean busy = next != now + LINGER_NANOS || anyBusy();
            if (busy) {
                lastBusy = now;
            } else if (now - lastBusy >= LINGER_NANOS) {
                running.set(false);
                // Work that began before that has not started another thread; it is ours to see.
                if (!anyBusy() || !running.compareAndSet(false, true)) {
                    return;
                }
            }
            wakeAt = next;
            // Work that began before that has not woken us.
            if (look(now, next) == next) {
                LockSupport.parkNanos(this, next - System.nanoTime());
            }
        }
    }

    private long look(long now, long latest) {
        long next = latest;
        for (T each : watched) {
            long until = deadline.applyAsLong(each);
            if (until != 0 && until - now <= 0) {
                whenOverdue.accept(each, until);
            } else if (until != 0 && until - next < 0) {
                next = until;
            }
        }
        return next;
    }

    private boolean anyBusy() {
        for (T each : watched) {
            if (deadline.applyAsLong(each) != 0) {
                return true;
            }
        }
        return false;
    }
}
