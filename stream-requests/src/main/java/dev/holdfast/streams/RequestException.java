package dev.holdfast.streams;

import org.jspecify.annotations.Nullable;

/** Why a call has no answer. Its subclasses say what the caller may do. */
public abstract class RequestException extends RuntimeException {
    private static final long serialVersionUID = 1;

    RequestException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
