package dev.holdfast.cache.monitor;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** One request over a socket of its own, as it stands, and what came back until the server closed. */
record Http(int status, Map<String, String> headers, String body) {
    private static final int PATIENCE = 20_000;

    static Http get(int port, String path, String... headers) {
        return send(port, "GET", path, headers);
    }

    static Http send(int port, String method, String path, String... headers) {
        List<String> lines = new ArrayList<>(List.of(method + ' ' + path + " HTTP/1.1"));
        lines.addAll(List.of(headers));
        if (lines.stream().noneMatch(line -> line.startsWith("Host:"))) {
            lines.add("Host: 127.0.0.1:" + port);
        }
        return raw(port, String.join("\r\n", lines) + "\r\n\r\n");
    }

    static Http raw(int port, String request) {
        return raw("127.0.0.1", port, request);
    }

    private static Http raw(String address, int port, String request) {
        try (Socket socket = open(address, port)) {
            socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
            socket.getOutputStream().flush();
            return parse(new String(readAll(socket.getInputStream()), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new AssertionError(request.substring(0, Math.min(200, request.length())), e);
        }
    }

    /** From a listener on another address of this machine. */
    static Http getFrom(String address, int port, String path) {
        return raw(address, port, "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n");
    }

    static Socket open(int port) throws IOException {
        return open("127.0.0.1", port);
    }

    private static Socket open(String address, int port) throws IOException {
        Socket socket = new Socket();
        socket.connect(new InetSocketAddress(address, port), PATIENCE);
        socket.setSoTimeout(PATIENCE);
        return socket;
    }

    /** A server that resets the connection behind its answer has answered. */
    private static byte[] readAll(InputStream in) throws IOException {
        byte[] all = new byte[4 << 20];
        int length = 0;
        try {
            for (int read = in.read(all); read > 0; read = in.read(all, length, all.length - length)) {
                length += read;
            }
        } catch (SocketException e) {
            if (length == 0) {
                throw e;
            }
        }
        return Arrays.copyOf(all, length);
    }

    private static Http parse(String answer) {
        int end = answer.indexOf("\r\n\r\n");
        if (end < 0) {
            throw new AssertionError("no answer: " + answer);
        }
        String[] lines = answer.substring(0, end).split("\r\n", -1);
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (int i = 1; i < lines.length; i++) {
            int colon = lines[i].indexOf(':');
            headers.put(
                    lines[i].substring(0, colon).toLowerCase(Locale.ROOT),
                    lines[i].substring(colon + 1).strip());
        }
        return new Http(Integer.parseInt(lines[0].split(" ", -1)[1]), headers, answer.substring(end + 4));
    }
}
