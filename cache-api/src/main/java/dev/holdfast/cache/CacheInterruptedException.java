package dev.holdfast.cache;

import org.jspecify.annotations.Nullable;

/** The caller was interrupted while it waited. The thread's interrupt flag is set again when this is thrown. */
public final class CacheInterruptedException extends CacheException {
    private static final long serialVersionUID = 1L;

    private final boolean outcomeUnknown;

    /**
     * Creates one. Set the interrupt flag before throwing it.
     *
     * @param message what was waited for
     * @param cause what the wait threw, or {@code null}
     */
    public CacheInterruptedException(String message, @Nullable Throwable cause) {
        this(message, cause, true);
    }

    /**
     * Creates one. Set the interrupt flag before throwing it.
     *
     * @param message what was waited for
     * @param cause what the wait threw, or {@code null}
     * @param outcomeUnknown whether something may have been sent by then
     */
    public CacheInterruptedException(String message, @Nullable Throwable cause, boolean outcomeUnknown) {
        super(message, cause);
        this.outcomeUnknown = outcomeUnknown;
    }

    /** Returns whether the call may have been, or may yet be, carried out; false if nothing was sent. */
    public boolean outcomeUnknown() {
        return outcomeUnknown;
    }
}
