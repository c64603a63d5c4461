package dev.holdfast.cache.cluster;

import io.lettuce.core.protocol.AsyncCommand;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Whether the replies on a connection are still those to its commands. A reply too many that comes while nothing is awaited ends the
 * connection. One that comes while something is shifts all that follow, and two things tell of it: a mark, a PING with a word of its own, where
 * that word must come; and a reply that came sooner than one can, for which a mark is sent at once. When each reply is that to the command before,
 * one of two commands in a row that were sent by themselves is answered within half a round trip. A connection that is never idle
 * is marked from time to time. Used by one event loop only.
 */
final class Pairing {
    private static final long LONGEST_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** After so many commands by themselves it is known how long one takes, once a mark has shown that they were in step. */
    private static final int FIRST_TIMES = 16;

    private static final byte[] PONG = "PONG".getBytes(StandardCharsets.US_ASCII);

    private @Nullable AsyncCommand<byte[], byte[], byte[]> mark;
    private byte[] word = PONG;
    private long provenAt = System.nanoTime();

    /** When something was sent while nothing was awaited, if its reply has not come; else 0. */
    private long sentAt;

    /** Whether a reply came sooner than one can. */
    private boolean inDoubt;

    /** The shortest round trip of what was sent while nothing was awaited, of those that a mark has shown to be in step. */
    private long shortestProven = Long.MAX_VALUE;

    /** How many of the first that were sent like that were timed. */
    private int timed;

    /** The shortest of those that a mark has not yet shown to be. */
    private long shortestDoubtful = Long.MAX_VALUE;

    /** Notes that something is sent while nothing is awaited. */
    void sentAlone(long now) {
        sentAt = now;
        if (!inDoubt) {
            provenAt = now;
        }
    }

    /** Has a mark sent with the next write, unless nothing is awaited by then. */
    void doubt() {
        provenAt = System.nanoTime() - 2 * LONGEST_NANOS;
    }

    /** Whether it is time for a mark. */
    boolean isDue(long now) {
        return mark == null && (inDoubt || now - provenAt > LONGEST_NANOS);
    }

    /** The next mark; {@code null} while there is one on its way. */
    @Nullable
    AsyncCommand<byte[], byte[], byte[]> next() {
        if (mark != null) {
            return null;
        }
        word = newWord();
        mark = Requests.ping(word).command();
        return mark;
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
        inDoubt = false;
        provenAt = System.nanoTime();
        shortestProven = Math.min(shortestProven, shortestDoubtful);
        shortestDoubtful = Long.MAX_VALUE;
        byte[] reply = expected.getOutput().get();
        // A node that is loading refuses: that proves nothing, either way.
        if (!expected.getOutput().hasError() && isOfAnother(word, reply)) {
            throw outOfStep();
        }
    }

    private void time() {
        if (sentAt != 0) {
            long took = System.nanoTime() - sentAt;
            sentAt = 0;
            doubt(took);
        }
    }

    private void doubt(long took) {
        boolean warm = timed >= FIRST_TIMES;
        if (!warm || took < shortestProven / 5 * 3) {
            shortestDoubtful = Math.min(shortestDoubtful, took);
            timed += warm ? 0 : 1;
            inDoubt = timed == FIRST_TIMES;
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
