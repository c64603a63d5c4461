package dev.holdfast.streams;

import org.jspecify.annotations.Nullable;

/** A request that waits for another run of its id: all of it but the payload. */
final class Repetition implements Held {
    private final Partition partition;
    private final String entryId;
    private final String id;
    private final byte[] replies;
    private final int delivery;
    private final long deadline;

    Repetition(Partition partition, Partition.Taken taken, String id, byte[] replies, long deadline) {
        this.partition = partition;
        this.entryId = taken.entry().id();
        this.id = id;
        this.replies = replies;
        this.delivery = taken.delivery();
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

    boolean isOver() {
        return deadline - System.nanoTime() <= 0;
    }

    @Override
    public @Nullable Command keepLease() {
        return null;
    }
}
