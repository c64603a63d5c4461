package dev.holdfast.cache.single;

import org.jspecify.annotations.Nullable;

/**
 * Why we closed a connection ourselves.
 *
 * @param overdue whether it took too long; else it was disconnected on purpose
 * @param cause what {@link dev.holdfast.cache.CacheStore#disconnect} was given
 */
record Doom(boolean overdue, @Nullable Throwable cause) {
    static final Doom OVERDUE = new Doom(true, null);

    /** Nobody is waiting for a reply: the connection is no longer wanted. */
    static final Doom DISCARDED = new Doom(false, null);
}
