package dev.holdfast.cache.cluster;

import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * What a probe found.
 *
 * @param alive whether the node answered at all
 * @param failure why it does not serve; {@code null} if it does
 * @param writable whether this user may write its canary
 * @param followed whether a canary follows what was written there before
 * @param conclusive whether it says anything about the node: not if we closed the connection ourselves
 */
record Finding(boolean alive, @Nullable Throwable failure, boolean writable, boolean followed, boolean conclusive) {
    /** Whether it answered what it was asked. */
    boolean answered() {
        return alive && !(failure instanceof TimeoutException);
    }

    static Finding well(boolean writable) {
        return new Finding(true, null, writable, writable, true);
    }

    /** It answers, and was asked no more than that. */
    static Finding pinged(boolean writable, boolean followed) {
        return new Finding(true, null, writable, followed, true);
    }

    /** It is well, and its canary is somebody else's by now. */
    static Finding passedOn() {
        return new Finding(true, null, true, false, true);
    }

    static Finding ill(boolean alive, Throwable failure) {
        return new Finding(alive, failure, false, false, true);
    }

    static Finding inconclusive(Throwable why) {
        return new Finding(false, why, false, false, false);
    }
}
