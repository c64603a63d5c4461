package dev.holdfast.cache.redis;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads what comes on a tracking connection, https://redis.io/docs/latest/develop/reference/protocol-spec (RESP3): pushed invalidations, key by key as they
 * arrive and without allocating, and of replies their kind and first line. What else a server pushes is passed over. Fed with bytes as they come, cut
 * anywhere. A size that is claimed is believed only as far as bytes arrive. For one thread.
 */
public final class PushParser {
    /** The largest key that is taken: one that is larger ends the connection. */
    static final int LARGEST_KEY = 1 << 20;

    private static final int LONGEST_LINE = 512;
    private static final int LONGEST_TEXT = 1 << 16;
    private static final int FORMAT_BYTES = "txt:".length();
    private static final int MOST_NESTED = 8;
    private static final byte[] INVALIDATE = "invalidate".getBytes(StandardCharsets.US_ASCII);

    /** What is told of what was read. Throws nothing that is not to end the connection. */
    public interface Listener {
        /**
         * A key was changed.
         *
         * @param bytes holds the key as the server has it; not to be kept
         * @param from where it begins
         * @param to where it has ended
         */
        void changed(byte[] bytes, int from, int to);

        /** Every key may have been changed. */
        void flushed();

        /**
         * A reply came.
         *
         * @param kind its first byte, as {@code '+'} of a status, {@code '-'} of an error, {@code '%'} of a map
         * @param line of an error and a status the text, at most 512 bytes of it; of a string what it holds, at most 64 KiB; else nothing
         * @throws IOException if it is none that can be
         */
        void replied(char kind, String line) throws IOException;
    }

    private enum State {
        KIND,
        LINE,
        BULK,
        END
    }

    /** What the elements are that are being read. */
    private enum Part {
        PUSH,
        KEYS,
        OTHER
    }

    private final Listener listener;
    private final byte[] line = new byte[LONGEST_LINE];
    private final long[] left = new long[MOST_NESTED];
    private final Part[] parts = new Part[MOST_NESTED];
    private int depth;
    private State state = State.KIND;
    private byte kind;
    private int lineLength;
    private long bulkLeft;
    private boolean bulkKept;
    private byte[] carried = new byte[64];
    private int carriedLength;
    private int endLeft;
    /** How many elements of a push have been read, and whether it is an invalidation. */
    private int pushed;

    private boolean invalidates;
    private char topKind;
    private String topLine = "";

    /** Creates one that has read nothing. */
    public PushParser(Listener listener) {
        this.listener = listener;
    }

    /**
     * Reads on.
     *
     * @param bytes what came
     * @param from where it begins
     * @param to where it has ended
     * @throws IOException if it is not what this protocol has, or what a listener threw
     */
    public void feed(byte[] bytes, int from, int to) throws IOException {
        int at = from;
        while (at < to) {
            switch (state) {
                case KIND -> {
                    kind = bytes[at++];
                    lineLength = 0;
                    state = State.LINE;
                }
                case LINE -> at = line(bytes, at, to);
                case BULK -> at = bulk(bytes, at, to);
                case END -> {
                    at++;
                    if (--endLeft == 0) {
                        state = State.KIND;
                        ended();
                    }
                }
            }
        }
    }

    private int line(byte[] bytes, int from, int to) throws IOException {
        int at = from;
        while (at < to) {
            byte b = bytes[at++];
            if (b == '\n') {
                state = State.KIND;
                header();
                return at;
            }
            if (b != '\r' && lineLength < LONGEST_LINE) {
                line[lineLength++] = b;
            }
        }
        return at;
    }

    private void header() throws IOException {
        switch (kind) {
            case '+', '-', ':', ',', '#', '(' -> scalar();
            case '_' -> empty();
            case '$', '=', '!' -> beginBulk(number());
            case '>' -> beginPush(number());
            case '*', '~' -> begin(number());
            case '%' -> begin(2 * number());
            default -> throw new IOException("malformed push: it begins with the byte " + kind);
        }
    }

    private void scalar() throws IOException {
        noteTop();
        ended();
    }

    private void noteTop() {
        if (depth == 0) {
            topKind = (char) kind;
            topLine = kind == '+' || kind == '-' ? new String(line, 0, lineLength, StandardCharsets.UTF_8) : "";
        }
    }

    /** Nothing, in the place of a value or of several. */
    private void empty() throws IOException {
        noteTop();
        if (isAtKeys()) {
            listener.flushed();
        }
        ended();
    }

    private boolean isAtKeys() {
        return depth == 1 && parts[0] == Part.PUSH && pushed == 1 && invalidates;
    }

    private void beginBulk(long length) throws IOException {
        noteTop();
        if (length < 0) {
            empty();
            return;
        }
        boolean key = depth > 0 && parts[depth - 1] == Part.KEYS;
        boolean name = depth == 1 && parts[0] == Part.PUSH && pushed == 0;
        boolean text = depth == 0;
        bulkKept = key || name || text;
        if (bulkKept && length > (text ? LONGEST_TEXT : LARGEST_KEY)) {
            throw new IOException("malformed push: a string of " + length + " bytes");
        }
        bulkLeft = length;
        carriedLength = 0;
        if (length == 0) {
            endBulk(carried, 0, 0);
        } else {
            state = State.BULK;
        }
    }

    private int bulk(byte[] bytes, int from, int to) throws IOException {
        int count = (int) Math.min(bulkLeft, to - from);
        bulkLeft -= count;
        if (bulkLeft == 0 && carriedLength == 0) {
            endBulk(bytes, from, from + count);
            return from + count;
        }
        if (bulkKept) {
            if (carriedLength + count > carried.length) {
                carried = Arrays.copyOf(carried, Math.max(2 * carried.length, carriedLength + count));
            }
            System.arraycopy(bytes, from, carried, carriedLength, count);
            carriedLength += count;
        }
        if (bulkLeft == 0) {
            endBulk(carried, 0, carriedLength);
        }
        return from + count;
    }

    private void endBulk(byte[] bytes, int from, int to) {
        state = State.END;
        endLeft = 2;
        if (depth == 0) {
            // A verbatim string begins with its format.
            int begin = Math.min(to, topKind == '=' ? from + FORMAT_BYTES : from);
            topLine = new String(bytes, begin, to - begin, StandardCharsets.UTF_8);
        } else if (bulkKept && parts[depth - 1] == Part.KEYS) {
            listener.changed(bytes, from, to);
        } else if (bulkKept) {
            invalidates = Arrays.equals(bytes, from, to, INVALIDATE, 0, INVALIDATE.length);
        }
    }

    private void beginPush(long elements) throws IOException {
        if (depth > 0) {
            begin(elements);
            return;
        }
        pushed = 0;
        invalidates = false;
        topKind = '>';
        enter(Part.PUSH, elements);
    }

    private void begin(long elements) throws IOException {
        noteTop();
        if (elements < 0) {
            empty();
            return;
        }
        enter(isAtKeys() ? Part.KEYS : Part.OTHER, elements);
    }

    private void enter(Part part, long elements) throws IOException {
        if (elements == 0) {
            ended();
            return;
        }
        if (depth == MOST_NESTED || elements < 0) {
            throw new IOException("malformed push: " + elements + " elements, " + depth + " deep");
        }
        parts[depth] = part;
        left[depth] = elements;
        depth++;
    }

    /** An element has been read, and whatever it was the last one of. */
    private void ended() throws IOException {
        while (depth > 0) {
            if (depth == 1 && parts[0] == Part.PUSH) {
                pushed++;
            }
            if (--left[depth - 1] > 0) {
                return;
            }
            depth--;
        }
        if (topKind != '>') {
            listener.replied(topKind, topLine);
        }
    }

    private long number() throws IOException {
        boolean negative = lineLength > 0 && line[0] == '-';
        long number = 0;
        int digits = 0;
        for (int i = negative ? 1 : 0; i < lineLength; i++) {
            if (line[i] < '0' || line[i] > '9' || ++digits > 10) {
                throw new IOException("malformed push: not a number");
            }
            number = 10 * number + (line[i] - '0');
        }
        if (digits == 0) {
            throw new IOException("malformed push: not a number");
        }
        return negative ? -number : number;
    }
}
