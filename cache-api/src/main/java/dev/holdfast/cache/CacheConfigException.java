package dev.holdfast.cache;

import org.jspecify.annotations.Nullable;

/** A setting is missing, malformed or refused. The message names it and what it may hold. It shows what it held only where that can't be a secret. */
public final class CacheConfigException extends CacheException {
    private static final long serialVersionUID = 1L;

    /**
     * Creates one.
     *
     * @param message setting, what it held, what it may hold
     */
    public CacheConfigException(String message) {
        this(message, null);
    }

    /**
     * Creates one.
     *
     * @param message setting, what it held, what it may hold
     * @param cause what showed it, or {@code null}
     */
    public CacheConfigException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
