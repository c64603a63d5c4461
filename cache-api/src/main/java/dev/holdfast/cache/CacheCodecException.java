package dev.holdfast.cache;

import org.jspecify.annotations.Nullable;

/** A value does not encode, or bytes do not decode. */
public final class CacheCodecException extends CacheException {
    private static final long serialVersionUID = 1L;

    /**
     * Creates one.
     *
     * @param message which type, and what was wrong
     * @param cause the codec's exception, or {@code null}
     */
    public CacheCodecException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
