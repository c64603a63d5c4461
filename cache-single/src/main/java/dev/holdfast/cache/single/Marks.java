package dev.holdfast.cache.single;

import dev.holdfast.cache.internal.LoneCalls;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The marks on one connection: calls of ours among the others', whose reply is a text that no other call gets. Where it comes for another call, or another's
 * for it, replies and calls are out of step. Not every server gives marks back; then there are no more of them. The thread that writes sets them, the one that reads checks.
 */
final class Marks {
    /** A connection that always has something under way is marked so often: a reply too many is seen where nothing is. */
    private static final long MARK_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private final byte[] text = ("holdfast:"
                    + Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36))
            .getBytes(StandardCharsets.US_ASCII);
    private final LoneCalls lone = new LoneCalls();
    private final long commandNanos;

    /** When nothing was under way, or a mark was set. The writer's. */
    private long markedAt;

    /** Whether the other end gives marks back, as far as is known. */
    private volatile boolean markable = true;

    /** Whether the reply to one is awaited. */
    private volatile boolean marked;

    Marks(long commandNanos) {
        this.commandNanos = commandNanos;
    }

    /**
     * Sets a mark, if one is due before calls that are about to be sent.
     *
     * @param isIdle whether nothing is under way
     * @return it; {@code null} if none is due, or there is no memory for one, which those calls must not pay for
     */
    @Nullable
    Call next(Pipeline pipeline, boolean isIdle, long now) {
        if (isIdle) {
            lone.sent(now, pipeline.usedAt());
        }
        if (!markable || marked || !(isIdle ? lone.isMarkDue() : now - markedAt > MARK_NANOS)) {
            return null;
        }
        try {
            Call mark = Call.mark(text, now + commandNanos);
            if (!mark.takeFor(pipeline, now, commandNanos)) {
                return null;
            }
            markedAt = now;
            lone.marked();
            marked = true;
            return mark;
        } catch (OutOfMemoryError e) {
            return null;
        }
    }

    /** To be told that calls are sent while nothing is under way. */
    void wasIdle(long now) {
        markedAt = now;
    }

    /** To be told how long a call took that was sent while nothing was under way. */
    void took(long nanos) {
        lone.took(nanos);
    }

    /** Throws if this is the reply to a mark and not the mark's call, or the other way round. */
    void check(Call call, @Nullable Object reply) throws MalformedReplyException {
        if (!marked) {
            return;
        }
        boolean isMark = reply instanceof byte[] bytes && Arrays.equals(bytes, text);
        if (call.mark() == null ? isMark : !isMark && !isPong(reply) && !(reply instanceof Refusal)) {
            throw new MalformedReplyException("another call's");
        }
        if (call.mark() != null) {
            marked = false;
            // A refusal is about the server's state, and proves nothing.
            markable = !isPong(reply);
        }
    }

    /** Whether something answers PING in the server's place. */
    private static boolean isPong(@Nullable Object reply) {
        return reply instanceof Status status && status.isPong();
    }
}
