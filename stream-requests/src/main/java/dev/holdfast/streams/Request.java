package dev.holdfast.streams;

import java.time.Duration;

/** One request as a handler sees it. Immutable, but for its payload's bytes, which belong to the handler. */
public final class Request {
    private final String id;
    private final byte[] payload;
    private final int delivery;
    private final long deadline;

    Request(String id, byte[] payload, int delivery, long deadline) {
        this.id = id;
        this.payload = payload;
        this.delivery = delivery;
        this.deadline = deadline;
    }

    /** Returns the caller's id. A handler whose effects must happen once keys them by it. */
    public String id() {
        return id;
    }

    /** Returns what the caller sent. Each attempt has an array of its own. */
    @SuppressWarnings("EI_EXPOSE_REP")
    public byte[] payload() {
        return payload;
    }

    /** Returns how often the request was given to a worker, this time included: 1 unless a worker died or an attempt failed. */
    public int delivery() {
        return delivery;
    }

    /**
     * Returns how long its caller still waits, by the clock of Redis; zero if it has given up.
     *
     * @return from zero to the caller's limit
     */
    public Duration remaining() {
        return Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
    }

    /** The id and the payload's size, not its bytes. */
    @Override
    public String toString() {
        return "Request[" + id + ", " + payload.length + " bytes, delivery " + delivery + "]";
    }
}
