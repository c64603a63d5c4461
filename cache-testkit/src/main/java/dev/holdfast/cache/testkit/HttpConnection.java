package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A client's connection, with control over every byte that goes back: also over those that are missing. {@link #close} and
 * {@link #reset} may come from any thread.
 */
final class HttpConnection {
    private static final int IDLE_MILLIS = 360_000;
    private static final int LINGER_MILLIS = 500;
    private static final long LINGER_BYTES = 16 * 1024 * 1024;
    private static final int COPY_BELOW_BYTES = 64 * 1024;
    private static final byte[] CRLF = {'\r', '\n'};

    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private final HttpRequestReader reader;
    private boolean usable = true;
    private volatile long waitingSince = System.nanoTime();
    private volatile boolean waiting = true;

    HttpConnection(Socket socket, int maxBodyBytes, Predicate<HttpRequest> admission) throws IOException {
        this.socket = socket;
        // Longer than the five minutes for which OkHttp keeps an idle connection: no client finds it closed under its
        // hands.
        socket.setSoTimeout(IDLE_MILLIS);
        socket.setTcpNoDelay(true);
        this.in = socket.getInputStream();
        this.out = socket.getOutputStream();
        this.reader = new HttpRequestReader(in, out, maxBodyBytes, admission);
    }

    @Nullable
    HttpRequest read() throws IOException {
        HttpRequest request;
        waitingSince = System.nanoTime();
        waiting = true;
        try {
            request = usable ? reader.read() : null;
        } finally {
            waiting = false;
        }
        if (request != null) {
            usable = request.keepAlive;
        }
        return request;
    }

    /** Whether it waits for a request, or for the rest of one. */
    boolean isWaiting() {
        return waiting;
    }

    /** Since when it has waited, if it does; by {@link System#nanoTime()}. */
    long waitingSince() {
        return waitingSince;
    }

    /** Sends all of it; the body of an answer to {@code HEAD} stays away. */
    void send(HttpRequest request, HttpResponse response) throws IOException {
        send(response, !request.method.equals("HEAD"));
    }

    /** Sends an answer to a request that was not read to its end, and sees to it that it arrives. */
    void sendLast(HttpResponse response) throws IOException {
        usable = false;
        send(response, true);
        // A close with unread bytes would be a reset, which can overtake the answer.
        socket.shutdownOutput();
        socket.setSoTimeout(LINGER_MILLIS);
        try {
            in.skip(LINGER_BYTES);
        } catch (SocketTimeoutException enough) {
            // the client had its time
        }
    }

    private void send(HttpResponse response, boolean withBody) throws IOException {
        byte[] head = response.head(usable, "content-length: " + response.body.length);
        if (!withBody) {
            out.write(head);
        } else if (response.body.length < COPY_BELOW_BYTES) {
            byte[] whole = new byte[head.length + response.body.length];
            System.arraycopy(head, 0, whole, 0, head.length);
            System.arraycopy(response.body, 0, whole, head.length, response.body.length);
            out.write(whole);
        } else {
            out.write(head);
            out.write(response.body);
        }
    }

    void raw(byte[] bytes, int offset, int length) throws IOException {
        out.write(bytes, offset, length);
    }

    /** Begins an answer of unknown length, after which the connection is of no more use. */
    void startChunks(HttpResponse response) throws IOException {
        usable = false;
        out.write(response.head(false, "transfer-encoding: chunked"));
    }

    void chunk(byte[] bytes) throws IOException {
        byte[] length = Integer.toHexString(bytes.length).getBytes(US_ASCII);
        byte[] chunk = new byte[length.length + bytes.length + 4];
        System.arraycopy(length, 0, chunk, 0, length.length);
        System.arraycopy(CRLF, 0, chunk, length.length, 2);
        System.arraycopy(bytes, 0, chunk, length.length + 2, bytes.length);
        System.arraycopy(CRLF, 0, chunk, chunk.length - 2, 2);
        out.write(chunk);
    }

    /** Returns when the client has gone, or was sent away. */
    void awaitEnd() {
        try {
            socket.setSoTimeout(0);
            while (in.read() >= 0) {
                // an event stream takes no more requests
            }
        } catch (IOException gone) {
            // as good as an end
        }
    }

    /** What was sent so far is all there is: the connection ends after it, orderly. */
    void close() {
        usable = false;
        Streams.close(socket);
    }

    /** Ends the connection with a TCP reset; bytes under way may be lost. */
    void reset() {
        usable = false;
        Streams.reset(socket);
    }
}
