package dev.holdfast.cache.cluster;

import org.jspecify.annotations.Nullable;

/** A command was not sent: its connection could not be opened, or was closed before. Its cause says why. */
final class UnsentException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnsentException(@Nullable Throwable cause) {
        super(cause == null ? "the connection is closed" : cause.getMessage(), cause, false, false);
    }
}
