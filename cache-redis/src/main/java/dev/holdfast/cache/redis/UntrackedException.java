package dev.holdfast.cache.redis;

import java.io.IOException;

/** A server does not tell of changes, and will not by being asked again soon. */
public final class UntrackedException extends IOException {
    private static final long serialVersionUID = 1L;

    /** Creates one that says why, as the end of a sentence. */
    public UntrackedException(String why) {
        super(why);
    }
}
