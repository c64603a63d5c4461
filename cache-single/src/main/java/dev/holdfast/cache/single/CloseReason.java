package dev.holdfast.cache.single;

import org.jspecify.annotations.Nullable;

/**
 * Why we closed a connection ourselves.
 *
 * @param why the reason
 * @param cause what {@link dev.holdfast.cache.spi.CacheStore#disconnect} was given
 */
record CloseReason(Why why, @Nullable Throwable cause) {
    enum Why {
        /** It took longer than a command may. */
        OVERDUE,
        /** It took longer than its caller had left, which was less. */
        CALLER_OVERDUE,
        /** Nothing came on it, though the server answered others. */
        SILENT,
        /** Somebody wanted it. */
        DISCONNECTED,
        /** It is of no use any more: it failed before, or nobody waits for a reply. */
        DISCARDED
    }

    static final CloseReason OVERDUE = new CloseReason(Why.OVERDUE, null);
    static final CloseReason CALLER_OVERDUE = new CloseReason(Why.CALLER_OVERDUE, null);
    static final CloseReason SILENT = new CloseReason(Why.SILENT, null);
    static final CloseReason DISCARDED = new CloseReason(Why.DISCARDED, null);

    static CloseReason disconnected(Throwable cause) {
        return new CloseReason(Why.DISCONNECTED, cause);
    }

    boolean overdue() {
        return why == Why.OVERDUE || why == Why.CALLER_OVERDUE;
    }

    /** Whether it was its caller's time that ended, and not the command timeout. */
    boolean ofCaller() {
        return why == Why.CALLER_OVERDUE;
    }

    boolean silent() {
        return why == Why.SILENT;
    }

    boolean discarded() {
        return why == Why.DISCARDED;
    }
}
