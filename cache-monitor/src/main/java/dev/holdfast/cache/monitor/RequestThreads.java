package dev.holdfast.cache.monitor;

import dev.holdfast.cache.IsolatedThreads;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The few threads that short requests have, each with a limit for what it does: the JDK's server reads and writes on them for as long as a peer likes,
 * and only an interrupt ends that. A head that is not complete holds its thread for five seconds, or, if others wait, for a twentieth of one; the
 * youngest request comes first, so that however many half-sent ones wait, a whole one is answered.
 */
final class RequestThreads implements Executor, AutoCloseable {
    private static final int THREADS = 8;
    private static final long IDLE_SECONDS = 10;
    private static final Duration HEAD_LIMIT = Duration.ofSeconds(5);
    private static final long HURRIED_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    /** For the answer as a whole; a stream sets one for each piece. */
    private static final Duration WRITE_LIMIT = Duration.ofSeconds(10);

    private final ScheduledExecutorService alarms;
    private final ThreadPoolExecutor pool;
    private final Map<Thread, Limited> reading = new ConcurrentHashMap<>();
    private final AtomicBoolean hurrying = new AtomicBoolean();

    RequestThreads(String name, ScheduledExecutorService alarms) {
        this.alarms = alarms;
        this.pool = new ThreadPoolExecutor(
                THREADS,
                THREADS,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                new LinkedBlockingDeque<>() {
                    @Override
                    public boolean offer(Runnable task) {
                        return offerFirst(task);
                    }
                },
                IsolatedThreads.platform(name));
        pool.allowCoreThreadTimeOut(true);
    }

    /** Something that the present thread does within a limit, or is interrupted. */
    private static final class Limited {
        private final Thread thread = Thread.currentThread();
        private final long began = System.nanoTime();
        private final Future<?> alarm;
        private boolean ended;

        Limited(ScheduledExecutorService alarms, Duration limit) {
            alarm = alarms.schedule(this::interrupt, limit.toNanos(), TimeUnit.NANOSECONDS);
        }

        private synchronized void interrupt() {
            if (!ended) {
                ended = true;
                thread.interrupt();
            }
        }

        synchronized void end() {
            ended = true;
            alarm.cancel(false);
        }
    }

    /** Something that reads from or writes to a peer. */
    interface Step {
        void run() throws IOException;
    }

    /** Does something on the present thread, which is interrupted if it takes longer than {@link #WRITE_LIMIT}. */
    static void within(ScheduledExecutorService alarms, Step step) throws IOException {
        Limited limited = new Limited(alarms, WRITE_LIMIT);
        try {
            step.run();
        } finally {
            limited.end();
        }
    }

    @Override
    public void execute(Runnable task) {
        pool.execute(() -> {
            Thread thread = Thread.currentThread();
            reading.put(thread, new Limited(alarms, HEAD_LIMIT));
            try {
                task.run();
            } finally {
                headRead();
            }
        });
        if (!pool.getQueue().isEmpty() && hurrying.compareAndSet(false, true)) {
            hurryLater();
        }
    }

    /** The present thread's request is complete: what it does from now on is ours. */
    void headRead() {
        Limited head = reading.remove(Thread.currentThread());
        if (head != null) {
            head.end();
        }
    }

    private void hurryLater() {
        Future<?> unused = alarms.schedule(this::hurry, HURRIED_NANOS / 2, TimeUnit.NANOSECONDS);
    }

    private void hurry() {
        long now = System.nanoTime();
        reading.values().stream()
                .filter(head -> now - head.began >= HURRIED_NANOS)
                .forEach(Limited::interrupt);
        if (pool.getQueue().isEmpty()) {
            hurrying.set(false);
        } else {
            hurryLater();
        }
    }

    /** Interrupts what is under way. */
    @Override
    public void close() {
        pool.shutdownNow();
    }
}
