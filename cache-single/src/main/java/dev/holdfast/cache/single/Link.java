package dev.holdfast.cache.single;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Connection;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.JedisSocketFactory;
import redis.clients.jedis.exceptions.JedisConnectionException;

/**
 * One connection: Jedis' own, the TCP socket beneath any TLS, and until when its present user may have it. It belongs to
 * one thread at a time; only {@link #reset} and {@link #resetIfOverdue} come from others.
 *
 * <p>The socket has no read timeout: {@link Watch} resets a connection that is overdue, which also bounds what a timeout
 * of the socket can't, a reply that drips and a write into a full buffer.
 */
final class Link implements JedisSocketFactory {
    private static final long UNUSED = 0;
    private static final long OVERDUE = 1;

    private final SingleConfig config;
    private final int generation;
    private final CompletableFuture<Link> opened = new CompletableFuture<>();
    private final AtomicLong deadline = new AtomicLong(UNUSED);
    private final AtomicReference<@Nullable Doom> doom = new AtomicReference<>();
    private volatile @Nullable Socket tcp;
    private @Nullable Connection connection;
    private long usedAt;

    Link(SingleConfig config, int generation) {
        this.config = config;
        this.generation = generation;
    }

    /** Which set of connections it belongs to; those of an earlier one are not used again. */
    int generation() {
        return generation;
    }

    /** Completed when {@link #open} has ended, or has no more time. */
    CompletableFuture<Link> opened() {
        return opened;
    }

    /** When it was last used, at most a call's length too early. */
    long usedAt() {
        return usedAt;
    }

    void usedAt(long nanoTime) {
        usedAt = nanoTime;
    }

    /** Connects and logs in. Blocks, even for longer than the deadline while a name is being resolved. */
    void open() {
        Connection jedis = new Connection(this, clientConfig());
        connection = jedis;
    }

    private JedisClientConfig clientConfig() {
        DefaultJedisClientConfig.Builder builder =
                DefaultJedisClientConfig.builder().database(config.database()).clientName("holdfast");
        if (config.username() != null) {
            builder.user(config.username());
        }
        if (config.password() != null) {
            builder.password(config.password().reveal());
        } else if (config.username() != null) {
            // Without any password Jedis would not log in at all; a user with "nopass" takes this one.
            builder.password("");
        }
        return builder.build();
    }

    /** For Jedis, which calls it once to connect; and again, without logging in, when it finds its socket closed. */
    @Override
    public Socket createSocket() {
        if (tcp != null) {
            throw new JedisConnectionException("the connection is closed");
        }
        try {
            Socket plain = connect(InetAddress.getAllByName(config.host()));
            return config.tls() == null ? plain : Tls.wrap(config.tls(), plain, config.host(), config.port());
        } catch (IOException e) {
            throw new JedisConnectionException(e);
        }
    }

    /** Tries the addresses in turn; each has its share of the time that is left. */
    private Socket connect(InetAddress[] addresses) throws IOException {
        IOException failure = null;
        for (int i = 0; i < addresses.length; i++) {
            Socket socket = new Socket();
            adopt(socket);
            try {
                socket.setTcpNoDelay(true);
                socket.setKeepAlive(true);
                long left = (deadline.get() - System.nanoTime()) / 1_000_000;
                if (left < 1) {
                    throw new SocketTimeoutException("Connect timed out");
                }
                socket.connect(new InetSocketAddress(addresses[i], config.port()), (int)
                        Math.max(1, left / (addresses.length - i)));
                return socket;
            } catch (IOException e) {
                socket.close();
                if (failure != null) {
                    e.addSuppressed(failure);
                }
                failure = e;
            }
        }
        throw failure == null ? new UnknownHostException(config.host()) : failure;
    }

    private void adopt(Socket socket) throws IOException {
        tcp = socket;
        if (doom.get() != null) {
            socket.close();
        }
    }

    /**
     * Begins a use.
     *
     * @param until when it must have ended
     */
    void begin(long until) {
        deadline.set(until == UNUSED || until == OVERDUE ? 2 : until);
    }

    /**
     * Ends a use.
     *
     * @return whether the connection is as good as before
     */
    boolean end() {
        long until = deadline.get();
        return until != OVERDUE && deadline.compareAndSet(until, UNUSED) && doom.get() == null;
    }

    /** Sends a command and reads its reply; a refusal is thrown as Jedis' exception. */
    @Nullable
    Object call(CommandArguments command) {
        Connection jedis = jedis();
        jedis.sendCommand(command);
        return jedis.getOne();
    }

    /** Sends commands in one go and reads their replies, refusals among them as Jedis' exceptions. */
    List<Object> callAll(List<CommandArguments> commands) {
        Connection jedis = jedis();
        for (CommandArguments command : commands) {
            jedis.sendCommand(command);
        }
        return jedis.getMany(commands.size());
    }

    private Connection jedis() {
        Connection jedis = connection;
        if (jedis == null) {
            throw new JedisConnectionException("not open");
        }
        return jedis;
    }

    /**
     * Finds out whether the server closed the connection while nobody used it, which a restarted one or one with an idle
     * timeout does. Takes up to a millisecond. Anything readable between two calls is a reason to distrust the connection.
     */
    boolean isStale() {
        Socket socket = tcp;
        if (socket == null) {
            return true;
        }
        try {
            socket.setSoTimeout(1);
            try {
                socket.getInputStream().read();
                return true;
            } catch (SocketTimeoutException e) {
                socket.setSoTimeout(0);
                return false;
            }
        } catch (IOException e) {
            return true;
        }
    }

    /** When the present use must have ended, for {@link Watch}; 0 if there is none or it was reset already. */
    long deadline() {
        long until = deadline.get();
        return until == OVERDUE ? UNUSED : until;
    }

    /** Resets the connection if the use that had this deadline is still under way. */
    void resetIfOverdue(long until) {
        if (deadline.compareAndSet(until, OVERDUE)) {
            reset(Doom.OVERDUE);
        }
    }

    /** Closes the TCP connection at once, so that what the server has not read yet is dropped. The first reason stands. */
    void reset(Doom why) {
        doom.compareAndSet(null, why);
        Socket socket = tcp;
        if (socket != null) {
            try {
                if (!socket.isClosed()) {
                    socket.setSoLinger(true, 0);
                }
            } catch (IOException e) {
                // Closed meanwhile; that will do.
            }
            try {
                socket.close();
            } catch (IOException e) {
                // It has no buffers of its own that closing could fail to write.
            }
        }
    }

    /** Why we closed it; {@code null} if we didn't. */
    @Nullable
    Doom doom() {
        return doom.get();
    }
}
