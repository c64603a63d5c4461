package dev.holdfast.streams;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.CommandObject;
import redis.clients.jedis.Connection;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.StaticCommandFlagsRegistry;
import redis.clients.jedis.exceptions.JedisAskDataException;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
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
        return command.getBuilder().build(reply(connection, command.getArguments()));
    }

    /** The reply, of the node that is about to own a slot if this one says so: Jedis' own way there has no place for a mark. */
    private @Nullable Object reply(Connection connection, CommandArguments command) {
        try {
            return last(connection, List.of(command));
        } catch (JedisAskDataException e) {
            try (Connection next = nodes.getConnection(e.getTargetNode())) {
                return last(next, List.of(new CommandArguments(Protocol.Command.ASKING), command));
            }
        }
    }

    /** The last reply, unless a command is refused. */
    private @Nullable Object last(Connection connection, List<CommandArguments> commands) {
        try {
            List<@Nullable Object> replies = Exchange.all(connection, commands);
            nodes.used(connection);
            for (Object reply : replies) {
                if (reply instanceof JedisDataException refusal) {
                    throw refusal;
                }
            }
            return replies.get(replies.size() - 1);
        } catch (JedisMovedDataException e) {
            nodes.moved(e.getTargetNode());
            throw e;
        } catch (JedisConnectionException e) {
            nodes.lost(connection);
            throw once ? new LostReplyException(e) : e;
        }
    }
}
