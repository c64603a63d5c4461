package dev.holdfast.cache.failover;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Messages for somebody who may be slow, hang or fail: they are told in order, one at a time, on another thread than whoever
 * adds them. Of more than {@link #CAPACITY} that wait the oldest are dropped and counted. For any number of threads.
 */
final class Mailbox<M> {
    static final int CAPACITY = 1_000;

    private final Consumer<? super M> reader;
    private final Consumer<? super Throwable> failed;
    private final Queue<M> waiting = new ArrayDeque<>();
    private final Runnable delivery = this::deliver;
    private boolean claimed;
    private long dropped;

    /**
     * Makes an empty one.
     *
     * @param reader is told each message
     * @param failed is told what the reader throws; the next message follows all the same
     */
    Mailbox(Consumer<? super M> reader, Consumer<? super Throwable> failed) {
        this.reader = reader;
        this.failed = failed;
    }

    synchronized void add(M message) {
        if (waiting.size() == CAPACITY) {
            waiting.remove();
            dropped++;
        }
        waiting.add(message);
    }

    /** Has what waits told by a task of the given executor, unless one is at it. */
    void deliverOn(Consumer<? super Runnable> executor) {
        if (!claim()) {
            return;
        }
        boolean taken = false;
        try {
            executor.accept(delivery);
            taken = true;
        } finally {
            if (!taken) {
                release();
            }
        }
    }

    private synchronized boolean claim() {
        boolean free = !claimed && !waiting.isEmpty();
        claimed |= free;
        return free;
    }

    private void deliver() {
        boolean ended = false;
        try {
            for (M next = next(); next != null; next = next()) {
                tell(next);
            }
            ended = true;
        } finally {
            if (!ended) {
                release();
            }
        }
    }

    private void tell(M message) {
        try {
            reader.accept(message);
        } catch (Throwable e) {
            tellFailure(e);
        }
    }

    private void tellFailure(Throwable e) {
        try {
            failed.accept(e);
        } catch (Throwable again) {
            // There is nobody else to tell; the next message is as good as before.
        }
    }

    /** Whoever adds the next message finds nobody at it. */
    private synchronized void release() {
        claimed = false;
    }

    /** Takes the next message; if there is none, whoever adds one needs another task. */
    private synchronized @Nullable M next() {
        M next = waiting.poll();
        claimed = next != null;
        return next;
    }

    /** How many were dropped so far. */
    synchronized long dropped() {
        return dropped;
    }
}
