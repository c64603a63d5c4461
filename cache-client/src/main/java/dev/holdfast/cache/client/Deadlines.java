package dev.holdfast.cache.client;

import dev.holdfast.cache.internal.DeadlineWatch;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends what has waited or run for too long, on one thread that exists only while something has a deadline: a timer per load would
 * cost more than many loads do. Deadlines are kept after its closing too.
 */
final class Deadlines implements AutoCloseable {
    /** How often the time that deadlines are measured in is looked at, which is not the one that threads sleep by. */
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private static final Logger LOG = LoggerFactory.getLogger(Deadlines.class);

    private final Set<Deadline> watched = ConcurrentHashMap.newKeySet();
    private final DeadlineWatch<Deadline> watch;
    private final LongSupplier nanoTime;
    /** A time that has passed. */
    private final long overdue = System.nanoTime() | 1;

    /** Something that must have ended by a certain time. */
    interface Deadline {
        /** Returns how much longer it may last. */
        long remainingNanos(long now);

        /**
         * Ends it; called on the thread of the deadlines, so it does not block. May be called when it has ended by itself, and is called
         * again until it throws nothing.
         */
        void passed();
    }

    Deadlines(ThreadFactory threads, LongSupplier nanoTime) {
        this.watch = new DeadlineWatch<>(
                watched, this::until, (deadline, until) -> end(deadline), task -> threads.newThread(task)
                        .start());
        this.nanoTime = nanoTime;
    }

    /** The time that deadlines are measured in. */
    long now() {
        return nanoTime.getAsLong();
    }

    /** Keeps a deadline. Without a thread to keep it, the next who comes tries again. */
    void watch(Deadline deadline) {
        watched.add(deadline);
        try {
            watch.expect(until(deadline));
        } catch (RejectedExecutionException e) {
            LOG.warn("no thread to end loads that take too long; the next load tries again", e);
        }
    }

    void forget(Deadline deadline) {
        watched.remove(deadline);
    }

    int count() {
        return watched.size();
    }

    private long until(Deadline deadline) {
        long remaining = deadline.remainingNanos(now());
        return remaining > 0 ? System.nanoTime() + Math.min(remaining, TICK_NANOS) : overdue;
    }

    private void end(Deadline deadline) {
        deadline.passed();
        forget(deadline);
    }

    /** Lets the thread end as soon as nothing has a deadline. */
    @Override
    public void close() {
        watch.retire();
    }
}
