package dev.holdfast.cache.cluster;

import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;

/**
 * Finds where replies end in what has come, without making anything of them, and refuses what is malformed or larger than it may
 * be from the sizes that it announces. RESP 2, which is what a connection speaks that does not ask for more. It remembers how far it
 * came in a reply that is not whole yet. Of one thread.
 */
final class ReplyFrames {
    /** A reply of so many bytes holds up others behind it. */
    static final int LARGE_BYTES = 256 * 1024;

    /** The most that a reply may have that is no value: slots, nodes, a page of keys. */
    static final long MOST_CONTROL_BYTES = 64L * 1024 * 1024;

    private static final int MOST_LINE_BYTES = 64 * 1024;
    private static final int DEEPEST = 8;

    /** How many elements are missing, by depth. */
    private final int[] missing = new int[DEEPEST + 1];

    private int depth = -1;

    /** How many bytes of the present reply are understood. */
    private int understood;

    /** How many bytes the present reply has at least. */
    private long announced;

    /** What goes on at the end of a line. */
    private record Line(char type, long number, int length) {}

    /**
     * Measures the reply that begins at an index.
     *
     * @param most how many bytes the values in it may have together
     * @return its length; negative if it is not whole yet
     * @throws MalformedReplyException if it is none
     * @throws ReplyTooLargeException if it is larger
     */
    int lengthOf(ByteBuf in, int start, long most) {
        if (depth < 0) {
            begin();
        }
        while (depth >= 0) {
            Line line = line(in, start + understood);
            if (line == null) {
                return -1;
            }
            if (!take(line, in, start, most)) {
                return -1;
            }
        }
        int length = understood;
        understood = 0;
        announced = 0;
        return length;
    }

    /** How many bytes the reply that has begun has at least; 0 if none has. */
    long announcedBytes() {
        return announced;
    }

    /** Whether a large reply has begun. */
    boolean isLarge() {
        return announced >= LARGE_BYTES;
    }

    private void begin() {
        depth = 0;
        missing[0] = 1;
        understood = 0;
        announced = 0;
    }

    private boolean take(Line line, ByteBuf in, int start, long most) {
        requireSize(line, most);
        boolean bulk = line.type() == '$' && line.number() >= 0;
        int size = bulk ? line.length() + (int) line.number() + 2 : line.length();
        announced = (long) understood + size;
        if (start + announced > in.writerIndex()) {
            return false;
        }
        if (bulk) {
            requireLineEnd(in, start + understood + size - 2);
        }
        understood += size;
        missing[depth]--;
        if (line.type() == '*' && line.number() > 0) {
            descend((int) line.number());
        }
        while (depth >= 0 && missing[depth] == 0) {
            depth--;
        }
        return true;
    }

    private void requireSize(Line line, long most) {
        if (line.type() != '$' && line.type() != '*') {
            return;
        }
        if (line.number() < -1) {
            throw new MalformedReplyException("a reply of a negative size");
        }
        // An element has at least four bytes.
        long left = Math.max(0, most - understood + MOST_LINE_BYTES);
        long allowed = Math.min(most, left) / (line.type() == '*' ? 4 : 1);
        if (line.number() > allowed) {
            throw new ReplyTooLargeException(line.number(), allowed);
        }
    }

    private void descend(int elements) {
        if (depth == DEEPEST) {
            throw new MalformedReplyException("a reply that is nested too deep");
        }
        depth++;
        missing[depth] = elements;
    }

    private static @Nullable Line line(ByteBuf in, int from) {
        int most = Math.min(in.writerIndex() - from, MOST_LINE_BYTES);
        int newline = most <= 0 ? -1 : in.indexOf(from, from + most, (byte) '\n');
        if (newline < 0) {
            if (most == MOST_LINE_BYTES) {
                throw new MalformedReplyException("a line without end");
            }
            if (most > 0) {
                requireType((char) in.getByte(from));
            }
            return null;
        }
        char type = requireType((char) in.getByte(from));
        if (newline == from || in.getByte(newline - 1) != '\r') {
            throw new MalformedReplyException("a line without CR LF");
        }
        long number = type == '+' || type == '-' ? 0 : number(in, from + 1, newline - 1);
        return new Line(type, number, newline + 1 - from);
    }

    private static char requireType(char type) {
        if ("+-:$*".indexOf(type) < 0) {
            throw new MalformedReplyException("a reply of no known type");
        }
        return type;
    }

    private static long number(ByteBuf in, int from, int end) {
        boolean negative = from < end && in.getByte(from) == '-';
        int first = negative ? from + 1 : from;
        if (first >= end || end - first > 19) {
            throw new MalformedReplyException("a reply without number");
        }
        long number = 0;
        for (int i = first; i < end; i++) {
            int digit = in.getByte(i) - '0';
            if (digit < 0 || digit > 9) {
                throw new MalformedReplyException("a reply with a number that is none");
            }
            number = number * 10 - digit;
        }
        if (number > 0 || (!negative && number == Long.MIN_VALUE)) {
            throw new MalformedReplyException("a reply with a number that is too large");
        }
        return negative ? number : -number;
    }

    private static void requireLineEnd(ByteBuf in, int at) {
        if (in.getByte(at) != '\r' || in.getByte(at + 1) != '\n') {
            throw new MalformedReplyException("a value of another size than announced");
        }
    }
}
