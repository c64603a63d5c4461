package dev.holdfast.streams;

import java.util.Objects;

/**
 * The request was run and has no result: its handler said so by throwing this, or it was given up, being poison, and stands in
 * the dead-letter stream. To repeat it with the same id within the reply window gives the same answer, but for two kinds. A failure that Redis refused to keep is
 * told once: repeated, the request is run again. And an answer that did not fit into the client's memory is a failure of this client only: the result is kept, and whoever asks
 * for it again gets it.
 */
public final class RequestFailedException extends RequestException {
    private static final long serialVersionUID = 1;

    /**
     * Makes the failure that a handler throws for a request that is not to be tried again, nor a dead letter.
     *
     * @param reason what the caller is told; at most 1,000 characters of it
     */
    public RequestFailedException(String reason) {
        super(Objects.requireNonNull(reason, "reason"), null);
    }
}
