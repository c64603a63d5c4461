package dev.holdfast.cache.single;

import java.io.IOException;

/** A value that is larger than this client takes; it was not read. */
final class TooLargeReplyException extends IOException {
    private static final long serialVersionUID = 1L;

    TooLargeReplyException(long claimed, long limit) {
        super("a value of " + claimed + " bytes, which is larger than this client takes, " + limit);
    }
}
