package dev.holdfast.cache;

import org.jspecify.annotations.Nullable;

/** A value could not be loaded: its loader failed, or did not end in time. Each caller gets an instance of its own. */
public final class CacheLoadException extends CacheException {
    private static final long serialVersionUID = 1L;

    /**
     * Creates one.
     *
     * @param message cache, key, and what happened
     * @param cause what the loader threw, shared among all callers of the load; {@code null} if it did not end in time
     */
    public CacheLoadException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
