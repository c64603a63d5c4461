package dev.holdfast.cache;

import org.jspecify.annotations.Nullable;

/**
 * The server understood and said no: a value of the wrong type, an operation that is not permitted, a value too large. To
 * repeat it, here or on another tier, would not help. Nothing was changed.
 */
public final class CacheRejectedException extends CacheException {
    private static final long serialVersionUID = 1L;

    /**
     * Creates one.
     *
     * @param message what was refused, by whom, and why
     */
    public CacheRejectedException(String message) {
        this(message, null);
    }

    /**
     * Creates one.
     *
     * @param message what was refused, by whom, and why
     * @param cause the client library's exception, or {@code null}
     */
    public CacheRejectedException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
