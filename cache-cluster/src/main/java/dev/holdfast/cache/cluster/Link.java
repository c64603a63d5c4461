package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Authentication;
import io.lettuce.core.protocol.AsyncCommand;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One connection to a node, from when it is wanted. What callers send at the same time goes out in one write: each puts its commands
 * into a queue, and the first has the event loop empty it; so commands that are sent together also arrive without others between
 * them.
 *
 * <p>Commands may be sent as soon as it exists; they wait until it is open, and fail with {@link UnsentException} if it can't
 * be opened. There are never more of them than callers. On a connection that was silent for long they also wait until it has answered
 * a PING: something between may have dropped it without a word. Thread-safe.
 */
final class Link {
    /** So much longer our own event loop may take to read an answer that is there. */
    private static final long LOOP_GRACE_MILLIS = 50;

    /** So long a reply that has begun may pause while the node answers on another connection. */
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

    /** An attempt to connect that takes longer may hang. */
    private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    /** What breaks later under its first call was idle before, and may have been closed for that. */
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final CompletableFuture<Wire> opened;
    private final Pool pool;
    private final Queue<List<? extends AsyncCommand<byte[], byte[], ?>>> queue = new ConcurrentLinkedQueue<>();
    private final AtomicInteger queued = new AtomicInteger();
    private final AtomicReference<@Nullable CloseReason> closeReason = new AtomicReference<>();
    private final AtomicBoolean noticedClosed = new AtomicBoolean();
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicLong largeBytes = new AtomicLong();
    private volatile @Nullable Wire wire;
    private volatile @Nullable Throwable failure;
    private final long begunAt = System.nanoTime();
    private final int failuresBefore;
    private final AtomicBoolean uselessTaken = new AtomicBoolean();
    private volatile boolean useful;
    private volatile long openedAt;
    private volatile long answeredAt;

    /**
     * Creates one over a connection that is being opened.
     *
     * @param pool whose it is; hears of it if it turns out to be dropped
     */
    Link(CompletableFuture<Wire> opened, Pool pool) {
        this.opened = opened;
        this.pool = pool;
        this.failuresBefore = pool.dialFailures();
        // Held back until the connection is there.
        queued.set(1);
        CompletableFuture<Wire> unused = opened.whenComplete(this::begin);
    }

    private void begin(@Nullable Wire open, @Nullable Throwable why) {
        if (open == null) {
            failure = why;
            failQueued();
            return;
        }
        openedAt = System.nanoTime();
        wire = open;
        pool.opened(open);
        Loops.whenClosed(open.channel(), () -> {
            if (closeReason.get() == null) {
                pool.noticeClosing();
            }
            failQueued();
        });
        if (closeReason.get() != null) {
            open.reset(new IllegalStateException("it is not wanted any more"));
            failQueued();
        } else if (queued.decrementAndGet() > 0) {
            schedule(open);
        }
    }

    /** Completed when it is open, or can't be opened. */
    CompletableFuture<Wire> opened() {
        return opened;
    }

    /** Whether it is open now. */
    boolean isOpen() {
        Wire present = wire;
        return present != null && present.isOpen() && closeReason.get() == null;
    }

    /** Whether somebody waits for it to open, since before a moment and for longer than that should take. */
    boolean isOpeningSince(long moment) {
        return waiting.get() > 0
                && !opened.isDone()
                && closeReason.get() == null
                && begunAt - moment < 0
                && System.nanoTime() - begunAt > LATE_NANOS;
    }

    /** When it was opened, if it was. */
    long openedAt() {
        return openedAt;
    }

    /** When commands last went out on it, if it was opened. */
    long writtenAt() {
        Wire present = wire;
        return present == null ? openedAt : present.writtenAt();
    }

    /** When bytes last came on it, if it was opened. */
    long readAt() {
        Wire present = wire;
        return present == null ? openedAt : present.readAt();
    }

    /** Whether anything came in, or a piece of something large went out, since a moment. */
    boolean movedSince(long moment) {
        Wire present = wire;
        return present != null && present.isOpen() && present.movedAt() - moment > 0;
    }

    /** Whether it was ever open. */
    boolean wasOpen() {
        return wire != null;
    }

    /** Whether it is open or may become so. */
    boolean isAlive() {
        Wire present = wire;
        return closeReason.get() == null && (present == null ? !opened.isCompletedExceptionally() : present.isOpen());
    }

    /** How many attempts to connect in a row were of no use when this one was begun. */
    int failuresBefore() {
        return failuresBefore;
    }

    /** Notes that it has answered a call; returns whether that is the first. */
    boolean noticeUseful() {
        if (useful) {
            return false;
        }
        useful = true;
        return true;
    }

    /**
     * Whether it was of no use: broken under the first call, soon after it had been opened. The first who asks then is told, and nobody
     * else.
     */
    boolean takeUseless() {
        return !useful && System.nanoTime() - openedAt < FRESH_NANOS && uselessTaken.compareAndSet(false, true);
    }

    /** Notes that the node closed it; returns whether this is the first to say so. */
    boolean noticeClosed() {
        return noticedClosed.compareAndSet(false, true);
    }

    /** Why we closed it; {@code null} if we didn't. */
    @Nullable
    CloseReason closeReason() {
        return closeReason.get();
    }

    /**
     * Counts commands whose answers somebody waits for.
     *
     * @param bytes how much they carry, about
     */
    void enter(int commands, long bytes) {
        // Before they count: nobody must take it for stuck that has only been idle.
        if (waiting.get() == 0) {
            answeredAt = System.nanoTime();
        }
        waiting.addAndGet(commands);
        if (isLarge(bytes)) {
            largeBytes.addAndGet(bytes);
        }
    }

    /** Ends the wait for them. */
    void exit(int commands, long bytes, boolean answered) {
        if (answered) {
            answeredAt = System.nanoTime();
        }
        waiting.addAndGet(-commands);
        if (isLarge(bytes)) {
            largeBytes.addAndGet(-bytes);
        }
    }

    /** Whether others should not wait behind so many bytes. */
    static boolean isLarge(long bytes) {
        return bytes >= ReplyFrames.LARGE_BYTES;
    }

    /** How many bytes the large commands have that are waited for. */
    long largeBytes() {
        return largeBytes.get();
    }

    /** How many commands are waited for. */
    int waiting() {
        return waiting.get();
    }

    /** Whether something large goes out on it or comes in, behind which others would wait. */
    boolean isLaden() {
        Wire present = wire;
        return largeBytes.get() > 0 || (present != null && present.receivesLarge());
    }

    /** Whether commands are waited for, and none was answered for so long. */
    boolean isStuckFor(long nanos) {
        return waiting.get() > 0 && System.nanoTime() - answeredAt > nanos;
    }

    /**
     * Whether commands are waited for that were sent before a moment, and nothing came, or went out slowly, since; of a reply that has
     * begun, nothing for some time before that either, since a thin line pauses.
     */
    boolean isSilentSince(long moment) {
        Wire present = wire;
        return present != null
                && waiting.get() > 0
                && answeredAt - moment < 0
                && present.movedAt() - (present.receives() ? moment - PAUSE_NANOS : moment) < 0
                && !present.isSending();
    }

    /** Has it show soon that its replies are those to its commands; it is closed if not. */
    void verify() {
        Wire present = wire;
        if (present != null) {
            present.verify();
        }
    }

    /**
     * Logs it in anew, between the commands of others.
     *
     * @return completed when that is done; at once if it is not open, or logged in so already
     */
    CompletableFuture<?> authenticate(Authentication words) {
        Wire open = wire;
        if (open == null || !isOpen() || words.equals(open.words())) {
            return CompletableFuture.completedFuture("");
        }
        return ask(Requests.auth(words)).thenAccept(done -> open.words(words));
    }

    /** Sends a request; returns its reply. */
    <T> AsyncCommand<byte[], byte[], T> ask(Request<T> request) {
        AsyncCommand<byte[], byte[], T> command = request.command();
        send(command);
        return command;
    }

    void send(AsyncCommand<byte[], byte[], ?> command) {
        send(List.of(command));
    }

    /** Sends commands in their order, with nothing between them. */
    void send(List<? extends AsyncCommand<byte[], byte[], ?>> commands) {
        queue.add(commands);
        if (queued.getAndIncrement() == 0) {
            Wire open = wire;
            if (open != null) {
                schedule(open);
            }
        }
        // Nobody empties the queue of a dead connection any more.
        if (!isAlive()) {
            failQueued();
        }
    }

    private void schedule(Wire open) {
        open.onLoop(() -> drain(open));
    }

    private void drain(Wire open) {
        if (!isAlive()) {
            failQueued();
            return;
        }
        if (open.inFlight() == 0 && System.nanoTime() - open.readAt() > pool.idleNanos()) {
            prove(open);
            return;
        }
        List<List<? extends AsyncCommand<byte[], byte[], ?>>> batches = new ArrayList<>(queued.get());
        List<? extends AsyncCommand<byte[], byte[], ?>> next;
        while ((next = queue.poll()) != null) {
            batches.add(next);
        }
        open.write(batches);
        // Answers are read before what was queued meanwhile is written.
        if (queued.addAndGet(-batches.size()) > 0) {
            schedule(open);
        }
    }

    /** Sends what is queued once it has answered a PING; if it does not soon, it is given up. */
    private void prove(Wire open) {
        AsyncCommand<byte[], byte[], String> ping = Requests.PING.command();
        Runnable verdict = () -> {
            if (!ping.isDone()) {
                pool.hung(this, "no answer on a connection that had been idle");
            }
        };
        Future<?> limit = open.channel()
                .eventLoop()
                .schedule(() -> open.later(verdict, LOOP_GRACE_MILLIS), pool.proofNanos(), TimeUnit.NANOSECONDS);
        CompletableFuture<?> unused = ping.whenComplete((pong, why) -> {
            limit.cancel(false);
            drain(open);
        });
        open.write(List.of(List.of(ping)));
    }

    private void failQueued() {
        CloseReason reason = closeReason.get();
        Throwable cause = reason == null ? failure : reason.cause();
        List<? extends AsyncCommand<byte[], byte[], ?>> commands;
        while ((commands = queue.poll()) != null) {
            for (AsyncCommand<byte[], byte[], ?> command : commands) {
                command.completeExceptionally(new UnsentException(cause));
            }
        }
    }

    /**
     * Gives it up for a reason of ours; the first stands. It is closed by a TCP reset, so that what the node has not read is dropped, or
     * as soon as it is open; what waits on it fails.
     */
    void discard(CloseReason why) {
        closeReason.compareAndSet(null, why);
        Wire present = wire;
        if (present != null) {
            present.reset(why.cause() == null ? new IllegalStateException("it was given up") : why.cause());
        }
        failQueued();
    }
}
