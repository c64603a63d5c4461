package dev.holdfast.cache.client;

import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Where work runs that its caller does not wait for. Daemon threads; idle ones end. */
final class BackgroundThreads {
    private static final long IDLE_SECONDS = 10;

    private BackgroundThreads() {}

    /** A virtual thread per task where the JVM has them, else up to {@code max} threads and a queue. */
    static ExecutorService upTo(int max, String name) {
        Optional<ThreadFactory> virtual = VirtualThreads.factory(name + '-');
        if (virtual.isPresent()) {
            return perTask(virtual.get());
        }
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                max, max, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), platform(name));
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    /** A thread per task, for callers that bound the tasks themselves. */
    static ExecutorService unbounded(String name) {
        return perTask(VirtualThreads.factory(name + '-').orElseGet(() -> platform(name)));
    }

    // With virtual threads nothing is gained by keeping them, and the pool's own hand-over does not pin.
    private static ExecutorService perTask(ThreadFactory threads) {
        return new ThreadPoolExecutor(
                0, Integer.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, new SynchronousQueue<>(), threads);
    }

    static ThreadFactory platform(String name) {
        AtomicLong number = new AtomicLong();
        return task -> {
            Thread thread = new Thread(task, name + '-' + number.getAndIncrement());
            thread.setDaemon(true);
            return thread;
        };
    }
}
