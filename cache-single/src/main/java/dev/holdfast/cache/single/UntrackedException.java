package dev.holdfast.cache.single;

import java.io.IOException;

/** A server does not tell of changes, and will not by being asked again soon. */
final class UntrackedException extends IOException {
    private static final long serialVersionUID = 1L;

    UntrackedException(String why) {
        super(why);
    }
}
