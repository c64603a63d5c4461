package dev.holdfast.cache;

/** Why everything that a near cache held became unusable at once. */
public enum FlushReason {
    /** The connection on which a server told of changes was lost, or leads to another process than reads do. */
    CONNECTION,
    /** A server that tells of changes did not answer in time, so it may have told what did not arrive. */
    SILENCE,
    /** A server said that every key may have changed: {@code FLUSHALL}, {@code FLUSHDB}. */
    SERVER_FLUSHED,
    /** Keys have another owner than the one that told of their changes. */
    OWNER,
    /** Another tier serves, or something is to be removed from the one that does. */
    TIER,
    /** The cache was cleared here. */
    CLEARED
}
