package dev.holdfast.cache.monitor;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One request and its answer, with which the connection ends. Each step has its time: five seconds until the head is there, ten for an answer or a part
 * of one that has no end. Then the connection is closed, by another thread, which frees the one that reads or writes.
 */
final class Exchange implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(Exchange.class);
    private static final Duration HEAD_LIMIT = Duration.ofSeconds(5);
    private static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);
    private static final long STALLED = TimeUnit.SECONDS.toNanos(1);
    private static final int UNREAD_MILLIS = 500;
    private static final int MOST_UNREAD = 2 << 20;
    private static final int UNSENT = 16 << 10;
    private static final int PART = 4 << 10;
    private static final Map<Integer, String> REASONS = Map.ofEntries(
            Map.entry(200, "OK"),
            Map.entry(400, "Bad Request"),
            Map.entry(401, "Unauthorized"),
            Map.entry(404, "Not Found"),
            Map.entry(405, "Method Not Allowed"),
            Map.entry(414, "URI Too Long"),
            Map.entry(421, "Misdirected Request"),
            Map.entry(429, "Too Many Requests"),
            Map.entry(431, "Request Header Fields Too Large"),
            Map.entry(500, "Internal Server Error"),
            Map.entry(501, "Not Implemented"),
            Map.entry(503, "Service Unavailable"));

    private final Socket socket;
    private final ScheduledExecutorService alarms;
    private volatile boolean answering;
    private volatile long answeringSince;
    private Future<?> alarm = CompletableFuture.completedFuture(null);

    Exchange(Socket socket, ScheduledExecutorService alarms) {
        this.socket = socket;
        this.alarms = alarms;
        within(HEAD_LIMIT);
    }

    private synchronized void within(Duration limit) {
        alarm.cancel(false);
        alarm = alarms.schedule(this::close, limit.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Whether it may be given up for another: it waits for the peer, be it for a second of its reading the answer. */
    boolean mayGo() {
        return !answering || System.nanoTime() - answeringSince > STALLED;
    }

    /** The address of this machine that was connected to. */
    InetAddress local() {
        return socket.getLocalAddress();
    }

    /** The other's address, without the port. */
    String remote() {
        InetAddress address = socket.getInetAddress();
        return address == null ? "" : address.getHostAddress();
    }

    Head read() throws IOException, BadRequestException {
        try {
            return Head.read(new BufferedInputStream(socket.getInputStream()));
        } finally {
            answeringSince = System.nanoTime();
            answering = true;
            within(ANSWER_LIMIT);
        }
    }

    /** Answers; without the body if it was {@code HEAD} that asked. */
    void send(Reply reply, boolean withBody) throws IOException {
        byte[] body = reply.body().getBytes(StandardCharsets.UTF_8);
        String head = head(reply) + "Content-Length: " + body.length + "\r\n\r\n";
        OutputStream out = socket.getOutputStream();
        out.write(head.getBytes(StandardCharsets.ISO_8859_1));
        out.write(body, 0, withBody ? body.length : 0);
        finish();
    }

    /** Begins an answer that has no end yet. What the system keeps of it for a slow reader is bounded: he is to be told what is, not what was. */
    void begin(Reply reply) throws IOException {
        socket.setSendBufferSize(UNSENT);
        write(head(reply) + "\r\n");
    }

    /** Writes a piece, in parts each of which has its time: who reads slowly is waited for, who does not read is not. */
    void write(String piece) throws IOException {
        byte[] bytes = piece.getBytes(StandardCharsets.UTF_8);
        OutputStream out = socket.getOutputStream();
        for (int from = 0; from < bytes.length; from += PART) {
            within(ANSWER_LIMIT);
            out.write(bytes, from, Math.min(PART, bytes.length - from));
        }
    }

    /** Nothing is under way that could take too long. */
    synchronized void rest() {
        alarm.cancel(false);
    }

    private static String head(Reply reply) {
        StringBuilder head = new StringBuilder("HTTP/1.1 ")
                .append(reply.status())
                .append(' ')
                .append(REASONS.getOrDefault(reply.status(), ""))
                .append("\r\nDate: ")
                .append(DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC)))
                .append("\r\nContent-Type: ")
                .append(reply.contentType())
                .append("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n");
        reply.headers()
                .forEach((name, value) ->
                        head.append(name).append(": ").append(value).append("\r\n"));
        return head.toString();
    }

    /** What of the request was not read, as a body, is thrown away for a moment: a connection closed before that takes the answer with it. */
    private void finish() throws IOException {
        answering = false;
        socket.shutdownOutput();
        socket.setSoTimeout(UNREAD_MILLIS);
        InputStream in = socket.getInputStream();
        byte[] unread = new byte[8 << 10];
        int left = MOST_UNREAD;
        for (int read = in.read(unread); read > 0 && left > 0; read = in.read(unread)) {
            left -= read;
        }
    }

    /** Ends the connection and whatever is under way on it. */
    @Override
    public void close() {
        synchronized (this) {
            alarm.cancel(false);
        }
        try {
            socket.close();
        } catch (IOException e) {
            LOG.debug("a connection did not end well", e);
        }
    }
}
