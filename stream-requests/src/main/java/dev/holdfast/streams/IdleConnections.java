package dev.holdfast.streams;

import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.function.Supplier;
import redis.clients.jedis.Connection;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;

/**
 * When the connections of pools were last used. A server, or what is between, closes one that is idle, and that shows only when something was sent; so one
 * that was idle is asked for the time before it is given a command. For any number of threads.
 */
final class IdleConnections {
    private final long idleNanos;
    private final Map<Connection, Long> usedAt = Collections.synchronizedMap(new WeakHashMap<>());

    /** Asks those that have not been used for so long. */
    IdleConnections(long idleMillis) {
        this.idleNanos = idleMillis * 1_000_000;
    }

    /**
     * Takes a connection that is there. After one that is not, none that is idle is believed.
     *
     * @param pool gives the next one
     * @param clear removes all that are idle
     */
    Connection borrow(Supplier<Connection> pool, Runnable clear) {
        while (true) {
            Connection connection = pool.get();
            boolean there = false;
            try {
                there = isThere(connection);
            } finally {
                if (!there) {
                    connection.close();
                }
            }
            if (there) {
                return connection;
            }
            clear.run();
        }
    }

    private boolean isThere(Connection connection) {
        Long last = usedAt.get(connection);
        if (last == null || System.nanoTime() - last < idleNanos) {
            return true;
        }
        boolean answered = false;
        try {
            var unused = connection.executeCommand(Protocol.Command.TIME);
            answered = true;
        } catch (JedisDataException refusal) {
            answered = true;
        } catch (JedisConnectionException e) {
            return false;
        } finally {
            if (!answered) {
                connection.setBroken();
            }
        }
        used(connection);
        return true;
    }

    /** Takes note that a connection was answered now. */
    void used(Connection connection) {
        usedAt.put(connection, System.nanoTime());
    }
}
