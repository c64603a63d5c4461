package dev.holdfast.cache.redis;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import org.jspecify.annotations.Nullable;

/** Copies of failures that say more, or are another caller's. */
public final class Failures {
    private Failures() {}

    /** Returns the same failure in other words, or for another caller. */
    public static CacheUnavailableException copy(
            CacheUnavailableException e, String message, @Nullable Throwable cause, boolean outcomeUnknown) {
        return e instanceof CacheTimeoutException
                ? new CacheTimeoutException(message, cause, outcomeUnknown, e.failedKeys(), e.partialResult())
                : new CacheUnavailableException(
                        message, cause, e.reason(), outcomeUnknown, e.failedKeys(), e.partialResult());
    }

    /** Returns the same failure, of which nobody knows what came of the call. */
    public static CacheUnavailableException outcomeUnknown(CacheUnavailableException e) {
        return e.outcomeUnknown() ? e : copy(e, String.valueOf(e.getMessage()), e, true);
    }
}
