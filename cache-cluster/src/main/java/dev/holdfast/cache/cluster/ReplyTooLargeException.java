package dev.holdfast.cache.cluster;

/** A reply is announced that is larger than it may be; it is not read. */
final class ReplyTooLargeException extends MalformedReplyException {
    private static final long serialVersionUID = 1L;

    ReplyTooLargeException(long size, long most) {
        super("a reply of " + size + " bytes or elements is more than is allowed here, " + most);
    }
}
