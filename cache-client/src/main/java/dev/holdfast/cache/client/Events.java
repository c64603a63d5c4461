package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheEvent;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells listeners what happens to a client. Each has a queue of its own, and a thread that exists only while there is something to tell it: a slow one
 * delays no other, and misses events when its queue is full.
 */
final class Events implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Events.class);
    private static final int MOST_WAITING = 1024;

    private final ThreadFactory threads;
    private final List<Listening<?>> listeners = new CopyOnWriteArrayList<>();
    private volatile boolean closed;

    Events(ThreadFactory threads) {
        this.threads = threads;
    }

    /** A listener and what it waits for; compared by identity, since a listener's {@code equals} is foreign. */
    private static final class Listening<E extends CacheEvent> {
        private final Class<E> type;
        private final Consumer<? super E> listener;
        private final ThreadPoolExecutor thread;
        private final AtomicLong dropped = new AtomicLong();

        Listening(Class<E> type, Consumer<? super E> listener, ThreadFactory threads) {
            this.type = type;
            this.listener = listener;
            this.thread =
                    new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new ArrayBlockingQueue<>(MOST_WAITING), threads);
            thread.allowCoreThreadTimeOut(true);
            thread.setRejectedExecutionHandler((task, executor) -> drop());
        }

        boolean wants(Class<? extends CacheEvent> kind) {
            return type.isAssignableFrom(kind);
        }

        void tell(CacheEvent event) {
            try {
                thread.execute(() -> deliver(type.cast(event)));
            } catch (Throwable e) {
                drop(); // no thread to be had: nobody who has something to tell is harmed
            }
        }

        private void deliver(E event) {
            try {
                listener.accept(event);
            } catch (Throwable e) {
                UnderWay.said("a listener for cache events failed; the cache goes on", e);
            }
        }

        // Powers of two only: a listener that hangs must not fill the log.
        private void drop() {
            long count = dropped.incrementAndGet();
            if (!thread.isShutdown() && Long.bitCount(count) == 1) {
                LOG.warn(
                        "a listener for cache events is too slow, or no thread is to be had; events it missed so far: {}",
                        count);
            }
        }
    }

    /**
     * Adds a listener.
     *
     * @return ends it; what was not told it by then is not told it
     */
    <E extends CacheEvent> Runnable add(Class<E> type, Consumer<? super E> listener) {
        Listening<E> added = new Listening<>(type, listener, threads);
        listeners.add(added);
        if (closed) {
            added.thread.shutdown();
        }
        return () -> {
            listeners.remove(added);
            added.thread.shutdownNow();
        };
    }

    /** Tells those who wait for it of an event, which is made only if there is somebody. Throws nothing. */
    void tell(Class<? extends CacheEvent> kind, Supplier<? extends CacheEvent> event) {
        for (Listening<?> each : listeners) {
            if (each.wants(kind)) {
                each.tell(event.get());
            }
        }
    }

    /** What waits is told, and nothing after it. */
    @Override
    public void close() {
        closed = true;
        listeners.forEach(each -> each.thread.shutdown());
    }
}
