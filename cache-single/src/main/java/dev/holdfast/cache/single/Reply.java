package dev.holdfast.cache.single;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the reply to a command has to be. All that is kept of a reply is checked here.
 *
 * @param <T> what is made of it
 */
@FunctionalInterface
interface Reply<T extends @Nullable Object> {
    /** A value; null if there is none. A status is another command's. */
    // NullAway does not see that the type says so.
    @SuppressWarnings("NullAway")
    Reply<byte @Nullable []> VALUE = (reply, by) -> value(reply);

    /** Whether it was done: a status, or null where a condition did not hold. */
    Reply<Boolean> DONE = (reply, by) -> done(reply);

    /** A number. */
    Reply<Long> NUMBER = (reply, by) -> (Long) Objects.requireNonNull(reply);

    /** A number in digits. */
    Reply<Long> DIGITS = (reply, by) -> digits(reply);

    /** A page of keys. */
    Reply<Page> PAGE = Reply::page;

    /**
     * Checks a reply.
     *
     * @param reply {@code byte[]}, {@link Status}, {@code Long}, {@code List} or null
     * @param by the connection on which it came
     * @return what is made of it
     * @throws RuntimeException if it is none that the command can have
     */
    T of(@Nullable Object reply, Pipeline by);

    /** A value, or null, for each of so many keys. */
    static Reply<List<byte @Nullable []>> values(int count) {
        return (reply, by) -> values((List<?>) Objects.requireNonNull(reply), count);
    }

    /**
     * Some of the server's keys.
     *
     * @param next the cursor of the next page; 0 after the last
     * @param keys the keys
     * @param since when the connection was opened on which they came, or a moment after that
     * @param process the process that named them, see {@link Pipeline#runId}
     */
    record Page(
            String next,
            List<byte[]> keys,
            long since,
            @Nullable String process) {}

    private static byte @Nullable [] value(@Nullable Object reply) {
        if (reply != null && !(reply instanceof byte[])) {
            throw new IllegalArgumentException("another kind of reply where a value belongs");
        }
        return (byte[]) reply;
    }

    private static boolean done(@Nullable Object reply) {
        if (reply != null && !(reply instanceof Status)) {
            throw new IllegalArgumentException("another kind of reply where a status belongs");
        }
        return reply != null;
    }

    private static long digits(@Nullable Object reply) {
        return Long.parseLong(new String((byte[]) Objects.requireNonNull(reply), StandardCharsets.US_ASCII));
    }

    private static List<byte @Nullable []> values(List<?> reply, int count) {
        List<byte @Nullable []> values = new ArrayList<>(count);
        for (Object value : reply) {
            values.add(value(value));
        }
        if (values.size() != count) {
            throw new IllegalArgumentException(values.size() + " values for " + count + " keys");
        }
        return values;
    }

    private static Page page(@Nullable Object reply, Pipeline by) {
        List<?> parts = (List<?>) Objects.requireNonNull(reply);
        long next = Long.parseUnsignedLong(
                new String((byte[]) Objects.requireNonNull(parts.get(0)), StandardCharsets.US_ASCII));
        List<byte[]> keys = new ArrayList<>();
        for (Object key : (List<?>) Objects.requireNonNull(parts.get(1))) {
            keys.add((byte[]) Objects.requireNonNull(key));
        }
        return new Page(Long.toUnsignedString(next), keys, by.openSince(), by.runId());
    }
}
