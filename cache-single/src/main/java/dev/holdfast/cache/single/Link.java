package dev.holdfast.cache.single;

import dev.holdfast.cache.redis.Authentication;
import java.io.IOException;
import java.net.Socket;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One connection: its log-in, the TCP socket beneath any TLS, and until when its present users may have it. One
 * thread at a time writes, one reads; only {@link #reset} and {@link #resetIfOverdue} come from others.
 *
 * <p>The socket has no read timeout: {@link dev.holdfast.cache.internal.DeadlineWatch} resets a connection that is overdue, which also bounds what a timeout
 * of the socket can't, a reply that drips and a write into a full buffer.
 */
final class Link {
    /** The largest answer to a log-in: what a server says of itself. */
    private static final long LOG_IN_BYTES = 64 * 1024;

    /** What breaks later under its first call was idle before, and may have been closed for that. */
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final SingleConfig config;
    private final Connector.Route route;
    private final int generation;
    private final int failuresBefore;
    private final Restarts.Seen before;
    private final AtomicBoolean uselessTaken = new AtomicBoolean();
    private final CompletableFuture<Link> opened = new CompletableFuture<>();
    private final Use reading = new Use(this::isOpen);
    private final Use writing = new Use(this::isOpen);
    private final AtomicReference<@Nullable CloseReason> closeReason = new AtomicReference<>();
    private volatile @Nullable Socket tcp;
    private volatile long openedAt;
    private volatile Runnable whenUseful = () -> {};
    private volatile boolean useful;

    /** What its log-in was begun with; of whoever opens it. */
    private @Nullable Authentication begun;

    private volatile Entry.Made entered = new Entry.Made(null, null);
    private @Nullable LinkStreams streams;

    /** When bytes last came, or should have begun to. */
    private volatile long heardAt;

    /** Until when a reply that is on its way may take; the reader's. */
    private long replyUntil = Use.NONE;

    private long commandNanos;

    /**
     * Creates one that is not open.
     *
     * @param route where to, and how one gets in
     * @param generation which set of connections it belongs to
     * @param failuresBefore how many attempts in a row had failed when this one began
     * @param before what was known then of the processes that answer
     */
    Link(SingleConfig config, Connector.Route route, int generation, int failuresBefore, Restarts.Seen before) {
        this.config = config;
        this.route = route;
        this.generation = generation;
        this.failuresBefore = failuresBefore;
        this.before = before;
    }

    /** How many attempts in a row had failed when this one began. */
    int failuresBefore() {
        return failuresBefore;
    }

    /** Has somebody told of the first reply to a call, before that is given to the call. */
    void whenUseful(Runnable listener) {
        whenUseful = listener;
    }

    /**
     * Whether it was of no use: closed by the other side under the first call, soon after it had been opened. The first who asks
     * then is told, and nobody else.
     */
    boolean takeUseless() {
        return !useful && System.nanoTime() - openedAt < FRESH_NANOS && uselessTaken.compareAndSet(false, true);
    }

    /** Which set of connections it belongs to; those of an earlier one are not used again. */
    int generation() {
        return generation;
    }

    /** Completed when {@link #open} has ended, or has no more time. */
    CompletableFuture<Link> opened() {
        return opened;
    }

    /**
     * Connects and logs in, with RESP2: nothing here needs what the server says unasked. Blocks, even for longer than the
     * deadline while a name is being resolved.
     */
    void open() throws IOException {
        try {
            openOnce();
        } catch (IOException e) {
            if (closeReason.get() != null || !route.entry().isOutdated(begun)) {
                throw e;
            }
            Socket broken = tcp;
            if (broken != null) {
                broken.close();
            }
            openOnce();
        }
    }

    private void openOnce() throws IOException {
        Socket opened = Sockets.open(config, route, reading.deadline(), this::adopt);
        LinkStreams present = new LinkStreams(
                Objects.requireNonNull(tcp), opened, Math.max(LOG_IN_BYTES, config.maxValueBytes()), this::heard);
        streams = present;
        commandNanos = config.commandTimeout().toNanos();
        entered = route.entry().make(this, before, words -> begun = words);
        present.limit(config.maxValueBytes());
        openedAt = System.nanoTime();
    }

    /** The process that it leads to, by the name that {@link Restarts} gives it; {@code null} if that is not known, or not yet. */
    @Nullable
    String process() {
        return entered.process();
    }

    /** What it is logged in with; {@code null} for nothing. */
    @Nullable
    Authentication words() {
        return entered.words();
    }

    /** Notes that it was logged in anew. */
    void words(Authentication words) {
        entered = new Entry.Made(words, entered.process());
    }

    private void adopt(Socket socket) throws IOException {
        tcp = socket;
        if (closeReason.get() != null) {
            socket.close();
        }
    }

    /** The port of this end; 0 if it is not open. */
    int localPort() {
        Socket socket = tcp;
        return socket == null ? 0 : socket.getLocalPort();
    }

    /** When it was opened; for whoever has seen that. */
    long openedAt() {
        return openedAt;
    }

    /** What is written to it and read from it. For whoever has seen it opened, and for whoever logs it in. */
    LinkStreams streams() {
        LinkStreams present = streams;
        if (present == null) {
            throw new IllegalStateException("the connection is not open");
        }
        return present;
    }

    /** The reading from it; also the opening. */
    Use reading() {
        return reading;
    }

    /** The writing to it. */
    Use writing() {
        return writing;
    }

    /** Reads a reply to a call; a refusal is returned as a {@link Refusal}. For the one thread that reads. */
    @Nullable
    Object read() throws IOException {
        Object reply = streams().read();
        if (!useful) {
            useful = true;
            whenUseful.run();
        }
        return reply;
    }

    /** Lets what is read now take until then, as long as it gets on; for the one thread that reads. */
    void replyUntil(long until) {
        replyUntil = until;
    }

    /** When bytes last came, or {@link #expectsReply} was called. For any thread. */
    long heardAt() {
        return heardAt;
    }

    /** To be told when something was sent while nothing was under way. */
    void expectsReply(long now) {
        heardAt = now;
    }

    private void heard(long now) {
        heardAt = now;
        if (replyUntil != Use.NONE) {
            reading.extend(now + commandNanos - replyUntil < 0 ? now + commandNanos : replyUntil);
        }
    }

    /** When the earlier of its uses must have ended, for {@link dev.holdfast.cache.internal.DeadlineWatch}; 0 if there is none or it was reset already. */
    long deadline() {
        long read = reading.deadline();
        long write = writing.deadline();
        return read == 0 || (write != 0 && write - read < 0) ? write : read;
    }

    /** Resets the connection if a use that had this deadline is still under way. */
    void resetIfOverdue(long until) {
        if (reading.missed(until) || writing.missed(until)) {
            reset(CloseReason.OVERDUE);
        }
    }

    /** Closes the TCP connection at once, so that what the server has not read yet is dropped. The first reason stands. */
    void reset(CloseReason why) {
        closeReason.compareAndSet(null, why);
        Socket socket = tcp;
        if (socket != null) {
            try {
                if (!socket.isClosed()) {
                    socket.setSoLinger(true, 0);
                }
            } catch (IOException e) {
                // Closed meanwhile; that will do.
            }
            try {
                socket.close();
            } catch (IOException e) {
                // It has no buffers of its own that closing could fail to write.
            }
        }
    }

    private boolean isOpen() {
        return closeReason.get() == null;
    }

    /** Why we closed it; {@code null} if we didn't. */
    @Nullable
    CloseReason closeReason() {
        return closeReason.get();
    }
}
