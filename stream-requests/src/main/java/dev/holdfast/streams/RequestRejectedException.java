package dev.holdfast.streams;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The request was not queued, so it is not run: it may be repeated, here or elsewhere. Thrown at once, without waiting for the
 * caller's limit.
 */
public final class RequestRejectedException extends RequestException {
    private static final long serialVersionUID = 1;

    /** What there is too much or too little of. */
    public enum Reason {
        /** This client has as many requests under way as it may, or as many bytes to send. */
        IN_FLIGHT,
        /** The stream is as long as it may be. */
        QUEUE_FULL,
        /** Redis does not answer, or refuses to write. */
        UNAVAILABLE
    }

    private final Reason reason;
    private final Duration retryAfter;

    RequestRejectedException(String message, @Nullable Throwable cause, Reason reason) {
        super(message, cause);
        this.reason = reason;
        this.retryAfter = Duration.ofSeconds(1);
    }

    /** Returns what there is too much or too little of. */
    public Reason reason() {
        return reason;
    }

    /** Returns when to try again: whole seconds, at least one, fit for the HTTP header {@code Retry-After}. */
    public Duration retryAfter() {
        return retryAfter;
    }
}
