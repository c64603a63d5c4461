package dev.holdfast.cache.cluster;

import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Why we closed a connection ourselves.
 *
 * @param kind what for
 * @param cause what showed it; for a disconnect, what {@link dev.holdfast.cache.spi.CacheStore#disconnect} was given
 */
record CloseReason(Kind kind, @Nullable Throwable cause) {
    enum Kind {
        /** The node failed its probe. */
        OUT,
        /** Nothing came on it while the node answered elsewhere: it is the connection that is broken. */
        HUNG,
        /** On purpose, to fail what is under way. */
        DISCONNECTED,
        /** Nobody wants it any more. */
        DISCARDED
    }

    /** That nothing came on the connection while the node answered elsewhere. */
    static CloseReason hung(String why) {
        return new CloseReason(Kind.HUNG, new TimeoutException(why));
    }
}
