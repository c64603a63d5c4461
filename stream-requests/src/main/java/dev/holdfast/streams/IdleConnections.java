package dev.holdfast.streams;

import java.io.IOException;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Connection;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisException;
import redis.clients.jedis.util.Pool;

/**
 * When the connections of pools were last used, and how many there may be. A server, or what is between, closes one that is idle, and that shows only when something was sent; so one
 * that was idle is asked whether it is there before it is given a command. One that is closed is replaced; a silence that lasts as long as a command may take is the
 * command's own, so whoever waits for a server that is silent waits once. For any number of threads.
 */
final class IdleConnections {
    private static final Logger LOG = LoggerFactory.getLogger(IdleConnections.class);

    /** The part of a command's time in which one that was idle has to show that it is there. */
    private static final int PART = 4;

    private final long idleNanos;
    private final int commandMillis;
    private final Map<Connection, Long> usedAt = Collections.synchronizedMap(new WeakHashMap<>());
    private final Map<Pool<Connection>, PoolBound> bounds = Collections.synchronizedMap(new WeakHashMap<>());

    /**
     * Asks those that have not been used for so long.
     *
     * @param commandMillis how long a command may take
     */
    IdleConnections(long idleMillis, long commandMillis) {
        this.commandMillis = (int) commandMillis;
        this.idleNanos = idleMillis * 1_000_000;
    }

    /**
     * Takes a connection that is there; {@link #giveBack} is due.
     *
     * @throws JedisConnectionException if none can be had
     * @throws JedisDataException if the server refuses it, and may have it later
     */
    Connection borrow(Pool<Connection> pool) {
        bounds.computeIfAbsent(pool, PoolBound::new).tidy(pool);
        while (true) {
            Connection connection = open(pool);
            boolean there = false;
            try {
                there = isThere(connection);
            } finally {
                if (!there) {
                    discard(connection, pool);
                }
            }
            if (there) {
                return connection;
            }
        }
    }

    /** What is refused before a command was sent is no answer to it. */
    private static Connection open(Pool<Connection> pool) {
        try {
            return pool.getResource();
        } catch (JedisDataException refusal) {
            if (Trouble.mayPass(refusal)) {
                throw refusal;
            }
            throw new JedisConnectionException("the server refuses a connection: " + refusal.getMessage(), refusal);
        } catch (JedisException e) {
            if (e.getCause() instanceof ClassCastException shifted) {
                JedisConnectionException unread =
                        new JedisConnectionException("the replies to the log-in are not those of what was asked");
                unread.addSuppressed(shifted);
                throw unread;
            }
            throw e;
        }
    }

    /** Makes room in servers that have no connection left: closes what is idle, and has there be fewer for a while. */
    void makeRoom() {
        Map<Pool<Connection>, PoolBound> present;
        synchronized (bounds) {
            present = new HashMap<>(bounds);
        }
        present.forEach((pool, bound) -> bound.lower(pool));
    }

    /** Has it answer, if it was idle. */
    private boolean isThere(Connection connection) {
        if (connection.isBroken()) {
            // Somebody discards it at this moment.
            return false;
        }
        Long last = usedAt.get(connection);
        if (last == null || System.nanoTime() - last < idleNanos) {
            return true;
        }
        try {
            // One that is silent may have been forgotten by what is between, which says nothing of the server: a new
            // one tells.
            int patience = connection.getSoTimeout();
            connection.setSoTimeout(Math.max(1, commandMillis / PART));
            var unused = Exchange.all(connection, List.of());
            connection.setSoTimeout(patience);
        } catch (JedisConnectionException e) {
            LOG.debug("a connection that was idle is not there any more: {}", Trouble.shown(e));
            return false;
        }
        used(connection);
        return true;
    }

    /** Takes note that a connection was answered now. */
    void used(Connection connection) {
        usedAt.put(connection, System.nanoTime());
    }

    /** Gives one back to its pool, discards it if it is broken, or closes it if there are too many. */
    static void giveBack(Connection connection, Pool<Connection> pool) {
        if (connection.isBroken()) {
            discard(connection, pool);
        } else if (PoolBound.isOver(pool)) {
            connection.setHandlingPool(null);
            pool.returnBrokenResource(connection);
        } else {
            connection.close();
        }
    }

    /**
     * Closes one, and all that are idle there: none of them is believed any more. A pool that is given a broken one would make another in its place, and whoever
     * gives it back would wait for the server a second time.
     */
    static void discard(Connection connection, Pool<Connection> pool) {
        connection.setBroken();
        connection.setHandlingPool(null);
        try {
            connection.forceDisconnect();
        } catch (IOException e) {
            LOG.debug("a connection can't be closed: {}", Trouble.shown(e));
        }
        // Among the idle ones, which the pool closes without a replacement.
        pool.returnResource(connection);
        pool.clear();
    }
}
