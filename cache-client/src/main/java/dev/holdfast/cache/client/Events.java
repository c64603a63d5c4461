package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheListener;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells a listener, in order, on one thread that exists only while there is something to tell. */
final class Events implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Events.class);
    private static final int MOST_WAITING = 1024;

    private final CacheListener listener;
    private final ThreadPoolExecutor thread;
    private final AtomicLong dropped = new AtomicLong();

    private Events(CacheListener listener, ThreadPoolExecutor thread) {
        this.listener = listener;
        this.thread = thread;
    }

    static Events to(CacheListener listener, ThreadFactory threads) {
        ThreadPoolExecutor thread =
                new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new ArrayBlockingQueue<>(MOST_WAITING), threads);
        thread.allowCoreThreadTimeOut(true);
        Events events = new Events(listener, thread);
        thread.setRejectedExecutionHandler((task, executor) -> events.drop());
        return events;
    }

    void tell(Consumer<CacheListener> event) {
        if (listener != CacheListener.NONE) {
            try {
                thread.execute(() -> deliver(event));
            } catch (Throwable e) {
                drop(); // no thread to be had: nobody who has something to tell is harmed
            }
        }
    }

    private void deliver(Consumer<CacheListener> event) {
        try {
            event.accept(listener);
        } catch (Throwable e) {
            LOG.warn("a cache listener failed; the cache goes on", e);
        }
    }

    // Powers of two only: a listener that hangs must not fill the log.
    private void drop() {
        long count = dropped.incrementAndGet();
        if (!thread.isShutdown() && Long.bitCount(count) == 1) {
            LOG.warn("a cache listener is too slow, or no thread is to be had; events dropped so far: {}", count);
        }
    }

    @Override
    public void close() {
        thread.shutdown();
    }
}
