package dev.holdfast.cache.single;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

/** Threads of ours that do one kind of work for callers who can't, a bounded number at a time. Thread-safe. */
final class SenderThreads {
    private final Connector connector;
    private final Runnable work;
    private final Runnable whenLeft;
    private final AtomicInteger present = new AtomicInteger();

    /**
     * Creates none.
     *
     * @param whenLeft run when one has ended its work, whatever it threw, and another may begin
     */
    SenderThreads(Connector connector, Runnable work, Runnable whenLeft) {
        this.connector = connector;
        this.work = work;
        this.whenLeft = whenLeft;
    }

    /** Has one more work, unless there are as many. */
    void start(int most) {
        for (int now = present.get(); now < most; now = present.get()) {
            if (present.compareAndSet(now, now + 1)) {
                begin();
                return;
            }
        }
    }

    private void begin() {
        boolean begun = false;
        try {
            begun = execute(connector, this::run);
        } finally {
            if (!begun) {
                present.decrementAndGet();
            }
        }
    }

    private void run() {
        try {
            work.run();
        } finally {
            present.decrementAndGet();
            // Also when an Error has ended it: what waits is not to wait for that.
            whenLeft.run();
        }
    }

    /**
     * Runs work on a thread of its own.
     *
     * @return false if there can't be another thread: callers that depend on it wait in vain then, as long as they like
     */
    static boolean execute(Connector connector, Runnable work) {
        try {
            connector.execute(work);
            return true;
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            return false;
        }
    }
}
