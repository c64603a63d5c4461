package dev.holdfast.streams;

import java.util.Optional;

/** What a {@link RequestServer} has seen since it was started. A snapshot; taking it asks nobody. Immutable. */
public final class ServerHealth {
    private final boolean available;
    private final int busy;
    private final int terminals;
    private final int overdue;
    private final ServerCounts counts;
    private final Optional<String> trouble;

    ServerHealth(
            boolean available, int busy, int terminals, int overdue, ServerCounts counts, Optional<String> trouble) {
        this.available = available;
        this.busy = busy;
        this.terminals = terminals;
        this.overdue = overdue;
        this.counts = counts;
        this.trouble = trouble;
    }

    /**
     * Says whether requests are taken: Redis answered the last question for them and has room for answers, at least for one of several partitions, and the server
     * was not stopped.
     */
    public boolean available() {
        return available;
    }

    /** Returns how many terminals have a request. */
    public int busy() {
        return busy;
    }

    /** Returns how many terminals there are. */
    public int terminals() {
        return terminals;
    }

    /**
     * Returns how many terminals have a request whose caller has given up for a second or longer: handlers that hang, or take longer than their
     * callers wait.
     *
     * @return from 0 to {@link #terminals()}
     */
    public int overdue() {
        return overdue;
    }

    /** Returns how many requests were answered, be it with a failure. */
    public long answered() {
        return counts.answered();
    }

    /** Returns how many answers were taken from an earlier run of the same id. */
    public long replayed() {
        return counts.replayed();
    }

    /** Returns how many attempts of the handler failed. */
    public long attemptsFailed() {
        return counts.attemptsFailed();
    }

    /** Returns how many requests were skipped since their callers had given up. */
    public long expired() {
        return counts.expired();
    }

    /** Returns how many requests became dead letters. */
    public long dead() {
        return counts.dead();
    }

    /** Returns how many answers had nobody to go to any more. */
    public long orphans() {
        return counts.orphans();
    }

    /** Returns how many requests were taken over from a worker that was silent for {@link StreamsConfig#claimIdle()}. */
    public long redelivered() {
        return counts.redelivered();
    }

    /**
     * Returns what is wrong with Redis, or with one of several partitions, or how many terminals are {@link #overdue()}, or that the server was stopped; empty if
     * nothing is.
     */
    public Optional<String> trouble() {
        return trouble;
    }
}
