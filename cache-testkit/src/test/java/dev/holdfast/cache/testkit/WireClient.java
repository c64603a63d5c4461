package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** A connection that writes what it is told and reads HTTP answers strictly: a client that hides nothing. */
final class WireClient implements AutoCloseable {
    static final class Answer {
        private final int status;
        private final Map<String, String> headers;
        private final byte[] bytes;

        Answer(int status, Map<String, String> headers, byte[] bytes) {
            this.status = status;
            this.headers = headers;
            this.bytes = bytes;
        }

        int status() {
            return status;
        }

        Map<String, String> headers() {
            return headers;
        }

        byte[] bytes() {
            return bytes;
        }

        String body() {
            return new String(bytes, UTF_8);
        }

        @Override
        public String toString() {
            return status + " " + body();
        }
    }

    private final Socket socket;
    private final InputStream in;

    WireClient(int port) throws IOException {
        socket = new Socket(Ports.loopback(), port);
        socket.setSoTimeout(20_000);
        in = socket.getInputStream();
    }

    /** One request on a connection of its own. */
    static Answer send(int port, String method, String target, byte[] body, String... headerLines) throws IOException {
        try (WireClient client = new WireClient(port)) {
            client.write(method, target, body, headerLines);
            return client.answer(!method.equals("HEAD"));
        }
    }

    void write(String method, String target, byte[] body, String... headerLines) throws IOException {
        ByteArrayOutputStream request = new ByteArrayOutputStream();
        StringBuilder head = new StringBuilder(method + " " + target + " HTTP/1.1\r\nHost: test\r\n");
        for (String line : headerLines) {
            head.append(line).append("\r\n");
        }
        head.append("Content-Length: ").append(body.length).append("\r\n\r\n");
        request.writeBytes(head.toString().getBytes(UTF_8));
        request.writeBytes(body);
        raw(request.toByteArray());
    }

    void raw(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
    }

    Answer answer() throws IOException {
        return answer(true);
    }

    Answer answer(boolean withBody) throws IOException {
        Map<String, String> headers = new HashMap<>();
        int status = head(headers);
        if (!withBody) {
            return new Answer(status, headers, new byte[0]);
        }
        if ("chunked".equals(headers.get("transfer-encoding"))) {
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            for (byte[] chunk = chunk(); chunk.length > 0; chunk = chunk()) {
                body.writeBytes(chunk);
            }
            return new Answer(status, headers, body.toByteArray());
        }
        return new Answer(status, headers, exactly(Integer.parseInt(headers.get("content-length"))));
    }

    int head(Map<String, String> headers) throws IOException {
        int status = Integer.parseInt(line().split(" ", 3)[1]);
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            headers.put(
                    line.substring(0, colon).toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).strip());
        }
        return status;
    }

    byte[] chunk() throws IOException {
        byte[] chunk = exactly(Integer.parseInt(line(), 16));
        if (!line().isEmpty()) {
            throw new IOException("bad chunk");
        }
        return chunk;
    }

    byte[] exactly(int length) throws IOException {
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new EOFException("closed after " + bytes.length + " of " + length + " bytes");
        }
        return bytes;
    }

    String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0) {
                throw new EOFException("closed by the server");
            }
            line.write(b);
        }
        String text = line.toString(ISO_8859_1);
        return text.substring(0, text.length() - 1);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
