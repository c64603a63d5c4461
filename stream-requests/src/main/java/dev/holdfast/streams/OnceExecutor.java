package dev.holdfast.streams;

import java.time.Duration;
import redis.clients.jedis.CommandObject;
import redis.clients.jedis.Connection;
import redis.clients.jedis.StaticCommandFlagsRegistry;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisException;
import redis.clients.jedis.executors.ClusterCommandExecutor;
import redis.clients.jedis.providers.ClusterConnectionProvider;

/**
 * Jedis' way to the nodes of a cluster for commands that must not arrive twice: it follows redirections, and tries again to get a connection,
 * but what was given to a connection is not sent again.
 */
final class OnceExecutor extends ClusterCommandExecutor {

    /** A connection that was lost with a command that may have arrived. No connection exception to Jedis, which would repeat the command. */
    private static final class LostReplyException extends JedisException {
        private static final long serialVersionUID = 1;

        LostReplyException(JedisConnectionException cause) {
            super(cause.getMessage(), cause);
        }
    }

    OnceExecutor(ClusterConnectionProvider nodes, int attempts, Duration longest) {
        super(nodes, attempts, longest, StaticCommandFlagsRegistry.registry());
    }

    @Override
    protected <T> T execute(Connection connection, CommandObject<T> command) {
        try {
            return super.execute(connection, command);
        } catch (JedisConnectionException e) {
            LostReplyException lost = new LostReplyException(e);
            try {
                // Its node may have lost its slots to a replica.
                provider.renewSlotCache();
            } catch (JedisException more) {
                lost.addSuppressed(more);
            }
            throw lost;
        }
    }
}
