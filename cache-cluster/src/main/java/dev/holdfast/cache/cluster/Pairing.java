package dev.holdfast.cache.cluster;

import dev.holdfast.cache.internal.LoneCalls;
import io.lettuce.core.protocol.AsyncCommand;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Whether the replies on a connection are still those to its commands. A reply too many that comes while nothing is awaited ends the
 * connection. One that comes while something is shifts all that follow, and a mark tells of it: a PING with a word of its own, where
 * that word must come, which goes with some of the commands that are sent by themselves ({@link LoneCalls}), and where somebody has a doubt. A
 * connection that is never idle is marked from time to time. Used by one event loop only.
 */
final class Pairing {
    private static final long LONGEST_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private static final byte[] PONG = "PONG".getBytes(StandardCharsets.US_ASCII);

    private @Nullable AsyncCommand<byte[], byte[], byte[]> mark;
    private byte[] word = PONG;
    private long provenAt = System.nanoTime();

    /** When something was sent while nothing was awaited, if its reply has not come; else 0. */
    private long sentAt;

    private final LoneCalls lone = new LoneCalls();

    /**
     * Notes that something is sent while nothing is awaited.
     *
     * @param readAt when bytes last came
     */
    void sentAlone(long now, long readAt) {
        lone.sent(now, readAt);
        sentAt = now;
        provenAt = now;
    }

    /** Has a mark sent with the next write, unless nothing is awaited by then. */
    void doubt() {
        provenAt = System.nanoTime() - 2 * LONGEST_NANOS;
    }

    /** Whether it is time for a mark. */
    boolean isDue(long now) {
        return mark == null && (lone.isMarkDue() || now - provenAt > LONGEST_NANOS);
    }

    /** Makes the mark that is due. */
    AsyncCommand<byte[], byte[], byte[]> mark() {
        lone.marked();
        word = newWord();
        AsyncCommand<byte[], byte[], byte[]> next = Requests.ping(word).command();
        mark = next;
        return next;
    }

    /**
     * Notes that a command has its reply.
     *
     * @throws MalformedReplyException if it is the mark, and the reply another's
     */
    @SuppressWarnings("ReferenceEquality") // that very one
    void answered(AsyncCommand<byte[], byte[], ?> command) {
        time();
        AsyncCommand<byte[], byte[], byte[]> expected = mark;
        if (command != expected) {
            return;
        }
        mark = null;
        provenAt = System.nanoTime();
        byte[] reply = expected.getOutput().get();
        // A node that is loading refuses: that proves nothing, either way.
        if (!expected.getOutput().hasError() && isOfAnother(word, reply)) {
            throw outOfStep();
        }
    }

    private void time() {
        if (sentAt != 0) {
            lone.took(System.nanoTime() - sentAt);
            sentAt = 0;
        }
    }

    /** Whether a reply in a mark's place is that to another command. A proxy may answer with its own PONG, which proves nothing. */
    static boolean isOfAnother(byte[] word, byte @Nullable [] reply) {
        return !Arrays.equals(reply, PONG) && !Arrays.equals(reply, word);
    }

    static MalformedReplyException outOfStep() {
        return new MalformedReplyException("a reply to another command: there was one too many, or too few");
    }

    /** A word that no other mark has, and no value. */
    static byte[] newWord() {
        return Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36).getBytes(StandardCharsets.US_ASCII);
    }
}
