package dev.holdfast.cache.upstash;

import java.io.IOException;

/** A pooled connection turned out to be of no use before anything was sent on it: another one may serve. */
final class UnusableConnectionException extends IOException {
    private static final long serialVersionUID = 1L;

    UnusableConnectionException(String why) {
        super(why);
    }
}
