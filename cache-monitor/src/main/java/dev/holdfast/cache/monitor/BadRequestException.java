package dev.holdfast.cache.monitor;

/** What came is no request that is answered; the message says why, for the one who sent it. */
final class BadRequestException extends Exception {
    private static final long serialVersionUID = 1;

    private final int status;

    BadRequestException(int status, String why) {
        super(why);
        this.status = status;
    }

    Reply reply() {
        return Reply.error(status, String.valueOf(getMessage()));
    }
}
