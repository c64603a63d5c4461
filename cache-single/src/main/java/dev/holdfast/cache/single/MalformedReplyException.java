package dev.holdfast.cache.single;

import dev.holdfast.cache.internal.ForeignText;
import java.io.IOException;

/** What came is no reply that this protocol has, or none that the command can have: what follows belongs to nobody. */
final class MalformedReplyException extends IOException {
    private static final long serialVersionUID = 1L;

    MalformedReplyException(String what) {
        super("malformed reply: " + ForeignText.shown(what));
    }
}
