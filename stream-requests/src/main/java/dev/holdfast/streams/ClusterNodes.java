package dev.holdfast.streams;

import dev.holdfast.cache.IsolatedThreads;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Connection;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.providers.ClusterConnectionProvider;
import redis.clients.jedis.util.Pool;

/**
 * Jedis' connections to the nodes of a cluster, none of which is given away that was closed while it was idle. Where one can't be had, the cluster is asked who
 * has the slots now: Jedis' own loop asks after two failures in a row, which a host that is gone allows no command in its time. It is asked on a thread of its
 * own, since each host that is silent is waited for, one after another. For any number of threads.
 */
final class ClusterNodes extends ClusterConnectionProvider {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterNodes.class);
    private static final long LEAST_RENEWAL_NANOS = 500_000_000;
    /** A node that answers has done so by then; a failure is not to wait for those that don't. */
    private static final long LONGEST_WAIT_NANOS = 500_000_000;

    private final IdleConnections idle;
    private final AtomicLong nextRenewal = new AtomicLong(System.nanoTime());
    private final AtomicBoolean renewing = new AtomicBoolean();
    private final long waitNanos;

    ClusterNodes(Set<HostAndPort> nodes, JedisClientConfig login, ConnectionPoolConfig pool, IdleConnections idle) {
        super(nodes, login, pool);
        this.idle = idle;
        this.waitNanos = Math.min(LONGEST_WAIT_NANOS, login.getConnectionTimeoutMillis() * 1_000_000L);
    }

    private Connection borrow(Supplier<Connection> pool) {
        try {
            return idle.borrow(pool, () -> getNodes().values().forEach(Pool::clear));
        } catch (JedisConnectionException e) {
            lost();
            throw e;
        }
    }

    /** Asks the cluster who has the slots, since a node is away; unless that was asked a moment ago. */
    void lost() {
        long next = nextRenewal.get();
        long now = System.nanoTime();
        if (now - next >= 0 && nextRenewal.compareAndSet(next, now + LEAST_RENEWAL_NANOS)) {
            renewSlotCache();
        }
    }

    /** Asks the cluster who has the slots, unless it is being asked. The answer may come later than this returns. */
    @Override
    public void renewSlotCache() {
        CountDownLatch answered = new CountDownLatch(1);
        Thread asking = IsolatedThreads.thread(() -> renew(answered), "holdfast-requests-slots");
        if (!renewing.compareAndSet(false, true) || !isStarted(asking)) {
            return;
        }
        try {
            var unused = answered.await(waitNanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isStarted(Thread asking) {
        boolean started = false;
        try {
            asking.start();
            started = true;
        } catch (OutOfMemoryError e) {
            // There is no thread to be had; the next one that fails asks.
        } finally {
            if (!started) {
                renewing.set(false);
            }
        }
        return started;
    }

    private void renew(CountDownLatch answered) {
        try {
            super.renewSlotCache();
        } catch (RuntimeException e) {
            LOG.debug("who has the slots is not known: {}", Trouble.shown(e));
        } finally {
            // It may have waited for nodes that are away.
            nextRenewal.set(System.nanoTime() + LEAST_RENEWAL_NANOS);
            renewing.set(false);
            answered.countDown();
        }
    }

    @Override
    public Connection getConnection(HostAndPort node) {
        return borrow(() -> super.getConnection(node));
    }

    @Override
    public Connection getConnection(CommandArguments arguments) {
        return borrow(() -> super.getConnection(arguments));
    }

    @Override
    public Connection getConnectionFromSlot(int slot) {
        return borrow(() -> super.getConnectionFromSlot(slot));
    }

    /** Takes note that a connection was answered now. */
    void used(Connection connection) {
        idle.used(connection);
    }
}
