package dev.holdfast.cache.testkit;

/** Another process listens where a server was to. */
final class PortTakenException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    PortTakenException(String message) {
        super(message);
    }
}
