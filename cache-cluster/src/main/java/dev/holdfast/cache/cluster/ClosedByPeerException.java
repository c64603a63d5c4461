package dev.holdfast.cache.cluster;

/** The node, or something between, closed the connection. */
final class ClosedByPeerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ClosedByPeerException() {
        super("the connection was closed", null, false, false);
    }
}
