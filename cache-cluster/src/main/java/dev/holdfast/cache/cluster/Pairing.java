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

    /**
     * Of so many commands in a row, each sent while nothing was awaited and without a pause, one goes with a mark. A reply too many that comes
     * while a command is awaited is taken for its own, and then each reply is that to the command before, though nothing is awaited whenever
     * the next is sent.
     */
    private static final int MOST_UNPROVEN = 8;

    /** A pause of so many round trips shows that no reply was left over: it would have come. */
    private static final int QUIET_TRIPS = 4;

    private static final byte[] PONG = "PONG".getBytes(StandardCharsets.US_ASCII);

    private @Nullable AsyncCommand<byte[], byte[], byte[]> mark;
    private byte[] word = PONG;
    private long provenAt = System.nanoTime();

    /** When something was sent while nothing was awaited, if its reply has not come; else 0. */
    private long sentAt;

    /** How long the last command took that was sent while nothing was awaited. */
    private long lastTook;

    /** How many commands in a row were sent while nothing was awaited, without a pause and without a mark. */
    private int unproven;

    /**
     * Notes that something is sent while nothing is awaited.
     *
     * @param readAt when bytes last came
     */
    void sentAlone(long now, long readAt) {
        unproven = now - readAt > QUIET_TRIPS * lastTook ? 0 : unproven + 1;
        sentAt = now;
        provenAt = now;
    }

    /** Has a mark sent with the next write, unless nothing is awaited by then. */
    void doubt() {
        provenAt = System.nanoTime() - 2 * LONGEST_NANOS;
    }

    /** Whether it is time for a mark. */
    boolean isDue(long now) {
        return mark == null && (unproven >= MOST_UNPROVEN || now - provenAt > LONGEST_NANOS);
    }

    /** The next mark; {@code null} while there is one on its way. */
    @Nullable
    AsyncCommand<byte[], byte[], byte[]> next() {
        if (mark != null) {
            return null;
        }
        unproven = 0;
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
        provenAt = System.nanoTime();
        byte[] reply = expected.getOutput().get();
        // A node that is loading refuses: that proves nothing, either way.
        if (!expected.getOutput().hasError() && isOfAnother(word, reply)) {
            throw outOfStep();
        }
    }

    private void time() {
        if (sentAt != 0) {
            lastTook = System.nanoTime() - sentAt;
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
