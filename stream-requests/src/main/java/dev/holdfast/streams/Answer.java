package dev.holdfast.streams;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;

/**
 * What a run came to. As bytes it is a status, {@code S} or {@code F}, and the payload: the result, or why there is none. Nobody else has these bytes, so an answer
 * that is sent is the one that was kept, whatever a handler does to its array afterwards.
 */
class Answer {
    private static final int LONGEST_REASON = 1_000;

    private final byte[] bytes;

    /** Takes the bytes over. */
    Answer(byte[] bytes) {
        this.bytes = bytes;
    }

    static Answer result(byte[] payload) {
        return made('S', payload);
    }

    static Answer failure(String reason) {
        String cut = reason.length() > LONGEST_REASON ? reason.substring(0, LONGEST_REASON) : reason;
        return made('F', cut.getBytes(UTF_8));
    }

    private static Answer made(char status, byte[] payload) {
        byte[] bytes = new byte[payload.length + 1];
        bytes[0] = (byte) status;
        System.arraycopy(payload, 0, bytes, 1, payload.length);
        return new Answer(bytes);
    }

    /** Whether bytes that stand in a done key are an answer, and not the name of who runs it. */
    static boolean isAnswer(byte[] bytes) {
        return bytes.length > 0 && bytes[0] != 'R';
    }

    /** Whether there is no result. */
    boolean failed() {
        return bytes[0] != 'S';
    }

    /** The result, or the reason as UTF-8: a copy for each who asks. */
    byte[] payload() {
        return Arrays.copyOfRange(bytes, 1, bytes.length);
    }

    /** Not to be changed. */
    byte[] bytes() {
        return bytes;
    }

    String reason() {
        return new String(bytes, 1, bytes.length - 1, UTF_8);
    }
}
