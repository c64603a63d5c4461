package dev.holdfast.cache.memory;

import com.github.benmanes.caffeine.cache.Scheduler;
import dev.holdfast.cache.internal.IsolatedThreads;
import java.lang.ref.WeakReference;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Tells a store when something expires. One thread at most, made when there is something to wait for, which inherits nothing and
 * ends ten seconds after the last alarm, with the store, or within two minutes after the store became garbage unclosed. The
 * JDK's own timer would keep what it was given until its time has come, and its maker's class loader for ever.
 */
final class ExpiryTimer implements Scheduler {
    private static final long LOOK_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final ScheduledThreadPoolExecutor timer =
            new ScheduledThreadPoolExecutor(1, IsolatedThreads.platform("holdfast-memory"));
    private volatile WeakReference<?> owner = new WeakReference<>(this);

    ExpiryTimer() {
        timer.setKeepAliveTime(10, TimeUnit.SECONDS);
        timer.allowCoreThreadTimeOut(true);
        timer.setRemoveOnCancelPolicy(true);
    }

    /** Whom it serves: once that is garbage nothing is waited for. */
    void serves(Object store) {
        owner = new WeakReference<>(store);
    }

    @Override
    public Future<?> schedule(Executor executor, Runnable command, long delay, TimeUnit unit) {
        Alarm alarm = new Alarm(executor, command, System.nanoTime() + unit.toNanos(delay));
        alarm.set();
        return alarm;
    }

    /** Ends its thread; nothing is told any more. */
    void close() {
        timer.shutdownNow();
    }

    private final class Alarm extends CompletableFuture<Void> implements Runnable {
        private final Executor executor;
        private final Runnable command;
        private final long due;
        private volatile @Nullable ScheduledFuture<?> set;

        Alarm(Executor executor, Runnable command, long due) {
            this.executor = executor;
            this.command = command;
            this.due = due;
        }

        void set() {
            try {
                long left = Math.min(due - System.nanoTime(), LOOK_NANOS);
                set = timer.schedule(this, Math.max(0, left), TimeUnit.NANOSECONDS);
            } catch (RejectedExecutionException closed) {
                complete(null);
            }
        }

        @Override
        public void run() {
            if (isDone() || owner.get() == null) {
                return;
            }
            if (due - System.nanoTime() > 0) {
                set();
                return;
            }
            complete(null);
            executor.execute(command);
        }

        @Override
        public boolean cancel(boolean mayInterrupt) {
            ScheduledFuture<?> waiting = set;
            if (waiting != null) {
                waiting.cancel(false);
            }
            return super.cancel(mayInterrupt);
        }
    }
}
