package dev.holdfast.cache.upstash;

import java.net.ProtocolException;

/** The peer sent what is no answer in HTTP, or one that is larger than any may be. Its connection is closed. */
final class MalformedHttpException extends ProtocolException {
    private static final long serialVersionUID = 1L;

    MalformedHttpException(String what) {
        super("the peer sent " + what);
    }

    static MalformedHttpException tooLarge(long limit) {
        return new MalformedHttpException("an answer of more than " + limit + " bytes");
    }
}
