package dev.holdfast.cache.upstash;

import org.jspecify.annotations.Nullable;

/** The peer sent what is no answer of this protocol. */
final class MalformedReplyException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MalformedReplyException(String message) {
        this(message, null);
    }

    MalformedReplyException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
