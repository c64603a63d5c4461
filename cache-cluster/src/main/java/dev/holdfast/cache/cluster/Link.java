package dev.holdfast.cache.cluster;

import io.lettuce.core.protocol.AsyncCommand;
import io.lettuce.core.protocol.RedisCommand;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One connection to a node. What callers send at the same time goes out in one write: each puts its commands into a queue,
 * and the first has the event loop empty it; so commands that are sent together also arrive without others between them.
 *
 * <p>Commands may be sent as soon as it exists; they wait until it is open, and fail with {@link UnsentException} if it can't
 * be opened. There are never more of them than callers.
 */
final class Link {
    private final CompletableFuture<NodeClient.Wire> opened;
    private final boolean readOnly;
    private final Queue<List<? extends AsyncCommand<byte[], byte[], ?>>> queue = new ConcurrentLinkedQueue<>();
    private final AtomicInteger queued = new AtomicInteger();
    private final AtomicReference<@Nullable Doom> doom = new AtomicReference<>();
    private final AtomicBoolean released = new AtomicBoolean();
    private final AtomicInteger waiting = new AtomicInteger();
    private volatile NodeClient.@Nullable Wire wire;
    private volatile long openedAt;
    private volatile long answeredAt;

    /**
     * Creates one over a connection that is being opened.
     *
     * @param readOnly whether a replica shall answer reads on it
     */
    Link(CompletableFuture<NodeClient.Wire> opened, boolean readOnly) {
        this.opened = opened;
        this.readOnly = readOnly;
        // Held back until the connection is there.
        queued.set(1);
        CompletableFuture<NodeClient.Wire> unused = opened.whenComplete(this::begin);
    }

    private void begin(NodeClient.@Nullable Wire open, @Nullable Throwable failure) {
        if (open == null) {
            failQueued(failure);
            return;
        }
        if (readOnly) {
            open.connection().dispatch(Requests.READONLY.command());
        }
        openedAt = System.nanoTime();
        wire = open;
        if (queued.decrementAndGet() > 0) {
            schedule(open);
        }
    }

    /** Completed when it is open, or can't be opened. */
    CompletableFuture<NodeClient.Wire> opened() {
        return opened;
    }

    /** Whether it is open now. */
    boolean isOpen() {
        NodeClient.Wire present = wire;
        return present != null && present.channel().isActive() && doom.get() == null;
    }

    /** When it was opened, if it was. */
    long openedAt() {
        return openedAt;
    }

    /** Whether it is open or may become so. */
    boolean isAlive() {
        return !isDead();
    }

    /** Why we closed it; {@code null} if we didn't. */
    @Nullable
    Doom doom() {
        return doom.get();
    }

    /** Counts commands whose answers somebody waits for. */
    void enter(int commands) {
        // Before they count: nobody must take it for stuck that has only been idle.
        if (waiting.get() == 0) {
            answeredAt = System.nanoTime();
        }
        waiting.addAndGet(commands);
    }

    /** Ends the wait for them. */
    void exit(int commands, boolean answered) {
        if (answered) {
            answeredAt = System.nanoTime();
        }
        waiting.addAndGet(-commands);
    }

    /** How many commands are waited for. */
    int waiting() {
        return waiting.get();
    }

    /** Whether commands are waited for, and none was answered for so long. */
    boolean isStuckFor(long nanos) {
        return waiting.get() > 0 && System.nanoTime() - answeredAt > nanos;
    }

    void send(AsyncCommand<byte[], byte[], ?> command) {
        send(List.of(command));
    }

    /** Sends commands in their order, with nothing between them. */
    void send(List<? extends AsyncCommand<byte[], byte[], ?>> commands) {
        queue.add(commands);
        if (queued.getAndIncrement() == 0) {
            NodeClient.Wire open = wire;
            if (open != null) {
                schedule(open);
            }
        }
        // Nobody empties the queue of a dead connection any more.
        if (isDead()) {
            failQueued(null);
        }
    }

    private boolean isDead() {
        NodeClient.Wire present = wire;
        return doom.get() != null
                || (present == null
                        ? opened.isCompletedExceptionally()
                        : !present.channel().isActive());
    }

    private void schedule(NodeClient.Wire open) {
        try {
            open.channel().eventLoop().execute(() -> drain(open));
        } catch (RejectedExecutionException e) {
            failQueued(e);
        }
    }

    private void drain(NodeClient.Wire open) {
        if (isDead()) {
            failQueued(null);
            return;
        }
        int count = 0;
        List<? extends AsyncCommand<byte[], byte[], ?>> first = queue.poll();
        List<? extends AsyncCommand<byte[], byte[], ?>> next = first == null ? null : queue.poll();
        if (first != null) {
            count++;
            if (next == null && first.size() == 1) {
                open.connection().dispatch(first.get(0));
            } else {
                List<RedisCommand<byte[], byte[], ?>> all = new ArrayList<>(first);
                while (next != null) {
                    count++;
                    all.addAll(next);
                    next = queue.poll();
                }
                open.connection().dispatch(all);
            }
        }
        // Answers are read before what was queued meanwhile is written.
        if (queued.addAndGet(-count) > 0) {
            schedule(open);
        }
    }

    private void failQueued(@Nullable Throwable why) {
        Doom reason = doom.get();
        Throwable cause = why == null && reason != null ? reason.cause() : why;
        List<? extends AsyncCommand<byte[], byte[], ?>> commands;
        while ((commands = queue.poll()) != null) {
            for (AsyncCommand<byte[], byte[], ?> command : commands) {
                command.completeExceptionally(new UnsentException(cause));
            }
        }
    }

    /** Marks it as closed by us; the first reason stands. Its node closes it. */
    void doom(Doom why) {
        doom.compareAndSet(null, why);
    }

    /** Closes it by a TCP reset if it is open, so that what the node has not read is dropped. */
    void reset() {
        NodeClient.Wire present = wire;
        if (present != null) {
            NodeClient.reset(present.channel());
        }
    }

    /** Gives it up for a reason of ours. */
    void discard(Doom why) {
        doom(why);
        release();
    }

    /** Fails what waits for it, and closes it as soon as it is open, if it ever is. */
    void release() {
        failQueued(null);
        if (!released.compareAndSet(false, true)) {
            return;
        }
        CompletableFuture<Void> unused =
                opened.thenCompose(open -> open.connection().closeAsync());
    }
}
