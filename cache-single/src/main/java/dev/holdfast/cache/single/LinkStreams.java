package dev.holdfast.cache.single;

import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.util.RedisOutputStream;

/** What is written to an open socket and read from it. One thread at a time writes, one reads; {@link #sent} and {@link #arrived} are for any. */
final class LinkStreams {
    private static final int BUFFER_BYTES = 16 * 1024;
    private static final int POLLS = 10;

    private final Socket bare;
    private final Socket socket;
    private final Replies in;
    private final Pieces sent;
    private final RedisOutputStream out;

    /**
     * Creates those of a socket.
     *
     * @param bare the TCP socket beneath any TLS
     * @param socket with TLS, if there is any
     * @param maxValueBytes the largest value that is taken
     * @param whenHeard told the time whenever bytes have come
     */
    LinkStreams(Socket bare, Socket socket, long maxValueBytes, LongConsumer whenHeard) throws IOException {
        this.bare = bare;
        this.socket = socket;
        this.in = new Replies(socket, maxValueBytes, whenHeard);
        this.sent = new Pieces(socket.getOutputStream());
        this.out = new RedisOutputStream(sent, BUFFER_BYTES);
    }

    /** Takes values of so many bytes from now on. */
    void limit(long bytes) {
        in.limit(bytes);
    }

    /** What has been sent. */
    Pieces sent() {
        return sent;
    }

    /** Writes commands, some of which may stay in the buffer. */
    void write(List<Request> commands) {
        for (Request command : commands) {
            Protocol.sendCommand(out, command);
        }
    }

    /** Sends what is in the buffer. */
    void flush() throws IOException {
        out.flush();
    }

    /** Sends bytes as they are. */
    void send(byte[] bytes) throws IOException {
        out.write(bytes);
        out.flush();
    }

    /** Reads a reply; a refusal is returned as a {@link Refusal}. */
    @Nullable
    Object read() throws IOException {
        return in.read();
    }

    /**
     * Reads what comes, as it comes, where all replies are read.
     *
     * @param until when to stop waiting
     * @return how many bytes; 0 if none came until then
     */
    int receive(byte[] into, long until) throws IOException {
        long left = until - System.nanoTime();
        socket.setSoTimeout((int) Math.max(1, Math.min(Integer.MAX_VALUE, left / 1_000_000 + 1)));
        try {
            int count = socket.getInputStream().read(into);
            if (count < 0) {
                throw new EOFException("the server closed the connection");
            }
            return count;
        } catch (SocketTimeoutException e) {
            return 0;
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
        if (limited && System.nanoTime() - until >= 0) {
            return false;
        }
        if (in.isBuffered()) {
            return true;
        }
        for (int i = soon ? POLLS : 0; i > 0; i--) {
            if (arrived()) {
                return true;
            }
            Threads.letOthersRun();
        }
        return !limited || in.await(until);
    }

    /** Whether bytes have come that nobody has read. */
    boolean arrived() throws IOException {
        return bare.getInputStream().available() > 0;
    }

    /** Whether a part of a reply is here already. */
    boolean isBuffered() {
        return in.isBuffered();
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
                replies.add(in.read());
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

    /**
     * Finds out whether the server closed the connection while nobody used it, which a restarted one or one with an idle
     * timeout does. Takes up to a millisecond. Anything readable between two calls is a reason to distrust the connection.
     */
    boolean isStale() {
        try {
            bare.setSoTimeout(1);
            try {
                bare.getInputStream().read();
                return true;
            } catch (SocketTimeoutException e) {
                bare.setSoTimeout(0);
                return false;
            }
        } catch (IOException e) {
            return true;
        }
    }
}
