package dev.holdfast.streams;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Connection;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.RedisClusterClient;
import redis.clients.jedis.UnifiedJedis;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.util.Pool;

/**
 * Connections to Redis, for any number of threads. They are made when they are needed, and all anew after one was lost: a name is resolved
 * again, and none is left over that the server has forgotten. In a cluster Jedis follows the nodes; there they are made anew only if
 * nothing has worked for a while.
 *
 * <p>Errors are Jedis' own; {@link Trouble} says what they mean.
 */
class Redis implements AutoCloseable {
    /** Of one command in a cluster, redirections included. */
    private static final int ATTEMPTS = 3;

    /** A connection that was used before that is taken to be there; no server closes one sooner than after a second. */
    static final long IDLE_MILLIS = 500;

    private static final long CLUSTER_PATIENCE_NANOS = 3_000_000_000L;

    private final StreamsConfig config;
    private final int connections;
    private final Duration longestBlock;
    private final @Nullable Redis others;
    private final IdleConnections idle;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile @Nullable Clients clients;
    private volatile long workedAt = System.nanoTime();
    private volatile boolean closed;

    /** Two ways over the same connections, that of commands that must not be sent twice being the other. */
    private record Clients(UnifiedJedis usual, UnifiedJedis once) {}

    /**
     * Makes connections, none of them opened yet.
     *
     * @param connections how many there may be at a time, to each node
     * @param longestBlock how long a command may wait in the server by its own will
     */
    Redis(StreamsConfig config, int connections, Duration longestBlock) {
        this(config, connections, longestBlock, null);
    }

    /** Makes connections before which others give way: if a server has none left, those are closed that the others don't need. */
    Redis(StreamsConfig config, int connections, Duration longestBlock, @Nullable Redis others) {
        this.others = others;
        this.idle = new IdleConnections(IDLE_MILLIS, config.commandTimeout().toMillis());
        this.config = config;
        this.connections = connections;
        this.longestBlock = longestBlock;
    }

    /**
     * Sends one command and returns its reply: {@code byte[]}, {@code Long}, {@code List} of such, or {@code null}. In a cluster it may be sent
     * again if its reply was lost.
     */
    @Nullable
    Object call(Command command) {
        return call(command, Clients::usual);
    }

    /** Sends one command as {@link #call} does, but never again once it may have arrived. */
    @Nullable
    Object once(Command command) {
        return call(command, Clients::once);
    }

    private @Nullable Object call(Command command, Function<Clients, UnifiedJedis> which) {
        Clients used = open();
        try {
            Object reply = which.apply(used) instanceof RedisClient client
                    ? on(client, connection -> one(connection, command))
                    : one(which.apply(used), command);
            workedAt = System.nanoTime();
            return reply;
        } catch (RuntimeException | Error e) {
            lost(used, e);
            throw e;
        }
    }

    /**
     * Sends commands in their order, to one server in one go. Returns a reply for each; a refusal stands there as the exception, and in
     * a cluster any failure does. Where a connection fails there, nothing more is sent for the same key.
     */
    List<@Nullable Object> all(List<Command> commands) {
        Clients used = open();
        try {
            List<@Nullable Object> replies = used.usual() instanceof RedisClient client
                    ? on(client, connection -> pipelined(connection, commands))
                    : oneByOne(used.usual(), commands);
            if (replies.stream().anyMatch(Redis::isAnswer)) {
                workedAt = System.nanoTime();
            }
            replies.forEach(reply -> {
                if (reply instanceof RuntimeException e) {
                    lost(used, e);
                }
            });
            return replies;
        } catch (RuntimeException | Error e) {
            lost(used, e);
            throw e;
        }
    }

    private static boolean isAnswer(@Nullable Object reply) {
        return !(reply instanceof RuntimeException e) || Trouble.isRefusal(e);
    }

    /** On a connection of its own: one on which anything failed, but for a refusal, must serve nobody any more. */
    private <T extends @Nullable Object> T on(RedisClient client, Function<Connection, T> work) {
        Pool<Connection> pool = client.getPool();
        Connection connection = idle.borrow(pool);
        boolean whole = false;
        try {
            T reply = work.apply(connection);
            idle.used(connection);
            whole = true;
            return reply;
        } catch (JedisDataException refusal) {
            whole = true;
            throw refusal;
        } finally {
            if (!whole) {
                connection.setBroken();
            }
            IdleConnections.giveBack(connection, pool);
        }
    }

    private static List<@Nullable Object> oneByOne(UnifiedJedis used, List<Command> commands) {
        List<@Nullable Object> replies = new ArrayList<>();
        Map<ByteBuffer, RuntimeException> away = new HashMap<>();
        for (Command command : commands) {
            ByteBuffer key = ByteBuffer.wrap(command.key());
            RuntimeException before = away.get(key);
            if (before != null) {
                // One node is waited for once, not once for each command.
                replies.add(before);
                continue;
            }
            try {
                replies.add(one(used, command));
            } catch (RuntimeException failure) {
                replies.add(failure);
                if (!Trouble.isRefusal(failure)) {
                    away.put(key, failure);
                }
            }
        }
        return replies;
    }

    private static List<@Nullable Object> pipelined(Connection connection, List<Command> commands) {
        List<@Nullable Object> replies =
                Exchange.all(connection, commands.stream().map(Redis::arguments).toList());
        for (int i = 0; i < replies.size(); i++) {
            Command whole = commands.get(i).whole();
            if (whole != null && Trouble.isUnknownScript(replies.get(i))) {
                replies.set(i, again(connection, whole));
            }
        }
        return replies;
    }

    private static CommandArguments arguments(Command command) {
        return new CommandArguments(command.name()).addObjects((Object[]) command.arguments());
    }

    private static @Nullable Object again(Connection connection, Command whole) {
        try {
            return one(connection, whole);
        } catch (JedisDataException refusal) {
            return refusal;
        }
    }

    private static @Nullable Object one(Connection connection, Command command) {
        return wholeIfUnknown(command, each -> Exchange.one(connection, arguments(each)));
    }

    // Jedis 7's cluster client takes no CommandArguments that were made elsewhere.
    @SuppressWarnings("deprecation")
    private static @Nullable Object one(UnifiedJedis used, Command command) {
        return wholeIfUnknown(command, each -> used.sendCommand(each.key(), each.name(), each.arguments()));
    }

    /** Sends a command, and once more with the whole script if the server does not know that by its digest. */
    private static @Nullable Object wholeIfUnknown(Command command, Function<Command, @Nullable Object> sending) {
        try {
            return sending.apply(command);
        } catch (JedisDataException e) {
            Command whole = command.whole();
            if (whole == null || !Trouble.isUnknownScript(e)) {
                throw e;
            }
            return sending.apply(whole);
        }
    }

    private Clients open() {
        Clients present = clients;
        if (present != null && !closed) {
            return present;
        }
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("closed");
            }
            Clients made = clients;
            if (made == null) {
                made = make();
                clients = made;
            }
            return made;
        } finally {
            lock.unlock();
        }
    }

    private void lost(Clients used, Throwable e) {
        if (e instanceof RuntimeException known) {
            if (Trouble.isTooManyClients(known)) {
                makeRoom();
            }
            boolean patient = config.clustered() && System.nanoTime() - workedAt < CLUSTER_PATIENCE_NANOS;
            if (!Trouble.wantsNewConnections(known) || patient) {
                return;
            }
        } else if (!config.clustered()) {
            // Its connection is closed already.
            return;
        }
        lock.lock();
        try {
            if (used.equals(clients)) {
                clients = null;
                workedAt = System.nanoTime();
            }
        } finally {
            lock.unlock();
        }
        used.usual().close();
    }

    /** Closes what is idle here and in others, and does with fewer for a while. */
    private void makeRoom() {
        idle.makeRoom();
        if (others != null) {
            others.makeRoom();
        }
    }

    private Clients make() {
        ConnectionPoolConfig pool = PoolBound.config(connections, config.commandTimeout());
        if (config.clustered()) {
            Set<HostAndPort> nodes =
                    config.servers().stream().map(Redis::address).collect(Collectors.toSet());
            ClusterNodes provider = new ClusterNodes(nodes, login(), pool, idle);
            return new Clients(cluster(nodes, provider, false), cluster(nodes, provider, true));
        }
        RedisClient single = RedisClient.builder()
                .hostAndPort(address(config.servers().get(0)))
                .clientConfig(login())
                .poolConfig(pool)
                .build();
        return new Clients(single, single);
    }

    private UnifiedJedis cluster(Set<HostAndPort> nodes, ClusterNodes provider, boolean once) {
        return RedisClusterClient.builder()
                .nodes(nodes)
                .clientConfig(login())
                .connectionProvider(provider)
                .maxAttempts(ATTEMPTS)
                .maxTotalRetriesDuration(config.commandTimeout())
                .commandExecutor(new NodeExecutor(provider, ATTEMPTS, config.commandTimeout(), once))
                .build();
    }

    private static HostAndPort address(ServerAddress server) {
        return new HostAndPort(server.host(), server.port());
    }

    private DefaultJedisClientConfig login() {
        return RedisLogin.of(config, longestBlock);
    }

    /** Closes all; nothing is opened afterwards. */
    @Override
    public void close() {
        Clients last;
        lock.lock();
        try {
            closed = true;
            last = clients;
            clients = null;
        } finally {
            lock.unlock();
        }
        if (last != null) {
            last.usual().close();
        }
    }
}
