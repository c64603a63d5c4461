package dev.holdfast.streams;

import java.time.Duration;
import redis.clients.jedis.CommandObject;
import redis.clients.jedis.Connection;
import redis.clients.jedis.StaticCommandFlagsRegistry;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisException;
import redis.clients.jedis.exceptions.JedisMovedDataException;
import redis.clients.jedis.executors.ClusterCommandExecutor;

/**
 * Jedis' way to the nodes of a cluster: it follows redirections, and tries again to get a connection. Of commands that must not arrive twice, what was given
 * to a connection is not sent again.
 */
final class NodeExecutor extends ClusterCommandExecutor {
    private final ClusterNodes nodes;
    private final boolean once;

    /** A connection that was lost with a command that may have arrived. No connection exception to Jedis, which would repeat the command. */
    private static final class LostReplyException extends JedisException {
        private static final long serialVersionUID = 1;

        LostReplyException(JedisConnectionException cause) {
            super(cause.getMessage(), cause);
        }
    }

    /** For commands that must not arrive twice, if {@code once}. */
    NodeExecutor(ClusterNodes nodes, int attempts, Duration longest, boolean once) {
        super(nodes, attempts, longest, StaticCommandFlagsRegistry.registry());
        this.nodes = nodes;
        this.once = once;
    }

    /** Whether what was to be sent once may have arrived. */
    static boolean mayHaveArrived(RuntimeException e) {
        return e instanceof LostReplyException;
    }

    @Override
    protected <T> T execute(Connection connection, CommandObject<T> command) {
        try {
            T reply = command.getBuilder().build(Exchange.one(connection, command.getArguments()));
            nodes.used(connection);
            return reply;
        } catch (JedisMovedDataException e) {
            nodes.moved(e.getTargetNode());
            throw e;
        } catch (JedisConnectionException e) {
            nodes.lost(connection);
            throw once ? new LostReplyException(e) : e;
        }
    }
}
