package dev.holdfast.streams;

import org.jspecify.annotations.Nullable;

/** A request that a server holds, and gives signs of life for. */
interface Held {
    Partition partition();

    /** What Redis calls it. */
    String entryId();

    /** What it is to go on being the one who runs; {@code null} if it is not. */
    @Nullable
    Lease lease();

    /** Whether its caller has given up. */
    boolean isOver();

    /**
     * The right to run an id.
     *
     * @param owner what stands at its key
     */
    record Lease(String id, String owner) {}
}
