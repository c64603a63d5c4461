package dev.holdfast.cache.failover;

import dev.holdfast.cache.internal.IsolatedThreads;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Threads for what must be done and may block: as many as there is to do. Where none can be had (an
 * {@link OutOfMemoryError} "unable to create native thread", say), the task is kept and {@link #retry tried again}; whoever
 * submitted it goes on. For any number of threads.
 */
final class Workers {
    private final ExecutorService threads;
    /** Bounded by what can be under way at once: a probe, a disconnection and a drain of each tier, and the notices. */
    private final Queue<Runnable> postponed = new ConcurrentLinkedQueue<>();

    private volatile boolean stopped;

    Workers(String name) {
        this(IsolatedThreads.platform(name));
    }

    Workers(ThreadFactory factory) {
        threads = new ThreadPoolExecutor(0, Integer.MAX_VALUE, 5, TimeUnit.SECONDS, new SynchronousQueue<>(), factory);
    }

    /** Has a task done, now or by a later {@link #retry}; unless this was stopped. */
    void submit(Runnable task) {
        try {
            threads.execute(task);
        } catch (Throwable e) {
            // Whatever it was: no thread took the task.
            postpone(task);
        }
    }

    /** Keeps a task for the next {@link #retry}; unless this was stopped. */
    void postpone(Runnable task) {
        if (!stopped) {
            postponed.add(task);
        }
    }

    /** Tries what no thread could be had for. */
    void retry() {
        for (int count = postponed.size(); count > 0; count--) {
            Runnable task = postponed.poll();
            if (task != null) {
                submit(task);
            }
        }
    }

    /** How many tasks wait for a thread. */
    int postponed() {
        return postponed.size();
    }

    /** Interrupts what is under way and takes nothing more. */
    void stop() {
        stopped = true;
        postponed.clear();
        threads.shutdownNow();
    }
}
