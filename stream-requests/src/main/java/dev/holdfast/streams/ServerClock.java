package dev.holdfast.streams;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The time of the Redis that has a stream, as it was told last and went on since by this process's monotonic clock. Entries bear the time of
 * the same server, so no two machines' clocks are compared.
 */
final class ServerClock {
    private record Told(long millis, long nanos) {}

    private volatile @Nullable Told told;

    /** Takes the answer to {@code TIME}. */
    void told(@Nullable Object reply) {
        told = new Told(millis(reply), System.nanoTime());
    }

    boolean isKnown() {
        return told != null;
    }

    /** When the server's clock will show this, by {@link System#nanoTime()}. */
    long nanosAt(long serverMillis) {
        Told last = told;
        if (last == null) {
            throw new IllegalStateException("the server's time is not known yet");
        }
        return last.nanos + (serverMillis - last.millis) * 1_000_000;
    }

    static long millis(@Nullable Object reply) {
        List<?> parts = StreamReply.list(reply);
        return StreamReply.number(parts.get(0)) * 1_000 + StreamReply.number(parts.get(1)) / 1_000;
    }
}
