package dev.holdfast.streams;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Connection;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;

/**
 * Commands and their replies over a connection, with a mark behind them: an {@code ECHO} of a number that was never used before, in the same round trip. Nothing in
 * Redis' protocol says what a reply belongs to, and one too many, or too few, would give each command the reply of another from then on. With the mark at its place the
 * replies before it are those of these commands; else the connection is broken and nobody gets any of them.
 */
final class Exchange {
    private Exchange() {}

    /**
     * Sends one command and returns its reply.
     *
     * @throws JedisDataException if the server refuses it
     * @throws JedisConnectionException if the connection is lost, or its replies are not those of what was asked; it is broken then
     */
    static @Nullable Object one(Connection connection, CommandArguments command) {
        Object reply = all(connection, List.of(command)).get(0);
        if (reply instanceof JedisDataException refusal) {
            throw refusal;
        }
        return reply;
    }

    /**
     * Sends commands, none at all included, and returns a reply for each; a refusal stands there as the exception. Whatever it throws, the connection is
     * broken then.
     *
     * @throws JedisConnectionException as {@link #one}
     */
    static List<@Nullable Object> all(Connection connection, List<CommandArguments> commands) {
        boolean whole = false;
        try {
            byte[] mark =
                    Long.toHexString(ThreadLocalRandom.current().nextLong()).getBytes(US_ASCII);
            for (CommandArguments command : commands) {
                connection.sendCommand(command);
            }
            connection.sendCommand(Protocol.Command.ECHO, mark);
            List<@Nullable Object> replies = new ArrayList<>(commands.size());
            for (int i = 0; i < commands.size(); i++) {
                replies.add(read(connection));
            }
            Object last = replies.isEmpty() ? null : replies.get(replies.size() - 1);
            if (!isMark(echo(connection, last), mark, last)) {
                throw new JedisConnectionException(
                        "the replies of Redis, or of what is between, are not those of what was asked");
            }
            whole = true;
            return replies;
        } finally {
            if (!whole) {
                connection.setBroken();
            }
        }
    }

    private static @Nullable Object read(Connection connection) {
        try {
            return connection.getOne();
        } catch (JedisDataException refusal) {
            return refusal;
        }
    }

    /** The reply to the mark; after a refusal with which the server closes the connection that one again. */
    private static @Nullable Object echo(Connection connection, @Nullable Object last) {
        try {
            return read(connection);
        } catch (JedisConnectionException e) {
            if (last instanceof JedisDataException refusal && Trouble.isLastWord(refusal)) {
                return refusal;
            }
            throw e;
        }
    }

    /** Whether the mark came back; or was refused, as the command before it, or since this user may not have it. */
    private static boolean isMark(@Nullable Object echo, byte[] mark, @Nullable Object last) {
        if (echo instanceof JedisDataException refusal) {
            boolean isState = Trouble.mayPass(refusal) && (last == null || isSame(last, refusal));
            return isState || refusal.equals(last) || Trouble.isNoEcho(refusal);
        }
        return echo instanceof byte[] bytes && Arrays.equals(bytes, mark);
    }

    private static boolean isSame(Object last, JedisDataException refusal) {
        return last instanceof JedisDataException before && Trouble.isSameState(before, refusal);
    }
}
