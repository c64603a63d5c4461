package dev.holdfast.streams;

import java.time.Duration;

/**
 * No answer came within the caller's limit. The request may be queued, under way or done: a caller that needs the answer repeats
 * it with the same id.
 */
public final class RequestTimeoutException extends RequestException {
    private static final long serialVersionUID = 1;

    RequestTimeoutException(String id, Duration limit) {
        super("no answer to " + id + " within " + limit.toMillis() + " ms; the same id may be used to ask again", null);
    }
}
