package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;

/**
 * One connection that speaks RESP2 and leaves every byte as it is. A reply is {@code byte[]} (bulk), {@code String} (status),
 * {@code Long}, {@code List}, {@link RespError} or {@code null}.
 *
 * <p>{@link #call} is one round trip and throws an error reply; {@link #send}, {@link #flush} and {@link #receive} are for
 * pipelines and return it. Not thread-safe, but {@link #close} may come from any thread and ends a waiting {@link #receive}.
 */
final class RespConnection implements AutoCloseable {
    private static final byte[] CRLF = {'\r', '\n'};

    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private final byte[] buffer = new byte[16 * 1024];
    private int position;
    private int limit;

    private RespConnection(Socket socket) throws IOException {
        this.socket = socket;
        this.in = socket.getInputStream();
        this.out = new BufferedOutputStream(socket.getOutputStream(), 16 * 1024);
    }

    static RespConnection open(int port, @Nullable SSLSocketFactory tls, Duration timeout) throws IOException {
        return open(new InetSocketAddress(Ports.loopback(), port), tls, timeout);
    }

    static RespConnection open(InetSocketAddress address, @Nullable SSLSocketFactory tls, Duration timeout)
            throws IOException {
        Socket socket = new Socket();
        try {
            int millis = Math.toIntExact(timeout.toMillis());
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(millis);
            socket.connect(address, millis);
            return new RespConnection(
                    tls == null ? socket : tls.createSocket(socket, "localhost", address.getPort(), true));
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    /** @throws IllegalStateException with the server's line, if the reply is an error */
    @Nullable
    Object call(String... args) throws IOException {
        return call(Arrays.stream(args).map(arg -> arg.getBytes(UTF_8)).toArray(byte[][]::new));
    }

    /** @throws IllegalStateException with the server's line, if the reply is an error */
    @Nullable
    Object call(byte[]... args) throws IOException {
        send(List.of(args));
        flush();
        Object reply = receive();
        if (reply instanceof RespError error) {
            throw new IllegalStateException(error.message());
        }
        return reply;
    }

    /** Sends what logs in; the connection is closed if that is refused. */
    RespConnection login(String... args) throws IOException {
        try {
            call(args);
            return this;
        } catch (IOException | RuntimeException e) {
            close();
            throw e;
        }
    }

    void send(List<byte[]> args) throws IOException {
        header('*', args.size());
        for (byte[] arg : args) {
            header('$', arg.length);
            out.write(arg);
            out.write(CRLF);
        }
    }

    void flush() throws IOException {
        out.flush();
    }

    /** Whether the server has closed it, or spoken unasked, while nothing was awaited. Takes up to a millisecond. */
    boolean isClosed() throws IOException {
        int timeout = socket.getSoTimeout();
        socket.setSoTimeout(1);
        try {
            return position < limit || in.read(buffer) != 0;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true;
        } finally {
            socket.setSoTimeout(timeout);
        }
    }

    /** The port of this end. */
    int localPort() {
        return socket.getLocalPort();
    }

    /** @param timeout how long {@link #receive} waits for the next bytes; zero waits for ever */
    void timeout(Duration timeout) throws IOException {
        socket.setSoTimeout(Math.toIntExact(timeout.toMillis()));
    }

    @Nullable
    Object receive() throws IOException {
        String line = line();
        String rest = line.substring(1);
        return switch (line.charAt(0)) {
            case '+' -> rest;
            case '-' -> new RespError(rest);
            case ':' -> Long.valueOf(rest);
            case '$' -> bulk(Integer.parseInt(rest));
            case '*' -> array(Integer.parseInt(rest));
            default -> throw new IOException("not RESP2: " + line);
        };
    }

    private byte @Nullable [] bulk(int length) throws IOException {
        if (length < 0) {
            return null;
        }
        byte[] bytes = new byte[length];
        int buffered = Math.min(length, limit - position);
        System.arraycopy(buffer, position, bytes, 0, buffered);
        position += buffered;
        if (in.readNBytes(bytes, buffered, length - buffered) < length - buffered) {
            throw new EOFException("closed within a reply of " + length + " bytes");
        }
        next();
        next();
        return bytes;
    }

    private @Nullable List<@Nullable Object> array(int length) throws IOException {
        if (length < 0) {
            return null;
        }
        List<@Nullable Object> items = new ArrayList<>(Math.min(length, 1024));
        for (int i = 0; i < length; i++) {
            items.add(receive());
        }
        return items;
    }

    private String line() throws IOException {
        byte[] line = new byte[64];
        int length = 0;
        for (byte b = next(); b != '\n'; b = next()) {
            if (length == line.length) {
                line = Arrays.copyOf(line, length * 2);
            }
            line[length++] = b;
        }
        if (length < 2 || line[length - 1] != '\r') {
            throw new IOException("not RESP2: " + new String(line, 0, length, UTF_8));
        }
        return new String(line, 0, length - 1, UTF_8);
    }

    private byte next() throws IOException {
        if (position == limit) {
            limit = Math.max(0, in.read(buffer));
            position = 0;
            if (limit == 0) {
                throw new EOFException("closed by the server");
            }
        }
        return buffer[position++];
    }

    private void header(char type, int length) throws IOException {
        out.write(type);
        out.write(Integer.toString(length).getBytes(US_ASCII));
        out.write(CRLF);
    }

    @Override
    public void close() {
        Streams.close(socket);
    }
}
