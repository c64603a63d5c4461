package dev.holdfast.cache.single;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The failure of a call whose connection broke under it.
 *
 * @param errors what makes an exception of it, for each caller its own
 * @param cause what broke it
 * @param closeReason why we closed it, if we did
 */
record Lost(JedisErrors errors, Throwable cause, @Nullable CloseReason closeReason)
        implements Supplier<RuntimeException> {

    @Override
    public RuntimeException get() {
        return errors.lost(cause, closeReason, true);
    }

    /** Whether only the connection is to blame, so that the call may succeed on another. */
    boolean elsewhere() {
        return closeReason == null || closeReason.discarded() || closeReason.silent();
    }

    /** Whether the other side closed it, or what came on it was no answer. */
    boolean closedByServer() {
        return closeReason == null || closeReason.discarded();
    }
}
