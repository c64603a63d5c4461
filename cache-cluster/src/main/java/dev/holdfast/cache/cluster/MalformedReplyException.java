package dev.holdfast.cache.cluster;

import org.jspecify.annotations.Nullable;

/** Something came that can't be the answer to what was asked; nothing that follows on that connection can be trusted. */
class MalformedReplyException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MalformedReplyException(String what) {
        this(what, null);
    }

    MalformedReplyException(String what, @Nullable Throwable cause) {
        super(what, cause, false, false);
    }
}
