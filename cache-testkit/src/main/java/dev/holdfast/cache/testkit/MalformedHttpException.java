package dev.holdfast.cache.testkit;

import java.io.IOException;

/** A request that can't be understood; the connection is closed after an answer with {@link #status}. */
final class MalformedHttpException extends IOException {
    private static final long serialVersionUID = 1L;

    final int status;

    MalformedHttpException(int status, String message) {
        super(message);
        this.status = status;
    }
}
