package dev.holdfast.streams;

import java.time.Duration;

/** What stands in Redis, of all clients and workers together, summed over the partitions. Immutable. */
public final class QueueHealth {
    private final long length;
    private final long lag;
    private final long pending;
    private final Duration oldestPending;
    private final long consumers;
    private final long deadLetters;

    QueueHealth(long length, long lag, long pending, Duration oldestPending, long consumers, long deadLetters) {
        this.length = length;
        this.lag = lag;
        this.pending = pending;
        this.oldestPending = oldestPending;
        this.consumers = consumers;
        this.deadLetters = deadLetters;
    }

    /** Returns how many requests wait or are worked on. */
    public long length() {
        return length;
    }

    /** Returns how many requests no worker has taken yet: the figure to scale workers by. */
    public long lag() {
        return lag;
    }

    /** Returns how many requests are with workers, living and dead. */
    public long pending() {
        return pending;
    }

    /** Returns how long ago the oldest of the pending requests was sent, by the clock of Redis; zero if none is pending. */
    public Duration oldestPending() {
        return oldestPending;
    }

    /**
     * Returns how many workers are known, once for each partition, be they idle. A dead one is, until somebody else has taken over its work and
     * five times {@link StreamsConfig#claimIdle()} have gone by, at least 5 s.
     */
    public long consumers() {
        return consumers;
    }

    /** Returns how many dead letters there are. */
    public long deadLetters() {
        return deadLetters;
    }
}
