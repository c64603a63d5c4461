package dev.holdfast.cache.upstash;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Tells an answer that comes before its own can have come. HTTP/1.1 names no request in an answer, so a peer that sends one too many
 * while a request is under way has its answer taken for that request's, and each from then on for the next one's: the connection
 * looks idle whenever something is sent. But two requests in a row then take one round trip together, so one of them is answered in half
 * of it. An answer that comes in less than three fifths of the shortest known time is held back until its own would have come: if one
 * comes, the connection ends; if none does, the database has become faster. For any number of threads.
 */
final class EarlyAnswers {
    /** The longest that an answer is held back. Nobody's call fails because the database became much faster. */
    private static final long LONGEST_WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** If so many answers in a row, over so long, all took longer than the shortest known time, the way has become longer. */
    private static final int MOST_LONGER = 16;

    private static final long LONGER_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** How often the connection of an answer that is held back is looked at. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** So much later than the shortest time an answer comes at times; that time again if it is longer, four times it at most. */
    private static final long ROOM_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private long shortest = Long.MAX_VALUE;
    private long shortestLonger = Long.MAX_VALUE;
    private int longer;
    private long longerSince;

    /**
     * To be called when an answer has begun to come, before it is read; has it held back if it comes too soon.
     *
     * @param isFirst whether nothing was asked on the connection before: nothing can be left over then
     * @param sentAt when its request had been sent, by {@link System#nanoTime()}
     * @param deadline when its call has no more time
     * @throws IOException if another came; the connection is closed
     */
    void came(FramedSocket socket, boolean isFirst, long sentAt, long deadline) throws IOException {
        long took = System.nanoTime() - sentAt;
        long known = shortest();
        if (isFirst) {
            proven(took);
        } else if (known == Long.MAX_VALUE || took >= known / 5 * 3) {
            took(took);
        } else {
            socket.atEnd(() -> hold(socket, sentAt, took, known, deadline));
        }
    }

    private void hold(FramedSocket socket, long sentAt, long took, long known, long deadline) throws IOException {
        long until = sentAt + took + known + roomFor(known);
        long latest = System.nanoTime() + LONGEST_WAIT_NANOS;
        until = until - latest < 0 ? until : latest;
        until = until - deadline < 0 ? until : deadline;
        for (long left = until - System.nanoTime();
                left > 0 && !Thread.currentThread().isInterrupted();
                left = until - System.nanoTime()) {
            if (socket.hasArrived()) {
                throw new IOException("an answer came sooner than that of its request can, and then another");
            }
            LockSupport.parkNanos(socket, Math.min(left, LOOK_NANOS));
        }
        // By halves: if the other answer was only late, the next that comes too soon is held back too.
        proven(Math.max(took, known / 2));
    }

    private static long roomFor(long known) {
        return Math.min(4 * known, Math.max(known, ROOM_NANOS));
    }

    private synchronized long shortest() {
        return shortest;
    }

    private synchronized void proven(long took) {
        if (took < shortest) {
            shortest = took;
            longer = 0;
        }
    }

    /** One that is shorter than the shortest, though not by much, proves nothing. */
    private synchronized void took(long took) {
        long now = System.nanoTime();
        if (took <= shortest) {
            longer = 0;
            return;
        }
        if (longer++ == 0) {
            longerSince = now;
            shortestLonger = took;
        }
        shortestLonger = Math.min(shortestLonger, took);
        if (longer >= MOST_LONGER && now - longerSince > LONGER_NANOS) {
            shortest = shortestLonger;
            longer = 0;
        }
    }
}
