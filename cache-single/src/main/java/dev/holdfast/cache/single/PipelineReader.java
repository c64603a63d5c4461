package dev.holdfast.cache.single;

import dev.holdfast.cache.internal.DeadlineWatch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Reads the replies of one connection and gives each to the call that it belongs to. One thread at a time has the right to read. */
final class PipelineReader {
    /** How much longer than its reader's limit a reply may take that has begun; then the connection is lost. */
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** How many replies a reader that has its own stays for. */
    private static final int MOST_FOR_OTHERS = 256;

    private final Link link;
    private final LinkStreams streams;
    private final SentCalls calls;
    private final Marks marks;
    private final RoundTrip roundTrip;
    private final JedisErrors errors;
    private final DeadlineWatch<Link> watch;
    private final long commandNanos;
    private final AtomicBoolean reading = new AtomicBoolean();

    /** When something was sent while nothing was under way, if its reply has not come; else 0. */
    private volatile long sentAt;

    private volatile long usedAt;

    PipelineReader(
            Link link, SentCalls calls, Marks marks, Connector connector, RoundTrip roundTrip, JedisErrors errors) {
        this.link = link;
        this.streams = link.streams();
        this.calls = calls;
        this.marks = marks;
        this.roundTrip = roundTrip;
        this.errors = errors;
        this.watch = connector.watch();
        this.commandNanos = connector.commandNanos();
        this.usedAt = link.openedAt();
    }

    /** When the connection was last used, at most a call's length too early. */
    long usedAt() {
        return usedAt;
    }

    /** Notes that calls are about to be sent while nothing is under way. */
    void begins(long now) {
        sentAt = now;
    }

    /** Takes the right to read, if nobody has it. */
    boolean tryAcquire() {
        return reading.compareAndSet(false, true);
    }

    /** Gives it back. */
    void release() {
        reading.set(false);
    }

    /** Whether somebody has it. */
    boolean isAcquired() {
        return reading.get();
    }

    /**
     * Finds out whether the other end answers, while nothing is under way. Blocks.
     *
     * @param question what it is asked
     * @param until when the answer must have come
     */
    boolean prove(Request question, long until) {
        boolean answered = false;
        try {
            expect(until);
            answered = streams.callAll(List.of(question)).size() == 1;
        } catch (IOException | RuntimeException e) {
            // It is given up by our caller.
        }
        usedAt = System.nanoTime();
        return link.reading().end() && answered;
    }

    /**
     * Reads replies until this call is answered and no more of them has arrived.
     *
     * @param own the caller's own call; {@code null} to read until nothing is under way
     * @param until when the caller has no more time
     * @return why the connection is to be given up; {@code null} if it is as good as before
     */
    @Nullable
    Throwable read(@Nullable Call own, long until) {
        Throwable failure = null;
        int answered = 0;
        boolean limited = own != null && own.limited();
        try {
            expect(limited ? until + commandNanos : until);
            for (Call next = calls.next();
                    next != null && (own == null || own.isSent() || (answered < MOST_FOR_OTHERS && streams.hasMore()));
                    next = calls.next()) {
                if (!streams.await(roundTrip.isShort(), limited, until)) {
                    break;
                }
                if (limited) {
                    expect(until + GRACE_NANOS);
                }
                link.replyUntil(next.until());
                Object reply = next.isPlural() ? readAll(next.replies()) : link.read();
                if (answered++ == 0) {
                    timeRoundTrip();
                }
                marks.check(next, reply);
                calls.moveTo(next);
                next.answer(reply);
            }
            if (calls.isEmpty() && streams.isBuffered()) {
                failure = new MalformedReplyException("one that nobody asked for");
            }
        } catch (TooLargeReplyException e) {
            failure = e;
            answered += refuse(e);
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
        }
        if (!link.reading().end() && failure == null) {
            failure = new IOException("overdue");
        }
        usedAt = System.nanoTime();
        calls.settled(answered);
        return failure;
    }

    private void expect(long until) {
        link.replyUntil(0);
        link.reading().begin(until);
        watch.expect(until);
    }

    private void timeRoundTrip() {
        long sent = sentAt;
        if (sent != 0) {
            sentAt = 0;
            long now = System.nanoTime();
            roundTrip.took(sent, now);
            marks.took(now - sent);
        }
    }

    private List<@Nullable Object> readAll(int count) throws IOException {
        List<@Nullable Object> replies = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            replies.add(link.read());
        }
        return replies;
    }

    /** The call whose reply is larger than we take has been answered by that; those behind it have not. */
    private int refuse(TooLargeReplyException e) {
        Call next = calls.next();
        if (next == null) {
            return 0;
        }
        calls.moveTo(next);
        next.fail(() -> errors.tooLarge(e));
        return 1;
    }
}
