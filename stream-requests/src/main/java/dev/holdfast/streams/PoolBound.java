package dev.holdfast.streams;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Connection;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.util.Pool;

/**
 * How many connections a pool has. What it has not needed for a while is closed, and after its server had none left to give it does with fewer for half a minute, so
 * that others get one: those of the same process that have none before all. For any number of threads.
 */
final class PoolBound {
    private static final Logger LOG = LoggerFactory.getLogger(PoolBound.class);

    /** How long a connection may be idle. */
    static final Duration LONGEST_IDLE = Duration.ofSeconds(10);

    private static final long TIDYING_NANOS = 1_000_000_000L;
    /** Threads that are refused at the same time are refused once. */
    private static final long LOWERING_NANOS = 500_000_000L;

    private static final long LOW_NANOS = 30_000_000_000L;
    private static final int LEAST = 2;

    private final int most;
    private final AtomicLong nextTidying = new AtomicLong(System.nanoTime());
    private final AtomicLong nextLowering = new AtomicLong(System.nanoTime());
    private volatile long lowUntil = System.nanoTime();

    /** The bound of a pool, which is not kept here. */
    PoolBound(Pool<Connection> pool) {
        this.most = pool.getMaxTotal();
    }

    private static boolean isDue(AtomicLong next, long nanos) {
        long due = next.get();
        long now = System.nanoTime();
        return now - due >= 0 && next.compareAndSet(due, now + nanos);
    }

    /** Closes what was idle for too long, once a second at most. */
    void tidy(Pool<Connection> pool) {
        if (!isDue(nextTidying, TIDYING_NANOS)) {
            return;
        }
        if (lowUntil - System.nanoTime() <= 0 && pool.getMaxTotal() < most) {
            pool.setMaxTotal(most);
        }
        try {
            pool.evict();
        } catch (Exception e) {
            LOG.debug("idle connections can't be closed: {}", Trouble.shown(e));
        }
    }

    /** Closes what is idle, and has it be three quarters of what is open for a while, two at least. */
    void lower(Pool<Connection> pool) {
        if (most < LEAST || !isDue(nextLowering, LOWERING_NANOS)) {
            return;
        }
        lowUntil = System.nanoTime() + LOW_NANOS;
        int open = Math.min(open(pool), pool.getMaxTotal());
        pool.setMaxTotal(Math.max(LEAST, open * 3 / 4));
        pool.clear();
        LOG.debug("the server has no connection left; of {} there may be {} now", open, pool.getMaxTotal());
    }

    /** Whether one that is given back is one too many. */
    static boolean isOver(Pool<Connection> pool) {
        return open(pool) > pool.getMaxTotal();
    }

    private static int open(Pool<Connection> pool) {
        return pool.getNumActive() + pool.getNumIdle();
    }

    /** Returns how connections are pooled; whoever takes one closes those that were not needed. */
    static ConnectionPoolConfig config(int connections, Duration longestWait) {
        ConnectionPoolConfig pool = new ConnectionPoolConfig();
        pool.setMaxTotal(connections);
        pool.setMaxIdle(connections);
        pool.setMaxWait(longestWait);
        // The pool's own thread for that would inherit whatever its first user has.
        pool.setTimeBetweenEvictionRuns(Duration.ofMillis(-1));
        pool.setMinEvictableIdleDuration(LONGEST_IDLE);
        pool.setNumTestsPerEvictionRun(-1);
        pool.setTestWhileIdle(false);
        pool.setJmxEnabled(false);
        return pool;
    }
}
