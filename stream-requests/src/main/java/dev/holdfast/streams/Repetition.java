package dev.holdfast.streams;

import org.jspecify.annotations.Nullable;

/**
 * A request that waits for another run of its id, for another of the {@link Suspects}, or, being answered, for its reply stream: all of it but the payload.
 */
class Repetition implements Held {
    /** A client that lives looks after its reply stream every second, if Redis is there. */
    private static final long PATIENCE_NANOS = 3_000_000_000L;

    private final Partition partition;
    private final String entryId;
    private final String id;
    private final byte[] replies;
    private final int delivery;
    private final boolean suspected;
    private final long deadline;
    private boolean answered;
    private @Nullable Long missingSince;

    Repetition(
            Partition partition,
            String entryId,
            String id,
            byte[] replies,
            int delivery,
            boolean suspected,
            long deadline) {
        this.partition = partition;
        this.entryId = entryId;
        this.id = id;
        this.replies = replies;
        this.delivery = delivery;
        this.suspected = suspected;
        this.deadline = deadline;
    }

    /** This one, whose own run has kept its answer: it waits for its reply stream. */
    Repetition answered() {
        answered = true;
        return this;
    }

    /** Whether its own run has kept its answer. */
    boolean isAnswered() {
        return answered;
    }

    /** Takes note that its reply stream is missing; says whether its client would have made it again by now. */
    boolean isMissingForGood() {
        long now = System.nanoTime();
        if (missingSince == null) {
            missingSince = now;
        }
        return now - missingSince >= PATIENCE_NANOS;
    }

    @Override
    public Partition partition() {
        return partition;
    }

    @Override
    public String entryId() {
        return entryId;
    }

    String id() {
        return id;
    }

    byte[] replies() {
        return replies;
    }

    int delivery() {
        return delivery;
    }

    /** Whether it is one of the {@link Suspects}. */
    boolean isSuspected() {
        return suspected;
    }

    @Override
    public boolean isOver() {
        return deadline - System.nanoTime() <= 0;
    }

    @Override
    public @Nullable Lease lease() {
        return null;
    }
}
