package dev.holdfast.streams;

import java.util.Optional;

/** What a {@link RequestClient} has seen since it was made. A snapshot; taking it asks nobody. Immutable. */
public final class ClientHealth {
    private final boolean available;
    private final int inFlight;
    private final int maxInFlight;
    private final ClientCounts counts;
    private final Optional<String> trouble;

    ClientHealth(boolean available, int inFlight, int maxInFlight, ClientCounts counts, Optional<String> trouble) {
        this.available = available;
        this.inFlight = inFlight;
        this.maxInFlight = maxInFlight;
        this.counts = counts;
        this.trouble = trouble;
    }

    /**
     * Says whether calls are accepted and answers read: Redis took the last thing that was sent to it, of several partitions at least one does, and
     * the client is not closed.
     */
    public boolean available() {
        return available;
    }

    /** Returns how many calls wait for their answer. */
    public int inFlight() {
        return inFlight;
    }

    /** Returns how many calls may wait at a time. */
    public int maxInFlight() {
        return maxInFlight;
    }

    /** Returns how many calls were accepted; some of them Redis may have rejected later, and they are counted there, too. */
    public long accepted() {
        return counts.accepted();
    }

    /** Returns how many calls got an answer, failures of handlers included. */
    public long answered() {
        return counts.answered();
    }

    /** Returns how many of the answers said that the request failed. */
    public long failed() {
        return counts.failed();
    }

    /** Returns how many calls had no answer within their limit. */
    public long timedOut() {
        return counts.timedOut();
    }

    /** Returns how many calls were rejected. */
    public long rejected() {
        return counts.rejected();
    }

    /** Returns how many answers came for which nobody waited any more: late ones and repeated ones. */
    public long unclaimed() {
        return counts.unclaimed();
    }

    /** Returns what is wrong with Redis, or with one of several partitions, or that the client is closed; empty if nothing is. */
    public Optional<String> trouble() {
        return trouble;
    }
}
