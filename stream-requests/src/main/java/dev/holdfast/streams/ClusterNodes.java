package dev.holdfast.streams;

import dev.holdfast.cache.internal.IsolatedThreads;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Connection;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisException;
import redis.clients.jedis.providers.ClusterConnectionProvider;
import redis.clients.jedis.util.Pool;

/**
 * Jedis' connections to the nodes of a cluster, none of which is given away that was closed while it was idle. Where one can't be had, the cluster is asked who
 * has the slots now: Jedis' own loop asks after two failures in a row, which a host that is gone allows no command in its time. It is asked on a thread of its
 * own, since each host that is silent is waited for, one after another; once for all who find out the same. For any number of threads.
 */
final class ClusterNodes extends ClusterConnectionProvider {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterNodes.class);
    private static final long LEAST_RENEWAL_NANOS = 500_000_000;
    /** A node that answers has done so by then; a failure is not to wait for those that don't. */
    private static final long LONGEST_WAIT_NANOS = 500_000_000;

    private final IdleConnections idle;
    private final JedisClientConfig login;
    /** Whose each connection is; they are Jedis' to give back. */
    private final Map<Connection, Pool<Connection>> pools = Collections.synchronizedMap(new WeakHashMap<>());

    private final AtomicLong nextRenewal = new AtomicLong(System.nanoTime());
    private final AtomicBoolean renewing = new AtomicBoolean();
    private final long waitNanos;

    ClusterNodes(Set<HostAndPort> nodes, JedisClientConfig login, ConnectionPoolConfig pool, IdleConnections idle) {
        super(nodes, login, pool);
        this.idle = idle;
        this.login = login;
        this.waitNanos = Math.min(LONGEST_WAIT_NANOS, login.getConnectionTimeoutMillis() * 1_000_000L);
    }

    private Connection borrow(Pool<Connection> pool) {
        try {
            Connection connection = idle.borrow(pool);
            pools.put(connection, pool);
            return connection;
        } catch (JedisConnectionException e) {
            lost();
            throw e;
        }
    }

    /** Discards a connection that failed, and asks the cluster who has the slots: its node may have lost them to a replica. */
    void lost(Connection connection) {
        Pool<Connection> pool = pools.get(connection);
        if (pool != null) {
            IdleConnections.discard(connection, pool);
        }
        lost();
    }

    /** Asks the cluster who has the slots, since a node is away; unless that was asked a moment ago. */
    void lost() {
        if (isDue()) {
            renewSlotCache();
        }
    }

    /**
     * Has the cluster be asked who has the slots, since a node has named another as the owner of one; unless that was asked a moment ago. Nobody waits for that:
     * who was told goes to the owner.
     */
    void moved(HostAndPort owner) {
        if (isDue()) {
            begin(owner, new CountDownLatch(1));
        }
    }

    private boolean isDue() {
        long next = nextRenewal.get();
        long now = System.nanoTime();
        return now - next >= 0 && nextRenewal.compareAndSet(next, now + LEAST_RENEWAL_NANOS);
    }

    /** Asks the cluster who has the slots, unless it is being asked. The answer may come later than this returns. */
    @Override
    public void renewSlotCache() {
        CountDownLatch answered = new CountDownLatch(1);
        if (!begin(null, answered)) {
            return;
        }
        try {
            var unused = answered.await(waitNanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** What Jedis does after {@code MOVED}. {@link #moved} was told of it, and here a connection that does not answer would be waited for. */
    @Override
    public void renewSlotCache(Connection redirecting) {}

    /** Has the cluster be asked, first the node that is named, unless it is being asked; says whether that was begun. */
    private boolean begin(@Nullable HostAndPort first, CountDownLatch answered) {
        Thread asking = IsolatedThreads.thread(() -> renew(first, answered), "holdfast-requests-slots");
        return renewing.compareAndSet(false, true) && isStarted(asking);
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

    private void renew(@Nullable HostAndPort first, CountDownLatch answered) {
        try {
            ask(first);
        } catch (RuntimeException e) {
            LOG.debug("who has the slots is not known: {}", Trouble.shown(e));
        } finally {
            // It may have waited for nodes that are away.
            nextRenewal.set(System.nanoTime() + LEAST_RENEWAL_NANOS);
            renewing.set(false);
            answered.countDown();
        }
    }

    private void ask(@Nullable HostAndPort first) {
        if (first != null) {
            try (Connection owner = new Connection(first, login)) {
                super.renewSlotCache(owner);
                return;
            } catch (JedisException e) {
                LOG.debug("{} does not say who has the slots: {}", first, Trouble.shown(e));
            }
        }
        super.renewSlotCache();
    }

    @Override
    public Connection getConnection(HostAndPort node) {
        return borrow(cache.setupNodeIfNotExist(node));
    }

    @Override
    public Connection getConnectionFromSlot(int slot) {
        Pool<Connection> pool = cache.getSlotPool(slot);
        if (pool == null) {
            // After it was closed. Jedis asks all nodes in turn then.
            throw new JedisConnectionException("nobody is known to have slot " + slot);
        }
        return borrow(pool);
    }

    /** Takes note that a connection was answered now. */
    void used(Connection connection) {
        idle.used(connection);
    }
}
