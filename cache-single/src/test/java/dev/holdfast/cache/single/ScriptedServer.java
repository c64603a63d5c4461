package dev.holdfast.cache.single;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Something that listens like a Redis and answers what no Redis would: every command but those of the log-in gets the
 * given answer.
 */
final class ScriptedServer implements Closeable {
    /** Writes the answer to a command. */
    interface Answer {
        void to(List<String> command, OutputStream out) throws IOException, InterruptedException;
    }

    private final ServerSocket listener;
    private final Answer answer;
    private final String info;
    private final ConcurrentLinkedQueue<Socket> sockets = new ConcurrentLinkedQueue<>();

    ScriptedServer(Answer answer) throws IOException {
        this("+OK\r\n", answer);
    }

    /** One that says this of itself. */
    ScriptedServer(String info, Answer answer) throws IOException {
        this.info = info;
        this.answer = answer;
        this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        daemon(this::accept);
    }

    /** One that gives the same reply to everything. */
    static ScriptedServer saying(String reply) throws IOException {
        return new ScriptedServer((command, out) -> out.write(reply.getBytes(StandardCharsets.ISO_8859_1)));
    }

    int port() {
        return listener.getLocalPort();
    }

    SingleConfig config() {
        return SingleConfig.of("127.0.0.1", port());
    }

    private static void daemon(Runnable body) {
        Thread thread = new Thread(body, "scripted-server");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        try {
            while (true) {
                Socket socket = listener.accept();
                socket.setTcpNoDelay(true);
                sockets.add(socket);
                daemon(() -> serve(socket));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            DataInputStream in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
            OutputStream out = socket.getOutputStream();
            while (true) {
                List<String> command = read(in);
                switch (command.get(0)) {
                    case "HELLO" -> out.write("-ERR unknown command 'HELLO'\r\n".getBytes(StandardCharsets.US_ASCII));
                    case "CLIENT", "SELECT" -> out.write("+OK\r\n".getBytes(StandardCharsets.US_ASCII));
                    case "INFO" -> out.write(info.getBytes(StandardCharsets.US_ASCII));
                    default -> answer.to(command, out);
                }
                out.flush();
            }
        } catch (IOException | InterruptedException e) {
            // the client is gone
        }
    }

    private static List<String> read(DataInputStream in) throws IOException {
        String[] words = new String[Integer.parseInt(line(in).substring(1))];
        for (int i = 0; i < words.length; i++) {
            byte[] word = new byte[Integer.parseInt(line(in).substring(1))];
            in.readFully(word);
            line(in);
            words[i] = new String(word, StandardCharsets.ISO_8859_1);
        }
        return List.of(words);
    }

    private static String line(DataInputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (byte b = in.readByte(); b != '\n'; b = in.readByte()) {
            if (b != '\r') {
                line.append((char) b);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
