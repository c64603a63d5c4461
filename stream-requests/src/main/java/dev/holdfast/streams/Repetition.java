package dev.holdfast.streams;

import org.jspecify.annotations.Nullable;

/** A request that waits for another run of its id, or for another of the {@link Suspects}: all of it but the payload. */
final class Repetition implements Held {
    private final Partition partition;
    private final String entryId;
    private final String id;
    private final byte[] replies;
    private final int delivery;
    private final boolean suspected;
    private final long deadline;

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
