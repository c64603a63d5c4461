package dev.holdfast.streams;

import java.util.Set;
import java.util.function.Supplier;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Connection;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.providers.ClusterConnectionProvider;
import redis.clients.jedis.util.Pool;

/** Jedis' connections to the nodes of a cluster, none of which is given away that was closed while it was idle. */
final class ClusterNodes extends ClusterConnectionProvider {
    private final IdleConnections idle;

    ClusterNodes(Set<HostAndPort> nodes, JedisClientConfig login, ConnectionPoolConfig pool, IdleConnections idle) {
        super(nodes, login, pool);
        this.idle = idle;
    }

    private Connection borrow(Supplier<Connection> pool) {
        return idle.borrow(pool, () -> getNodes().values().forEach(Pool::clear));
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
