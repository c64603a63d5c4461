package dev.holdfast.cache.single;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.ArrayList;
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
import redis.clients.jedis.Protocol;
import redis.clients.jedis.PushConsumerChain;
import redis.clients.jedis.PushConsumerChainImpl;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.util.RedisInputStream;
import redis.clients.jedis.util.RedisOutputStream;

/**
 * One connection: opened by Jedis, the TCP socket beneath any TLS, and until when its present users may have it. One
 * thread at a time writes, one reads; only {@link #reset} and {@link #resetIfOverdue} come from others.
 *
 * <p>The socket has no read timeout: {@link dev.holdfast.cache.DeadlineWatch} resets a connection that is overdue, which also bounds what a timeout
 * of the socket can't, a reply that drips and a write into a full buffer.
 */
final class Link implements JedisSocketFactory {
    private static final int BUFFER_BYTES = 16 * 1024;
    private static final int POLLS = 10;

    /** What the server says unasked goes to nobody: we ask for nothing of the kind. */
    private static final PushConsumerChain NO_PUSHES = PushConsumerChainImpl.of();

    private final SingleConfig config;
    private final int generation;
    private final CompletableFuture<Link> opened = new CompletableFuture<>();
    private final Use reading = new Use();
    private final Use writing = new Use();
    private final AtomicReference<@Nullable Doom> doom = new AtomicReference<>();
    private volatile @Nullable Socket tcp;
    private @Nullable Socket socket;
    private @Nullable Replies in;
    private @Nullable RedisOutputStream out;
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

    /**
     * Connects and logs in, which Jedis does; what follows is written and read here, in Jedis' terms, since its connection
     * is made for one caller at a time. Blocks, even for longer than the deadline while a name is being resolved.
     */
    void open() throws IOException {
        Connection jedis = new Connection(this, clientConfig());
        Socket opened = socket;
        if (opened == null || !jedis.isConnected()) {
            throw new JedisConnectionException("the connection is closed");
        }
        in = new Replies(opened, BUFFER_BYTES);
        out = new RedisOutputStream(opened.getOutputStream(), BUFFER_BYTES);
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
            socket = config.tls() == null ? plain : Tls.wrap(config.tls(), plain, config.host(), config.port());
            return socket;
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
                long left = (reading.deadline() - System.nanoTime()) / 1_000_000;
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

    /** The reading from it; also the opening. */
    Use reading() {
        return reading;
    }

    /** The writing to it. */
    Use writing() {
        return writing;
    }

    /** Writes commands, some of which may stay in the buffer. For the one thread that writes. */
    void write(List<CommandArguments> commands) {
        RedisOutputStream to = open(out);
        for (CommandArguments command : commands) {
            Protocol.sendCommand(to, command);
        }
    }

    /** Sends what is in the buffer. */
    void flush() {
        try {
            open(out).flush();
        } catch (IOException e) {
            throw new JedisConnectionException(e);
        }
    }

    /** Reads a reply; a refusal is thrown as Jedis' exception. For the one thread that reads. */
    @Nullable
    Object read() {
        return Protocol.read(open(in), NO_PUSHES);
    }

    /**
     * Waits for a reply to begin.
     *
     * @param soon whether it is to be expected so soon that to sleep would take longer
     * @param limited whether to wait until then only, without harm for the connection
     * @param until that time
     * @return false if there is none until then
     */
    boolean await(boolean soon, boolean limited, long until) {
        Replies from = open(in);
        if (limited && System.nanoTime() - until >= 0) {
            return false;
        }
        if (from.isBuffered()) {
            return true;
        }
        try {
            for (int i = soon ? POLLS : 0; i > 0; i--) {
                if (arrived()) {
                    return true;
                }
                Threads.letOthersRun();
            }
            return !limited || from.await(until);
        } catch (IOException e) {
            throw new JedisConnectionException(e);
        }
    }

    private boolean arrived() throws IOException {
        Socket plain = tcp;
        return plain != null && plain.getInputStream().available() > 0;
    }

    /** Whether a part of a reply is here already. */
    boolean isBuffered() {
        return open(in).isBuffered();
    }

    /** Whether a part of a reply is here already, or has arrived, or the connection is closed. */
    boolean hasMore() {
        try {
            return isBuffered() || arrived();
        } catch (IOException e) {
            return true;
        }
    }

    /** Sends commands in one go and reads their replies, refusals among them as Jedis' exceptions. */
    List<Object> callAll(List<CommandArguments> commands) {
        write(commands);
        flush();
        List<Object> replies = new ArrayList<>();
        for (int i = 0; i < commands.size(); i++) {
            try {
                replies.add(read());
            } catch (JedisDataException refusal) {
                replies.add(refusal);
            }
        }
        return replies;
    }

    private static <T> T open(@Nullable T stream) {
        if (stream == null) {
            throw new JedisConnectionException("not open");
        }
        return stream;
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

    /** When the earlier of its uses must have ended, for {@link dev.holdfast.cache.DeadlineWatch}; 0 if there is none or it was reset already. */
    long deadline() {
        long read = reading.deadline();
        long write = writing.deadline();
        return read == 0 || (write != 0 && write - read < 0) ? write : read;
    }

    /** Resets the connection if a use that had this deadline is still under way. */
    void resetIfOverdue(long until) {
        if (reading.missed(until) || writing.missed(until)) {
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

    /** Until when one thread has the use of a direction. */
    final class Use {
        private static final long NONE = 0;
        private static final long OVERDUE = 1;

        private final AtomicLong deadline = new AtomicLong(NONE);

        /**
         * Begins.
         *
         * @param until when it must have ended
         */
        void begin(long until) {
            deadline.set(until == NONE || until == OVERDUE ? 2 : until);
        }

        /**
         * Ends.
         *
         * @return whether the connection is as good as before
         */
        boolean end() {
            long until = deadline.get();
            return until != OVERDUE && deadline.compareAndSet(until, NONE) && doom.get() == null;
        }

        private long deadline() {
            long until = deadline.get();
            return until == OVERDUE ? NONE : until;
        }

        private boolean missed(long until) {
            return until != NONE && deadline.compareAndSet(until, OVERDUE);
        }
    }

    /** Jedis' reader of replies, which can be asked whether one has begun. */
    private static final class Replies extends RedisInputStream {
        private final Socket socket;

        Replies(Socket socket, int bufferBytes) throws IOException {
            super(socket.getInputStream(), bufferBytes);
            this.socket = socket;
        }

        boolean isBuffered() {
            return count < limit;
        }

        /** Waits for the first byte, and loses none. */
        boolean await(long until) throws IOException {
            long left = until - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            socket.setSoTimeout((int) Math.min(Integer.MAX_VALUE, left / 1_000_000 + 1));
            try {
                count = 0;
                limit = Math.max(0, in.read(buf));
                if (limit == 0) {
                    throw new EOFException("the server closed the connection");
                }
                return true;
            } catch (SocketTimeoutException e) {
                limit = 0;
                return false;
            } finally {
                socket.setSoTimeout(0);
            }
        }
    }
}
