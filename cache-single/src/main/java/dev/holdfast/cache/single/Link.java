package dev.holdfast.cache.single;

import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.Authentication;
import java.io.EOFException;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.util.RedisOutputStream;

/**
 * One connection: its log-in, the TCP socket beneath any TLS, and until when its present users may have it. One
 * thread at a time writes, one reads; only {@link #reset} and {@link #resetIfOverdue} come from others.
 *
 * <p>The socket has no read timeout: {@link dev.holdfast.cache.internal.DeadlineWatch} resets a connection that is overdue, which also bounds what a timeout
 * of the socket can't, a reply that drips and a write into a full buffer.
 */
final class Link {
    private static final int BUFFER_BYTES = 16 * 1024;
    private static final int POLLS = 10;

    /** The largest answer to a log-in: what a server says of itself. */
    private static final long LOG_IN_BYTES = 64 * 1024;

    /** What breaks later under its first call was idle before, and may have been closed for that. */
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** Without traffic the kernel asks after so long whether the other end is there, so often, and then gives up. */
    private static final int KEEPALIVE_SECONDS = 15;

    private static final int KEEPALIVE_INTERVAL_SECONDS = 5;
    private static final int KEEPALIVE_COUNT = 3;

    private final SingleConfig config;
    private final Connector.Route route;
    private final int generation;
    private final int failuresBefore;
    private final Restarts.Seen before;
    private final AtomicBoolean uselessTaken = new AtomicBoolean();
    private final CompletableFuture<Link> opened = new CompletableFuture<>();
    private final Use reading = new Use();
    private final Use writing = new Use();
    private final AtomicReference<@Nullable CloseReason> closeReason = new AtomicReference<>();
    private volatile @Nullable Socket tcp;
    /** With TLS, if there is any. */
    private @Nullable Socket stream;

    private volatile long openedAt;
    private volatile Runnable whenUseful = () -> {};
    private volatile boolean useful;

    /** What its log-in was begun with; of whoever opens it. */
    private @Nullable Authentication begun;

    private volatile Entry.Made entered = new Entry.Made(null, null);
    private @Nullable Replies in;
    private @Nullable RedisOutputStream out;
    private long usedAt;

    /** When bytes last came, or should have begun to. */
    private volatile long heardAt;

    /** Until when a reply that is on its way may take; the reader's. */
    private long replyUntil = Use.NONE;

    private long commandNanos;

    /** The writer changes it. */
    private volatile long sentBytes;

    /** When the system last took a piece of something large; at first long ago. */
    private volatile long pieceAt = System.nanoTime() - Long.MAX_VALUE / 2;

    /**
     * Creates one that is not open.
     *
     * @param route where to, and how one gets in
     * @param generation which set of connections it belongs to
     * @param failuresBefore how many attempts in a row had failed when this one began
     * @param before what was known then of the processes that answer
     */
    Link(SingleConfig config, Connector.Route route, int generation, int failuresBefore, Restarts.Seen before) {
        this.config = config;
        this.route = route;
        this.generation = generation;
        this.failuresBefore = failuresBefore;
        this.before = before;
    }

    /** How many attempts in a row had failed when this one began. */
    int failuresBefore() {
        return failuresBefore;
    }

    /** Has somebody told of the first reply to a call, before that is given to the call. */
    void whenUseful(Runnable listener) {
        whenUseful = listener;
    }

    /**
     * Whether it was of no use: closed by the other side under the first call, soon after it had been opened. The first who asks
     * then is told, and nobody else.
     */
    boolean takeUseless() {
        return !useful && System.nanoTime() - openedAt < FRESH_NANOS && uselessTaken.compareAndSet(false, true);
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
     * Connects and logs in, with RESP2: nothing here needs what the server says unasked. Blocks, even for longer than the
     * deadline while a name is being resolved.
     */
    void open() throws IOException {
        try {
            openOnce();
        } catch (IOException e) {
            if (closeReason.get() != null || !route.entry().isOutdated(begun)) {
                throw e;
            }
            Socket broken = tcp;
            if (broken != null) {
                broken.close();
            }
            openOnce();
        }
    }

    private void openOnce() throws IOException {
        Socket opened = connect();
        stream = opened;
        Replies replies = new Replies(opened, Math.max(LOG_IN_BYTES, config.maxValueBytes()), this::heard);
        in = replies;
        out = new RedisOutputStream(new Pieces(opened.getOutputStream()), BUFFER_BYTES);
        commandNanos = config.commandTimeout().toNanos();
        entered = route.entry().make(this, before, words -> begun = words);
        replies.limit(config.maxValueBytes());
        openedAt = System.nanoTime();
    }

    private Socket connect() throws IOException {
        if (config.place() instanceof Place.Socket place) {
            UnixSocket socket = new UnixSocket();
            adopt(socket);
            socket.connect(place.path());
            return socket;
        }
        Address address = route.address(reading.deadline());
        Socket plain = connect(InetAddress.getAllByName(address.host()), address);
        TlsConfig tls = config.tls();
        return tls == null ? plain : Tls.wrap(tls, plain, address.host(), address.port());
    }

    /** The process that it leads to, by the name that {@link Restarts} gives it; {@code null} if that is not known, or not yet. */
    @Nullable
    String process() {
        return entered.process();
    }

    /** What it is logged in with; {@code null} for nothing. */
    @Nullable
    Authentication words() {
        return entered.words();
    }

    /** Notes that it was logged in anew. */
    void words(Authentication words) {
        entered = new Entry.Made(words, entered.process());
    }

    /** Tries the addresses in turn; each has its share of the time that is left. */
    private Socket connect(InetAddress[] addresses, Address address) throws IOException {
        IOException failure = null;
        for (int i = 0; i < addresses.length; i++) {
            Socket socket = new Socket();
            try {
                // Before anybody else may close it: the first option makes what a close would find.
                socket.setTcpNoDelay(true);
                keepAlive(socket);
                adopt(socket);
                long left = (reading.deadline() - System.nanoTime()) / 1_000_000;
                if (left < 1) {
                    throw new SocketTimeoutException("Connect timed out");
                }
                socket.connect(new InetSocketAddress(addresses[i], address.port()), (int)
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
        throw failure == null ? new UnknownHostException(address.host()) : failure;
    }

    private static void keepAlive(Socket socket) throws IOException {
        socket.setKeepAlive(true);
        if (socket.supportedOptions().contains(ExtendedSocketOptions.TCP_KEEPIDLE)) {
            socket.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, KEEPALIVE_SECONDS);
            socket.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, KEEPALIVE_INTERVAL_SECONDS);
            socket.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, KEEPALIVE_COUNT);
        }
    }

    private void adopt(Socket socket) throws IOException {
        tcp = socket;
        if (closeReason.get() != null) {
            socket.close();
        }
    }

    /** The port of this end; 0 if it is not open. */
    int localPort() {
        Socket socket = tcp;
        return socket == null ? 0 : socket.getLocalPort();
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
    void write(List<Request> commands) throws IOException {
        RedisOutputStream to = open(out);
        for (Request command : commands) {
            Protocol.sendCommand(to, command);
        }
    }

    /** Sends bytes as they are. For the one thread that writes. */
    void write(byte[] bytes) throws IOException {
        RedisOutputStream to = open(out);
        to.write(bytes);
        to.flush();
    }

    /** Sends what is in the buffer. */
    void flush() throws IOException {
        open(out).flush();
    }

    /** How much the system has ever taken. */
    long sentBytes() {
        return sentBytes;
    }

    /** When the system last took a piece of something large, which it does not for ever from a server that reads nothing. For any thread. */
    long pieceAt() {
        return pieceAt;
    }

    /** Reads a reply to a call; a refusal is returned as a {@link Refusal}. For the one thread that reads. */
    @Nullable
    Object read() throws IOException {
        Object reply = open(in).read();
        if (!useful) {
            useful = true;
            whenUseful.run();
        }
        return reply;
    }

    /**
     * Reads what comes, as it comes, on a connection whose replies are all read. For the one thread that reads.
     *
     * @param until when to stop waiting
     * @return how many bytes; 0 if none came until then
     */
    int receive(byte[] into, long until) throws IOException {
        Socket from = open(stream);
        long left = until - System.nanoTime();
        from.setSoTimeout((int) Math.max(1, Math.min(Integer.MAX_VALUE, left / 1_000_000 + 1)));
        try {
            int count = from.getInputStream().read(into);
            if (count < 0) {
                throw new EOFException("the server closed the connection");
            }
            return count;
        } catch (SocketTimeoutException e) {
            return 0;
        }
    }

    /** Lets what is read now take until then, as long as it gets on; for the one thread that reads. */
    void replyUntil(long until) {
        replyUntil = until;
    }

    /** When bytes last came, or {@link #expectsReply} was called. For any thread. */
    long heardAt() {
        return heardAt;
    }

    /** To be told when something was sent while nothing was under way. */
    void expectsReply(long now) {
        heardAt = now;
    }

    private void heard(long now) {
        heardAt = now;
        if (replyUntil != Use.NONE) {
            reading.extend(now + commandNanos - replyUntil < 0 ? now + commandNanos : replyUntil);
        }
    }

    /**
     * Waits for a reply to begin.
     *
     * @param soon whether it is to be expected so soon that to sleep would take longer
     * @param limited whether to wait until then only, without harm for the connection
     * @param until that time
     * @return false if there is none until then
     */
    boolean await(boolean soon, boolean limited, long until) throws IOException {
        Replies from = open(in);
        if (limited && System.nanoTime() - until >= 0) {
            return false;
        }
        if (from.isBuffered()) {
            return true;
        }
        for (int i = soon ? POLLS : 0; i > 0; i--) {
            if (arrived()) {
                return true;
            }
            Threads.letOthersRun();
        }
        return !limited || from.await(until);
    }

    /** Whether bytes have come that nobody has read. */
    boolean arrived() throws IOException {
        Socket plain = tcp;
        return plain != null && plain.getInputStream().available() > 0;
    }

    /** Whether a part of a reply is here already. */
    boolean isBuffered() throws IOException {
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

    /** Sends commands in one go and reads their replies, refusals among them. */
    List<@Nullable Object> callAll(List<Request> commands) throws IOException {
        IOException unsent = null;
        try {
            write(commands);
            flush();
        } catch (IOException e) {
            // A server that closes a connection at once may have said why.
            unsent = e;
        }
        List<@Nullable Object> replies = new ArrayList<>();
        try {
            for (int i = 0; i < commands.size(); i++) {
                replies.add(open(in).read());
            }
            if (isBuffered()) {
                throw new MalformedReplyException("one that nobody asked for");
            }
        } catch (IOException e) {
            if (!replies.isEmpty() && replies.get(0) instanceof Refusal why && JedisErrors.refusesClient(why)) {
                throw why;
            }
            throw unsent == null ? e : unsent;
        }
        return replies;
    }

    private static <T> T open(@Nullable T stream) throws IOException {
        if (stream == null) {
            throw new IOException("the connection is not open");
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

    /** When the earlier of its uses must have ended, for {@link dev.holdfast.cache.internal.DeadlineWatch}; 0 if there is none or it was reset already. */
    long deadline() {
        long read = reading.deadline();
        long write = writing.deadline();
        return read == 0 || (write != 0 && write - read < 0) ? write : read;
    }

    /** Resets the connection if a use that had this deadline is still under way. */
    void resetIfOverdue(long until) {
        if (reading.missed(until) || writing.missed(until)) {
            reset(CloseReason.OVERDUE);
        }
    }

    /** Closes the TCP connection at once, so that what the server has not read yet is dropped. The first reason stands. */
    void reset(CloseReason why) {
        closeReason.compareAndSet(null, why);
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
    CloseReason closeReason() {
        return closeReason.get();
    }

    /** Hands what is large over in pieces, so that others see how it gets on. */
    private final class Pieces extends FilterOutputStream {
        private static final int BYTES = 64 * 1024;

        Pieces(OutputStream to) {
            super(to);
        }

        @Override
        @SuppressWarnings("NonAtomicVolatileUpdate") // one thread writes
        public void write(byte[] bytes, int offset, int length) throws IOException {
            int end = offset + length;
            for (int at = offset; at < end; ) {
                int count = Math.min(BYTES, end - at);
                out.write(bytes, at, count);
                at += count;
                sentBytes = sentBytes + count;
                if (length > BYTES) {
                    pieceAt = System.nanoTime();
                }
            }
        }
    }

    /** Until when one thread has the use of a direction. */
    final class Use {
        private static final long NONE = 0;
        private static final long OVERDUE = 1;
        private static final long WORTHWHILE_NANOS = 10_000_000;

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
            return until != OVERDUE && deadline.compareAndSet(until, NONE) && closeReason.get() == null;
        }

        /** Lets it take until then, if that is later and it is under way. */
        void extend(long until) {
            long present = deadline.get();
            if (present != OVERDUE && present != NONE && until - present > WORTHWHILE_NANOS) {
                deadline.compareAndSet(present, until);
            }
        }

        private long deadline() {
            long until = deadline.get();
            return until == OVERDUE ? NONE : until;
        }

        private boolean missed(long until) {
            return until != NONE && deadline.compareAndSet(until, OVERDUE);
        }
    }
}
