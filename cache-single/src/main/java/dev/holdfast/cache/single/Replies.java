package dev.holdfast.cache.single;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.exceptions.JedisDataException;

/**
 * Reads replies of RESP2, https://redis.io/docs/latest/develop/reference/protocol-spec. A size that the server claims is
 * believed only up to the limits, and only as far as bytes arrive: what is allocated grows with what has come. For one
 * thread at a time.
 */
final class Replies {
    private static final int BUFFER_BYTES = 16 * 1024;
    private static final int LONGEST_LINE = 64 * 1024;
    private static final int MOST_ELEMENTS = 1 << 20;
    private static final int MOST_NESTED = 8;

    /** How much of a value is allocated before any of it has come. */
    private static final int AT_ONCE = 1 << 20;

    private final Socket socket;
    private final InputStream in;
    private long maxValueBytes;
    private final LongConsumer whenHeard;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int position;
    private int limit;
    private int elements;

    /**
     * Reads what comes on a socket.
     *
     * @param maxValueBytes the largest value that is taken
     * @param whenHeard told the time whenever bytes have come
     */
    Replies(Socket socket, long maxValueBytes, LongConsumer whenHeard) throws IOException {
        this.socket = socket;
        this.in = socket.getInputStream();
        this.maxValueBytes = maxValueBytes;
        this.whenHeard = whenHeard;
    }

    /** Takes values of so many bytes from now on. */
    void limit(long bytes) {
        maxValueBytes = bytes;
    }

    /** Whether a part of a reply is here already. */
    boolean isBuffered() {
        return position < limit;
    }

    /**
     * Waits for a reply to begin, and loses none of it.
     *
     * @return false if it has not until then
     */
    boolean await(long until) throws IOException {
        long left = until - System.nanoTime();
        if (left <= 0) {
            return false;
        }
        socket.setSoTimeout((int) Math.min(Integer.MAX_VALUE, left / 1_000_000 + 1));
        try {
            fill();
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        } finally {
            socket.setSoTimeout(0);
        }
    }

    /**
     * Reads one reply, and waits for it.
     *
     * @return {@code byte[]} for a string, {@link Status}, {@code Long}, {@code List} of these, or null; a refusal is returned
     *     as a {@link JedisDataException}
     * @throws MalformedReplyException if it is none
     * @throws TooLargeReplyException if it holds a value that is larger than the limit
     */
    @Nullable
    Object read() throws IOException {
        elements = 0;
        return read(0);
    }

    private @Nullable Object read(int depth) throws IOException {
        byte kind = next();
        return switch (kind) {
            case '+' -> Status.of(line());
            // What a server writes may be of any length, and hold what forges a line of a log.
            case '-' -> new Refusal(new String(line(), StandardCharsets.UTF_8));
            case ':' -> number();
            case '$' -> value(number());
            case '*' -> list(number(), depth);
            default -> throw new MalformedReplyException("begins with the byte " + kind);
        };
    }

    private byte @Nullable [] value(long claimed) throws IOException {
        if (claimed == -1) {
            return null;
        }
        if (claimed < 0 || claimed > Integer.MAX_VALUE) {
            throw new MalformedReplyException("a value of " + claimed + " bytes");
        }
        if (claimed > maxValueBytes) {
            throw new TooLargeReplyException(claimed, maxValueBytes);
        }
        int length = (int) claimed;
        byte[] value = new byte[Math.min(length, AT_ONCE)];
        int got = 0;
        while (got < length) {
            if (got == value.length) {
                value = Arrays.copyOf(value, (int) Math.min(length, 2L * value.length));
            }
            got += take(value, got);
        }
        endOfLine();
        return value;
    }

    /** Takes what is buffered; large pieces come from the socket straight into the value. */
    private int take(byte[] value, int from) throws IOException {
        int wanted = value.length - from;
        if (position < limit || wanted < BUFFER_BYTES) {
            if (position == limit) {
                fill();
            }
            int count = Math.min(wanted, limit - position);
            System.arraycopy(buffer, position, value, from, count);
            position += count;
            return count;
        }
        return heard(in.read(value, from, wanted));
    }

    private @Nullable List<@Nullable Object> list(long claimed, int depth) throws IOException {
        if (claimed == -1) {
            return null;
        }
        if (claimed < 0 || claimed > MOST_ELEMENTS - elements || depth == MOST_NESTED) {
            throw new MalformedReplyException("a list of " + claimed + " elements, " + depth + " deep");
        }
        elements += (int) claimed;
        List<@Nullable Object> list = new ArrayList<>((int) Math.min(claimed, 1024));
        for (long i = 0; i < claimed; i++) {
            list.add(read(depth + 1));
        }
        return list;
    }

    private long number() throws IOException {
        byte first = next();
        boolean negative = first == '-';
        byte digit = negative ? next() : first;
        long number = 0;
        int digits = 0;
        for (; digit != '\r'; digit = next()) {
            if (digit < '0' || digit > '9' || ++digits > 19) {
                throw new MalformedReplyException("not a number");
            }
            number = 10 * number - (digit - '0');
        }
        if (digits == 0 || number > 0 || next() != '\n') {
            throw new MalformedReplyException("not a number");
        }
        // Counted downwards, since the least number has no counterpart above.
        if (!negative && number == Long.MIN_VALUE) {
            throw new MalformedReplyException("not a number");
        }
        return negative ? number : -number;
    }

    private byte[] line() throws IOException {
        byte[] line = new byte[64];
        int length = 0;
        for (byte b = next(); b != '\r'; b = next()) {
            if (length == LONGEST_LINE || b == '\n') {
                throw new MalformedReplyException("a line without its end");
            }
            if (length == line.length) {
                line = Arrays.copyOf(line, 2 * length);
            }
            line[length++] = b;
        }
        if (next() != '\n') {
            throw new MalformedReplyException("a line without its end");
        }
        return Arrays.copyOf(line, length);
    }

    private void endOfLine() throws IOException {
        if (next() != '\r' || next() != '\n') {
            throw new MalformedReplyException("a value without its end");
        }
    }

    private byte next() throws IOException {
        if (position == limit) {
            fill();
        }
        return buffer[position++];
    }

    private void fill() throws IOException {
        position = 0;
        limit = 0;
        limit = heard(in.read(buffer));
    }

    private int heard(int count) throws IOException {
        if (count <= 0) {
            throw new EOFException("the server closed the connection");
        }
        whenHeard.accept(System.nanoTime());
        return count;
    }
}
