package dev.holdfast.cache;

import org.jspecify.annotations.Nullable;

/** The caller was interrupted while it waited. The thread's interrupt flag is set again when this is thrown. */
public final class CacheInterruptedException extends CacheException {
    private static final long serialVersionUID = 1L;

    /**
     * Creates one. Set the interrupt flag before throwing it.
     *
     * @param message what was waited for
     * @param cause what the wait threw, or {@code null}
     */
    public CacheInterruptedException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
