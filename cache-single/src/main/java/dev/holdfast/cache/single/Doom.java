package dev.holdfast.cache.single;

import org.jspecify.annotations.Nullable;

/**
 * Why we closed a connection ourselves.
 *
 * @param why the reason
 * @param cause what {@link dev.holdfast.cache.CacheStore#disconnect} was given
 */
record Doom(Why why, @Nullable Throwable cause) {
    enum Why {
        /** It took too long. */
        OVERDUE,
        /** Nothing came on it, though the server answered others. */
        SILENT,
        /** Somebody wanted it. */
        DISCONNECTED,
        /** It is of no use any more: it failed before, or nobody waits for a reply. */
        DISCARDED
    }

    static final Doom OVERDUE = new Doom(Why.OVERDUE, null);
    static final Doom SILENT = new Doom(Why.SILENT, null);
    static final Doom DISCARDED = new Doom(Why.DISCARDED, null);

    static Doom disconnected(Throwable cause) {
        return new Doom(Why.DISCONNECTED, cause);
    }

    boolean overdue() {
        return why == Why.OVERDUE;
    }

    boolean silent() {
        return why == Why.SILENT;
    }

    boolean discarded() {
        return why == Why.DISCARDED;
    }
}
