package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A listener on {@code 127.0.0.1} that reads commands as a Redis does and answers each with whatever a script says, byte for
 * byte: replies too many, malformed, late, or none.
 *
 * <pre>{@code
 * try (RespPeer peer = RespPeer.start((command, caller) -> {
 *     switch (command.get(0)) {
 *         case "PING" -> caller.lines("+PONG");
 *         case "GET" -> caller.lines("$5", "value", "$5", "rogue");  // one too many
 *         default -> caller.lines("-ERR unknown command");
 *     }
 * })) { … }
 * }</pre>
 *
 * <p>Each connection has a thread of its own, on which the script runs. Thread-safe.
 */
public final class RespPeer implements AutoCloseable {
    /** What is answered to a command. */
    @FunctionalInterface
    public interface Script {
        /**
         * Answers, or doesn't.
         *
         * @param command its words, each byte a character of ISO 8859-1; the first in capitals
         * @param caller the connection that it came on
         * @throws IOException if the connection is gone
         */
        void answer(List<String> command, Caller caller) throws IOException;
    }

    private final Script script;
    private final ServerSocket listener = Ports.listen();
    private final Set<Caller> callers = ConcurrentHashMap.newKeySet();
    private final ServingThreads threads = new ServingThreads("resp-peer-" + port());
    private final AtomicLong accepted = new AtomicLong();
    private volatile boolean closed;

    private RespPeer(Script script) {
        this.script = script;
        threads.start(this::accept);
    }

    /**
     * Starts one.
     *
     * @param script called for each command, from several threads if there are several connections
     */
    public static RespPeer start(Script script) {
        return new RespPeer(script);
    }

    /** The port that it listens on. */
    public int port() {
        return listener.getLocalPort();
    }

    /** How many connections it has accepted. */
    public long connections() {
        return accepted.get();
    }

    /** Sends lines on every open connection, though nobody asked. */
    public void push(String... lines) {
        for (Caller caller : callers) {
            try {
                caller.lines(lines);
            } catch (IOException gone) {
                caller.close();
            }
        }
    }

    /** Stops listening, closes all connections and waits for its threads to end. */
    @Override
    public void close() {
        int port = port();
        closed = true;
        Streams.close(listener);
        threads.join(() -> callers.forEach(Caller::close));
        Ports.release(port);
    }

    private void accept() {
        while (true) {
            try {
                Socket socket = listener.accept();
                // As servers do; else a reply waits for the one before to be acknowledged.
                socket.setTcpNoDelay(true);
                Caller caller = new Caller(socket);
                accepted.incrementAndGet();
                callers.add(caller);
                if (closed) {
                    // Whoever closes the callers may have gone over them already, and waits for their threads.
                    caller.close();
                }
                threads.start(() -> serve(caller));
            } catch (IOException end) {
                return;
            }
        }
    }

    private void serve(Caller caller) {
        try (caller) {
            InputStream in = new BufferedInputStream(caller.socket.getInputStream());
            for (List<String> command = read(in); !command.isEmpty(); command = read(in)) {
                script.answer(command, caller);
            }
        } catch (IOException gone) {
            // The client has hung up, or the script has.
        } finally {
            callers.remove(caller);
        }
    }

    /** Reads a command; empty at the end of the stream. */
    private static List<String> read(InputStream in) throws IOException {
        List<String> words = new ArrayList<>();
        String head = line(in);
        int count = head.startsWith("*") ? Integer.parseInt(head.substring(1)) : 0;
        for (int i = 0; i < count; i++) {
            byte[] word = in.readNBytes(Integer.parseInt(line(in).substring(1)));
            line(in);
            String text = new String(word, ISO_8859_1);
            words.add(i == 0 ? text.toUpperCase(Locale.ROOT) : text);
        }
        return words;
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
            line.append(c == '\r' ? "" : String.valueOf((char) c));
        }
        return line.toString();
    }

    /** One client's connection. */
    public static final class Caller implements AutoCloseable {
        private final Socket socket;

        private Caller(Socket socket) {
            this.socket = socket;
        }

        /** Sends each line, as ISO 8859-1, and CR LF after it, all in one write. */
        public void lines(String... lines) throws IOException {
            bytes((String.join("\r\n", lines) + "\r\n").getBytes(ISO_8859_1));
        }

        /** Sends these bytes as they are. */
        public synchronized void bytes(byte[] bytes) throws IOException {
            socket.getOutputStream().write(bytes);
        }

        /** The port that it was accepted on. */
        public int localPort() {
            return socket.getLocalPort();
        }

        /** Closes it by a TCP reset. */
        public void reset() throws IOException {
            socket.setSoLinger(true, 0);
            socket.close();
        }

        /** Closes it. */
        @Override
        public void close() {
            Streams.close(socket);
        }
    }
}
