package dev.holdfast.cache;

import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A store gave no answer in time. */
public final class CacheTimeoutException extends CacheUnavailableException {
    private static final long serialVersionUID = 1L;

    /**
     * Creates one for a call as a whole.
     *
     * @param message address, what was waited for, and how long
     * @param cause the client library's exception, or {@code null}
     * @param outcomeUnknown whether the operation may have been applied
     */
    public CacheTimeoutException(String message, @Nullable Throwable cause, boolean outcomeUnknown) {
        super(message, cause, Reason.TIMEOUT, outcomeUnknown);
    }

    /**
     * Creates one for a call with several keys.
     *
     * @param message address, what was waited for, and how long
     * @param cause the client library's exception, or {@code null}
     * @param outcomeUnknown whether the operation may have been applied to a failed key
     * @param failedKeys the keys that got no answer
     * @param partialResult of a read: what was found of the other keys
     */
    public CacheTimeoutException(
            String message,
            @Nullable Throwable cause,
            boolean outcomeUnknown,
            Collection<String> failedKeys,
            Map<String, byte[]> partialResult) {
        super(message, cause, Reason.TIMEOUT, outcomeUnknown, failedKeys, partialResult);
    }
}
