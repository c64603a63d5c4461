package dev.holdfast.streams;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The time of the Redis that has a stream, as it was told last and went on since by this process's monotonic clock. Entries bear the time of
 * the same server, so no two machines' clocks are compared.
 */
final class ServerClock {
    /** How many digits a request's limit has at most, in milliseconds. */
    static final int LIMIT_DIGITS = 12;

    private record Told(long millis, long nanos) {}

    private volatile @Nullable Told told;

    /** Takes the answer to {@code TIME}. */
    void told(@Nullable Object reply) {
        told = new Told(millis(reply), System.nanoTime());
    }

    boolean isKnown() {
        return told != null;
    }

    /**
     * When a request is over, by {@link System#nanoTime()}: so long after it was added, but not later than the server's time that it names itself. An entry from
     * the future, as after a failover to a slow clock, was added now at the latest.
     *
     * @param limitMillis up to {@link #LIMIT_DIGITS} digits
     * @param named milliseconds as text; {@code null} or anything else if it names none, as older clients' requests do
     */
    long deadline(String entryId, long limitMillis, byte @Nullable [] named) {
        Told last = told;
        if (last == null) {
            throw new IllegalStateException("the server's time is not known yet");
        }
        long nowMillis = last.millis + (System.nanoTime() - last.nanos) / 1_000_000;
        long overMillis = Math.min(StreamReply.millis(entryId), nowMillis) + limitMillis;
        String text = named == null ? "" : StreamReply.text(named);
        if (StreamReply.isNumber(text, 13)) {
            overMillis = Math.min(overMillis, Long.parseLong(text));
        }
        return last.nanos + (overMillis - last.millis) * 1_000_000;
    }

    static long millis(@Nullable Object reply) {
        List<?> parts = StreamReply.list(reply);
        return StreamReply.number(parts.get(0)) * 1_000 + StreamReply.number(parts.get(1)) / 1_000;
    }
}
