package dev.holdfast.cache.micrometer;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import org.jspecify.annotations.Nullable;

/** What a command failed with, in a word of a few: the value of OpenTelemetry's {@code error.type}. */
final class ErrorType {
    private ErrorType() {}

    /** The word; {@code none} if it did not fail. */
    static String of(@Nullable Throwable failure) {
        if (failure == null) {
            return "none";
        } else if (failure instanceof CacheTimeoutException) {
            return "timeout";
        } else if (failure instanceof CacheUnavailableException e) {
            return TierMeters.word(e.reason());
        } else if (failure instanceof CacheRejectedException) {
            return "rejected";
        } else if (failure instanceof CacheInterruptedException) {
            return "interrupted";
        }
        return "_OTHER";
    }
}
