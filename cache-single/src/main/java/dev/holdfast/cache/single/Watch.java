package dev.holdfast.cache.single;

import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Resets connections whose use is overdue. It sleeps until the earliest deadline it has seen, so a call costs it one
 * volatile read; its thread ends after ten seconds without a call and starts with the next.
 */
final class Watch implements Runnable {
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Set<Link> links;
    private final BiConsumer<Link, Long> whenOverdue;
    private final Executor executor;
    private final AtomicBoolean running = new AtomicBoolean();
    private volatile @Nullable Thread thread;
    private volatile long wakeAt;

    Watch(Set<Link> links, BiConsumer<Link, Long> whenOverdue, Executor executor) {
        this.links = links;
        this.whenOverdue = whenOverdue;
        this.executor = executor;
    }

    /** To be called after a connection's use has begun: makes sure that its end is waited for. */
    void expect(long until) {
        if (!running.get()) {
            if (running.compareAndSet(false, true)) {
                wakeAt = until;
                executor.execute(this);
            }
        } else if (until - wakeAt < 0) {
            LockSupport.unpark(thread);
        }
    }

    @Override
    public void run() {
        thread = Thread.currentThread();
        long lastBusy = System.nanoTime();
        while (!Thread.currentThread().isInterrupted()) {
            long now = System.nanoTime();
            long next = look(now, now + LINGER_NANOS);
            boolean busy = next != now + LINGER_NANOS || anyBusy();
            if (busy) {
                lastBusy = now;
            } else if (now - lastBusy >= LINGER_NANOS) {
                running.set(false);
                // A use that began before that has not started another thread; it is ours to see.
                if (!anyBusy() || !running.compareAndSet(false, true)) {
                    return;
                }
            }
            wakeAt = next;
            // A use that began before that has not woken us.
            if (look(now, next) == next) {
                LockSupport.parkNanos(this, next - System.nanoTime());
            }
        }
    }

    private long look(long now, long latest) {
        long next = latest;
        for (Link link : links) {
            long until = link.deadline();
            if (until != 0 && until - now <= 0) {
                whenOverdue.accept(link, until);
            } else if (until != 0 && until - next < 0) {
                next = until;
            }
        }
        return next;
    }

    private boolean anyBusy() {
        for (Link link : links) {
            if (link.deadline() != 0) {
                return true;
            }
        }
        return false;
    }
}
