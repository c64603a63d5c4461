package dev.holdfast.cache.cluster;

/** The node does not know the script of an EVALSHA and has done nothing; it must be sent in full. */
final class UnknownScriptException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnknownScriptException() {
        super("NOSCRIPT", null, false, false);
    }
}
