package dev.holdfast.cache.upstash;

import java.io.IOException;

/** A pooled connection turned out to be of no use before anything was sent on it: another one may serve. */
final class UnusableConnectionException extends IOException {
    private static final long serialVersionUID = 1L;

    private final boolean wasInDoubt;

    private UnusableConnectionException(String why, boolean wasInDoubt) {
        super(why);
        this.wasInDoubt = wasInDoubt;
    }

    UnusableConnectionException(String why) {
        this(why, false);
    }

    /** It may be as dead as one that idled beside it. */
    static UnusableConnectionException inDoubt() {
        return new UnusableConnectionException(
                "another connection broke, and nothing was heard on this one since", true);
    }

    /** Whether only another connection told against it. */
    boolean wasInDoubt() {
        return wasInDoubt;
    }
}
