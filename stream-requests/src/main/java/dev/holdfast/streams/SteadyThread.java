package dev.holdfast.streams;

import dev.holdfast.cache.internal.IsolatedThreads;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A thread that takes its turn again and again, whatever is thrown meanwhile, want of memory included. If it can't be had, or has died all the
 * same, whoever needs it next has it made anew by {@link #ensure}. For any number of threads.
 */
final class SteadyThread implements AutoCloseable {
    private static final long BREATH_NANOS = 10_000_000;

    private final ThreadFactory threads;
    private final Turn turn;
    private final Consumer<Throwable> failed;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile @Nullable Thread thread;
    private volatile boolean closed;

    /** What is done again and again. */
    @FunctionalInterface
    interface Turn {
        void take() throws Exception;
    }

    /**
     * Makes one, not yet started.
     *
     * @param failed hears of what the turn throws; what it throws itself is passed over
     */
    SteadyThread(String name, Turn turn, Consumer<Throwable> failed) {
        this(task -> IsolatedThreads.thread(task, name), turn, failed);
    }

    SteadyThread(ThreadFactory threads, Turn turn, Consumer<Throwable> failed) {
        this.threads = threads;
        this.turn = turn;
        this.failed = failed;
    }

    /** Starts the thread unless it lives; says whether it does. */
    boolean ensure() {
        Thread present = thread;
        if (present != null && present.isAlive()) {
            return true;
        }
        lock.lock();
        try {
            present = thread;
            if (present == null || !present.isAlive()) {
                if (closed) {
                    return false;
                }
                Thread made = threads.newThread(this::run);
                made.start();
                thread = made;
            }
            return true;
        } catch (OutOfMemoryError e) {
            // There is no thread to be had; the next one who needs it tries again.
            return false;
        } finally {
            lock.unlock();
        }
    }

    /** Starts the thread unless it lives, and ends its sleep. */
    void wake() {
        ensure();
        LockSupport.unpark(thread);
    }

    private void run() {
        while (!closed) {
            try {
                turn.take();
            } catch (Throwable e) {
                if (!closed) {
                    report(e);
                }
            }
        }
    }

    private void report(Throwable e) {
        try {
            failed.accept(e);
        } catch (Throwable more) {
            // There is no memory even to say so.
            LockSupport.parkNanos(BREATH_NANOS);
        }
    }

    /** Ends it after its turn; {@link #join} waits for that. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }

    /** Waits for its end, but no longer than that. */
    void join(long atMostMillis) throws InterruptedException {
        Thread present = thread;
        if (present != null) {
            present.join(atMostMillis);
        }
    }
}
