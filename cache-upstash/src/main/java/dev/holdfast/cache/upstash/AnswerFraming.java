package dev.holdfast.cache.upstash;

import java.util.Locale;

/**
 * Knows where an HTTP/1.1 answer (RFC 9112) ends, from its bytes as they are read: OkHttp does not, and would hand a
 * superfluous answer to whoever asks next on the connection. Stricter than OkHttp wherever both could see different ends, and
 * with a limit for everything that has none by itself. Not for several threads.
 */
final class AnswerFraming {
    private static final int MAX_HEAD_CHARACTERS = 64 * 1024;
    private static final int MAX_CHUNK_LINE_CHARACTERS = 256;

    private enum State {
        /** No answer is due: every byte is superfluous. */
        COMPLETE,
        HEAD,
        BODY,
        CHUNK_SIZE,
        CHUNK,
        CHUNK_END,
        TRAILERS,
        UNTIL_CLOSE
    }

    private final StringBuilder line = new StringBuilder(128);
    private State state = State.COMPLETE;
    private int headCharacters;
    private int status;
    private long length;
    private boolean chunked;
    private long left;
    private long bodyBytes;
    private long maxBodyBytes;

    /** Whether all that was asked for has been read. */
    boolean isComplete() {
        return state == State.COMPLETE;
    }

    /**
     * A request is about to be sent, to which one answer is due.
     *
     * @param mostBodyBytes how many bytes its body may have on the wire
     */
    void expect(long mostBodyBytes) {
        maxBodyBytes = mostBodyBytes;
        bodyBytes = 0;
        beginHead();
    }

    private void beginHead() {
        state = State.HEAD;
        line.setLength(0);
        headCharacters = 0;
        status = 0;
        length = -1;
        chunked = false;
    }

    /**
     * Takes in what was read.
     *
     * @return how many of the bytes belong to the answer that is due; what follows them is superfluous
     * @throws MalformedHttpException if they can be no answer, or are more than any answer may have
     */
    int accept(byte[] bytes, int offset, int count) throws MalformedHttpException {
        int end = offset + count;
        int at = offset;
        while (at < end && state != State.COMPLETE) {
            at = switch (state) {
                case BODY, CHUNK -> skip(at, end);
                case UNTIL_CLOSE -> end;
                default -> lineUntil(bytes, at, end);
            };
        }
        return at - offset;
    }

    private int skip(int at, int end) {
        int count = (int) Math.min(left, end - at);
        left -= count;
        if (left == 0) {
            state = state == State.BODY ? State.COMPLETE : State.CHUNK_END;
        }
        return at + count;
    }

    private int lineUntil(byte[] bytes, int from, int end) throws MalformedHttpException {
        boolean head = state == State.HEAD || state == State.TRAILERS;
        for (int at = from; at < end; at++) {
            if (bytes[at] == '\n') {
                int length = line.length();
                line.setLength(length > 0 && line.charAt(length - 1) == '\r' ? length - 1 : length);
                String whole = line.toString();
                line.setLength(0);
                ended(whole);
                return at + 1;
            }
            if (head ? ++headCharacters > MAX_HEAD_CHARACTERS : line.length() >= MAX_CHUNK_LINE_CHARACTERS) {
                throw new MalformedHttpException("an answer whose head or chunk line does not end");
            }
            line.append((char) (bytes[at] & 0xff));
        }
        return end;
    }

    private void ended(String whole) throws MalformedHttpException {
        switch (state) {
            case HEAD -> header(whole);
            case TRAILERS -> state = whole.isEmpty() ? State.COMPLETE : State.TRAILERS;
            case CHUNK_SIZE -> chunk(whole);
            default -> {
                if (!whole.isEmpty()) {
                    throw new MalformedHttpException("a chunk that is longer than its size");
                }
                state = State.CHUNK_SIZE;
            }
        }
    }

    private void header(String whole) throws MalformedHttpException {
        if (status == 0) {
            status = statusOf(whole);
        } else if (whole.isEmpty()) {
            beginBody();
        } else {
            int colon = whole.indexOf(':', 1);
            String name = colon < 0 ? "" : whole.substring(0, colon).toLowerCase(Locale.ROOT);
            if (name.equals("content-length")) {
                lengthIs(whole.substring(colon + 1).strip());
            } else if (name.equals("transfer-encoding")) {
                if (chunked || !whole.substring(colon + 1).strip().equalsIgnoreCase("chunked")) {
                    throw new MalformedHttpException("an unknown transfer coding");
                }
                chunked = true;
            }
        }
    }

    private static int statusOf(String whole) throws MalformedHttpException {
        boolean http = whole.length() >= 12
                && (whole.startsWith("HTTP/1.1 ") || whole.startsWith("HTTP/1.0 "))
                && (whole.length() == 12 || whole.charAt(12) == ' ');
        int status = 0;
        for (int i = 9; http && i < 12; i++) {
            int digit = whole.charAt(i) - '0';
            http = digit >= 0 && digit <= 9;
            status = status * 10 + digit;
        }
        if (!http || status < 100 || status == 101) {
            throw new MalformedHttpException("what is no HTTP/1.1 answer");
        }
        return status;
    }

    private void lengthIs(String text) throws MalformedHttpException {
        boolean digits = !text.isEmpty() && text.length() <= 18 && text.chars().allMatch(c -> c >= '0' && c <= '9');
        if (!digits || (length >= 0 && length != Long.parseLong(text))) {
            throw new MalformedHttpException("an answer without a proper length");
        }
        length = Long.parseLong(text);
    }

    private void beginBody() throws MalformedHttpException {
        if (status < 200) {
            beginHead();
            return;
        }
        boolean never = status == 204 || status == 304;
        if ((chunked && length >= 0) || (never && (chunked || length > 0))) {
            throw new MalformedHttpException("an answer with two lengths");
        }
        if (chunked) {
            state = State.CHUNK_SIZE;
        } else if (never || length == 0) {
            state = State.COMPLETE;
        } else if (length > 0) {
            left = length;
            counted(length);
            state = State.BODY;
        } else {
            state = State.UNTIL_CLOSE;
        }
    }

    private void chunk(String whole) throws MalformedHttpException {
        long size = 0;
        int digits = 0;
        for (int digit; digits < whole.length() && (digit = hex(whole.charAt(digits))) >= 0; digits++) {
            size = size << 4 | digit;
            if (digits >= 15) {
                throw new MalformedHttpException("a chunk of a size that nobody has");
            }
        }
        String extension = whole.substring(digits).strip();
        if (digits == 0 || (!extension.isEmpty() && !extension.startsWith(";"))) {
            throw new MalformedHttpException("a chunk without a proper size");
        }
        counted(size);
        left = size;
        headCharacters = 0;
        state = size == 0 ? State.TRAILERS : State.CHUNK;
    }

    private void counted(long bytes) throws MalformedHttpException {
        bodyBytes += bytes;
        if (bodyBytes > maxBodyBytes) {
            throw MalformedHttpException.tooLarge(maxBodyBytes);
        }
    }

    private static int hex(char c) {
        return c < 0x80 ? Character.digit(c, 16) : -1;
    }
}
