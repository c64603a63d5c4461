package dev.holdfast.cache.internal;

import java.util.Collection;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ObjLongConsumer;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends what is overdue, for implementations of stores: connections or requests, each with a deadline of its own. It sleeps
 * until the earliest deadline it has seen, so work that ends in time costs it one volatile read, not a thread's waking; its
 * thread ends after ten seconds without work and starts with the next.
 *
 * <p>Nothing but {@link #stop} ends it: what its callbacks throw, whatever it is, costs only the one that they were called for,
 * which is tried again, and an interrupt of its thread has no effect. The first throwable is logged, with the stack trace.
 *
 * <p>Thread-safe.
 *
 * @param <T> what has a deadline
 */
public final class DeadlineWatch<T> implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(DeadlineWatch.class);
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** After how long something is looked at again that is overdue still, or could not be looked at. */
    private static final long AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private static final long MOMENT_NANOS = TimeUnit.MICROSECONDS.toNanos(20);

    private static final int IDLE = 0;
    private static final int STARTING = 1;
    private static final int RUNNING = 2;

    private final Collection<T> watched;
    private final ToLongFunction<? super T> deadline;
    private final ObjLongConsumer<? super T> whenOverdue;
    private final Executor executor;
    private final long lingerNanos;
    private final AtomicInteger state = new AtomicInteger(IDLE);
    private volatile @Nullable Thread thread;
    private volatile long wakeAt;
    private volatile boolean stopped;
    private volatile boolean retired;
    private volatile boolean hasFailed;

    /**
     * Makes a watch that sees nothing yet.
     *
     * @param watched what is looked at; changed by its owner at any time, so a concurrent collection
     * @param deadline when something must have ended, by {@link System#nanoTime()}; 0 if it has no deadline now
     * @param whenOverdue ends something, and is told the deadline that it missed; must not block. Called again, within
     *     50 ms, until that has another deadline or none
     * @param executor runs the watch, on one thread at a time; never the one that calls {@link #expect}
     */
    public DeadlineWatch(
            Collection<T> watched,
            ToLongFunction<? super T> deadline,
            ObjLongConsumer<? super T> whenOverdue,
            Executor executor) {
        this(watched, deadline, whenOverdue, executor, LINGER_NANOS);
    }

    DeadlineWatch(
            Collection<T> watched,
            ToLongFunction<? super T> deadline,
            ObjLongConsumer<? super T> whenOverdue,
            Executor executor,
            long lingerNanos) {
        this.watched = watched;
        this.deadline = deadline;
        this.whenOverdue = whenOverdue;
        this.executor = executor;
        this.lingerNanos = lingerNanos;
    }

    /**
     * To be called after something was given a deadline: makes sure that it is kept.
     *
     * @param until the deadline
     * @throws RejectedExecutionException if it can't be kept, since the watch was stopped or no thread can be had, be it for want of
     *     memory: the caller must end the work itself, or begin none
     */
    public void expect(long until) {
        for (int seen = state.get(); seen != RUNNING || stopped; seen = state.get()) {
            if (stopped) {
                throw new RejectedExecutionException("the watch over deadlines was stopped");
            }
            if (seen == IDLE && state.compareAndSet(IDLE, STARTING)) {
                wakeAt = until;
                start();
            } else {
                // Whether somebody else gets a thread is known at once.
                LockSupport.parkNanos(this, MOMENT_NANOS);
            }
        }
        if (until - wakeAt < 0) {
            LockSupport.unpark(thread);
        }
    }

    private void start() {
        int next = IDLE;
        try {
            executor.execute(this);
            next = RUNNING;
        } catch (RejectedExecutionException e) {
            throw e;
        } catch (Throwable noThread) {
            throw new RejectedExecutionException("no thread for the watch over deadlines", noThread);
        } finally {
            // It is IDLE again if the thread has ended already.
            state.compareAndSet(STARTING, next);
        }
    }

    /** Lets its thread end from now on as soon as nothing has a deadline, without lingering. Deadlines are kept all the same. */
    public void retire() {
        retired = true;
        LockSupport.unpark(thread);
    }

    /** Lets its thread end, now and for good. */
    public void stop() {
        stopped = true;
        LockSupport.unpark(thread);
    }

    /** Keeps the deadlines until there are none; for the executor. */
    @Override
    public void run() {
        boolean left = false;
        try {
            keep();
            left = true;
        } finally {
            if (!left) {
                state.set(IDLE);
            }
        }
    }

    private void keep() {
        thread = Thread.currentThread();
        long lastBusy = System.nanoTime();
        while (!stopped) {
            // With the interrupt left in place no sleep would last.
            Thread.interrupted();
            long now = System.nanoTime();
            long latest = now + lingerNanos;
            long next = look(now, latest);
            if (next != latest || anyBusy()) {
                lastBusy = now;
            } else if ((retired || now - lastBusy >= lingerNanos) && leaves()) {
                return;
            }
            wakeAt = next;
            // Work that began before that has not woken us.
            if (look(now, next) == next && !stopped) {
                LockSupport.parkNanos(this, next - System.nanoTime());
            }
        }
    }

    /** False if there is work, which began before that and has not started another thread; it is ours to see. */
    private boolean leaves() {
        return state.compareAndSet(RUNNING, IDLE) && (!anyBusy() || !state.compareAndSet(IDLE, RUNNING));
    }

    /** Ends what is overdue; returns when to look again, at the latest at the time given. */
    private long look(long now, long latest) {
        long next = latest;
        try {
            for (T each : watched) {
                long at = look(each, now);
                if (at != 0 && at - next < 0) {
                    next = at;
                }
            }
        } catch (Throwable t) {
            failed(t);
            next = now + AGAIN_NANOS - next < 0 ? now + AGAIN_NANOS : next;
        }
        return next;
    }

    private long look(T each, long now) {
        try {
            long until = deadline.applyAsLong(each);
            if (until == 0 || until - now > 0) {
                return until;
            }
            whenOverdue.accept(each, until);
            long after = deadline.applyAsLong(each);
            if (after != until) {
                return after;
            }
        } catch (Throwable t) {
            failed(t);
        }
        return now + AGAIN_NANOS;
    }

    /** True as well if that can't be known. */
    private boolean anyBusy() {
        try {
            for (T each : watched) {
                if (deadline.applyAsLong(each) != 0) {
                    return true;
                }
            }
            return false;
        } catch (Throwable t) {
            failed(t);
            return true;
        }
    }

    private void failed(Throwable t) {
        if (!hasFailed) {
            hasFailed = true;
            try {
                LOG.warn("Ending what is overdue failed; it is tried again until it works, without another word", t);
            } catch (Throwable withoutWord) {
                // Keeping deadlines matters more than saying what is in the way.
            }
        }
    }
}
