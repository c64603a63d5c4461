package dev.holdfast.cache.upstash;

import java.io.IOException;

/** Nothing came on a connection, while the database answered on another what it was asked later. */
final class SilentConnectionException extends IOException {
    private static final long serialVersionUID = 1L;

    SilentConnectionException(IOException e) {
        super("nothing came on its connection, while the database answered on another connection", e);
    }
}
