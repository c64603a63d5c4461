package dev.holdfast.cache.upstash;

import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** How long a request has been waiting without a byte from its connection. Written by the request's own thread, read by any. */
final class Listening {
    /** A lost segment is sent again after 200 ms, and after 400 ms more. */
    private static final long BEGUN_NANOS = TimeUnit.SECONDS.toNanos(1);

    private volatile @Nullable FramedSocket socket;
    /** By {@link System#nanoTime()}; 0 while nothing has been sent. */
    private volatile long sentAt;

    private volatile long patienceNanos;
    private volatile long askAgainAt;
    private volatile boolean broken;

    /** The request is about to go out. */
    void begin(FramedSocket connection, long patience, long now) {
        socket = connection;
        patienceNanos = patience;
        askAgainAt = now;
        sentAt = now == 0 ? 1 : now;
    }

    /** Some of the request, or its end, was handed to the connection. */
    void sent(long now) {
        if (sentAt != 0) {
            sentAt = now == 0 ? 1 : now;
        }
    }

    void end() {
        sentAt = 0;
        socket = null;
    }

    long sentAt() {
        return sentAt;
    }

    /** When the silence is worth a question, by {@link System#nanoTime()}; 0 if no answer is due. */
    long silentAt() {
        long since = since();
        if (since == 0) {
            return 0;
        }
        long at = since + patience(since);
        long again = askAgainAt;
        at = again - at > 0 ? again : at;
        return at == 0 ? 1 : at;
    }

    /** When something was last sent or heard; 0 if no answer is due. */
    private long since() {
        long sent = sentAt;
        FramedSocket connection = socket;
        if (sent == 0 || connection == null) {
            return 0;
        }
        long heard = connection.heardAt();
        return heard - sent > 0 ? heard : sent;
    }

    /** Whatever has begun to come has proved its connection once, and is judged by its progress. */
    private long patience(long since) {
        return since == sentAt ? patienceNanos : Math.max(BEGUN_NANOS, patienceNanos);
    }

    /** Lets the silence be worth no question before that time. */
    void askAgainAt(long time) {
        askAgainAt = time;
    }

    /** Whether the request was sent before a time, and has been without a byte since, for as long as its patience lasts. */
    boolean isSilentSince(long time, long now) {
        long since = since();
        FramedSocket connection = socket;
        return since != 0
                && since - time < 0
                && since + patience(since) - now <= 0
                && connection != null
                && !connection.hasArrived();
    }

    /** Closes the connection, since the database answers, but not on it. */
    void breakConnection() {
        FramedSocket connection = socket;
        if (connection != null) {
            broken = true;
            connection.sever();
        }
    }

    /** Whether the connection was closed because of its silence. */
    boolean isBroken() {
        return broken;
    }
}
