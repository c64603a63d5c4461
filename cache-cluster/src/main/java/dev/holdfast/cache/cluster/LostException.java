package dev.holdfast.cache.cluster;

/** A command was sent, and its connection ended before the reply came. Its cause says why. */
final class LostException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    LostException(Throwable cause) {
        super(cause.getMessage(), cause, false, false);
    }
}
