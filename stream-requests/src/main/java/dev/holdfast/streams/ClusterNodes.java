package dev.holdfast.streams;

import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import redis.clients.jedis.CommandArguments;
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
 * has the slots now: Jedis' own loop asks after two failures in a row, which a host that is gone allows no command in its time. For any number of threads.
 */
final class ClusterNodes extends ClusterConnectionProvider {
    private static final long LEAST_RENEWAL_NANOS = 500_000_000;

    private final IdleConnections idle;
    private final AtomicLong nextRenewal = new AtomicLong(System.nanoTime());

    ClusterNodes(Set<HostAndPort> nodes, JedisClientConfig login, ConnectionPoolConfig pool, IdleConnections idle) {
        super(nodes, login, pool);
        this.idle = idle;
    }

    private Connection borrow(Supplier<Connection> pool) {
        try {
            return idle.borrow(pool, () -> getNodes().values().forEach(Pool::clear));
        } catch (JedisConnectionException e) {
            lost(e);
            throw e;
        }
    }

    /** Asks the cluster who has the slots, since a node is away; unless that was asked a moment ago. */
    void lost(RuntimeException e) {
        long next = nextRenewal.get();
        long now = System.nanoTime();
        if (now - next < 0 || !nextRenewal.compareAndSet(next, now + LEAST_RENEWAL_NANOS)) {
            return;
        }
        try {
            renewSlotCache();
        } catch (JedisException more) {
            e.addSuppressed(more);
        }
        // It may have waited for nodes that are away, too.
        nextRenewal.set(System.nanoTime() + LEAST_RENEWAL_NANOS);
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
