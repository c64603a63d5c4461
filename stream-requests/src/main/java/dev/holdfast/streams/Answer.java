package dev.holdfast.streams;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;

/** What a run came to. As bytes it is a status, {@code S} or {@code F}, and the payload: the result, or why there is none. */
final class Answer {
    private static final int LONGEST_REASON = 1_000;

    private final boolean failed;
    private final byte[] payload;

    private Answer(boolean failed, byte[] payload) {
        this.failed = failed;
        this.payload = payload;
    }

    static Answer result(byte[] payload) {
        return new Answer(false, payload);
    }

    static Answer failure(String reason) {
        String cut = reason.length() > LONGEST_REASON ? reason.substring(0, LONGEST_REASON) : reason;
        return new Answer(true, cut.getBytes(UTF_8));
    }

    static Answer of(byte[] bytes) {
        return new Answer(bytes[0] != 'S', Arrays.copyOfRange(bytes, 1, bytes.length));
    }

    /** Whether bytes that stand in a done key are an answer, and not the name of who runs it. */
    static boolean isAnswer(byte[] bytes) {
        return bytes.length > 0 && bytes[0] != 'R';
    }

    /** Whether there is no result. */
    boolean failed() {
        return failed;
    }

    /** The result, or the reason as UTF-8. */
    byte[] payload() {
        return payload;
    }

    byte[] bytes() {
        byte[] bytes = new byte[payload.length + 1];
        bytes[0] = (byte) (failed ? 'F' : 'S');
        System.arraycopy(payload, 0, bytes, 1, payload.length);
        return bytes;
    }

    String reason() {
        return new String(payload, UTF_8);
    }
}
