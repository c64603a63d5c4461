package dev.holdfast.streams;

import org.jspecify.annotations.Nullable;

/** A request that a server holds, and gives signs of life for. */
interface Held {
    Partition partition();

    /** What Redis calls it. */
    String entryId();

    /** Goes on being the one who runs this id; {@code null} if it is not. */
    @Nullable
    Command keepLease();
}
