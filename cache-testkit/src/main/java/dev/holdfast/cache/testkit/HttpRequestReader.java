package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Reads HTTP/1.1 requests (RFC 9112) one after the other from a connection. Strict, because what one side of a test
 * tolerates and the other doesn't is an error that nobody finds: a bare LF, folded headers, space before a colon, two
 * lengths or no {@code Host} are refused. Not thread-safe.
 */
final class HttpRequestReader {
    private static final int MAX_HEAD_BYTES = 64 * 1024;
    private static final int MAX_CHUNK_LINE = 4 * 1024;
    /** The size of a body that is read from whomever. */
    private static final int UNASKED_BYTES = 64 * 1024;

    private static final byte[] CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n".getBytes(ISO_8859_1);

    private final InputStream in;
    private final OutputStream out;
    private final int maxBodyBytes;
    private final Predicate<HttpRequest> admission;
    private byte[] buffer = new byte[8 * 1024];
    private int position;
    private int limit;

    /**
     * Reads from a connection.
     *
     * @param admission whether a request, of which only the head is known, may have a body of more than a few bytes
     */
    HttpRequestReader(InputStream in, OutputStream out, int maxBodyBytes, Predicate<HttpRequest> admission) {
        this.admission = admission;
        this.in = in;
        this.out = out;
        this.maxBodyBytes = maxBodyBytes;
    }

    /** The next request; null if the peer closed the connection between requests. */
    @Nullable
    HttpRequest read() throws IOException {
        String head = head();
        if (head == null) {
            return null;
        }
        String[] lines = head.split("\r\n", -1);
        String[] start = lines[0].split(" ", -1);
        requireStartLine(start);
        Map<String, String> headers = new HashMap<>();
        for (int i = 1; i < lines.length; i++) {
            putHeader(headers, lines[i]);
        }
        boolean http11 = start[2].equals("HTTP/1.1");
        if (http11 && !headers.containsKey("host")) {
            throw new MalformedHttpException(400, "no Host");
        }
        String connection = headers.getOrDefault("connection", "").toLowerCase(Locale.ROOT);
        boolean keepAlive = http11 ? !connection.contains("close") : connection.contains("keep-alive");
        HttpRequest bare = new HttpRequest(start[0], start[1], headers, new byte[0], keepAlive);
        return new HttpRequest(start[0], start[1], headers, body(bare), keepAlive);
    }

    private static void requireStartLine(String[] start) throws MalformedHttpException {
        if (start.length != 3 || !isToken(start[0]) || (!start[1].startsWith("/") && !start[1].equals("*"))) {
            throw new MalformedHttpException(400, "bad request line");
        }
        if (!start[2].equals("HTTP/1.1") && !start[2].equals("HTTP/1.0")) {
            throw new MalformedHttpException(start[2].startsWith("HTTP/") ? 505 : 400, "bad version");
        }
    }

    private static void putHeader(Map<String, String> headers, String line) throws MalformedHttpException {
        int colon = line.indexOf(':');
        if (colon < 1 || !isToken(line.substring(0, colon))) {
            throw new MalformedHttpException(400, "bad header line");
        }
        String value = line.substring(colon + 1).strip();
        if (value.chars().anyMatch(c -> (c < ' ' && c != '\t') || c == 127)) {
            throw new MalformedHttpException(400, "control character in a header");
        }
        headers.merge(line.substring(0, colon).toLowerCase(Locale.ROOT), value, (a, b) -> a + ", " + b);
    }

    private static boolean isToken(String text) {
        return !text.isEmpty()
                && text.chars().allMatch(c -> c > ' ' && c < 127 && "\"(),/:;<=>?@[\\]{}".indexOf(c) < 0);
    }

    private byte[] body(HttpRequest bare) throws IOException {
        Map<String, String> headers = bare.headers;
        String length = headers.get("content-length");
        String coding = headers.get("transfer-encoding");
        if (length != null && coding != null) {
            throw new MalformedHttpException(400, "both Content-Length and Transfer-Encoding");
        }
        if (length == null && coding == null) {
            return new byte[0];
        }
        if (coding != null && !coding.equalsIgnoreCase("chunked")) {
            throw new MalformedHttpException(501, "unknown transfer coding");
        }
        int bytes = length == null ? 0 : bodyLength(length, 10);
        if ("100-continue".equalsIgnoreCase(headers.get("expect")) && position == limit) {
            out.write(CONTINUE);
            out.flush();
        }
        if (coding != null) {
            return chunks(bare);
        }
        ByteArrayOutputStream body = new ByteArrayOutputStream(Math.min(bytes, UNASKED_BYTES));
        requireAdmitted(bare, bytes);
        bytes(body, bytes);
        return body.toByteArray();
    }

    private void requireAdmitted(HttpRequest bare, int bytes) throws MalformedHttpException {
        if (bytes > UNASKED_BYTES && !admission.test(bare)) {
            throw new MalformedHttpException(401, "the token was refused before the body was read");
        }
    }

    private byte[] chunks(HttpRequest bare) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        while (true) {
            String line = line();
            if (line.length() > MAX_CHUNK_LINE) {
                throw new MalformedHttpException(400, "chunk extension too long");
            }
            int extension = line.indexOf(';');
            int length = bodyLength((extension < 0 ? line : line.substring(0, extension)).strip(), 16);
            if (length == 0) {
                while (!line().isEmpty()) {
                    // trailers mean nothing here
                }
                return body.toByteArray();
            }
            if (body.size() + (long) length > maxBodyBytes) {
                throw new MalformedHttpException(413, "body too large");
            }
            requireAdmitted(bare, body.size() + length);
            bytes(body, length);
            if (!line().isEmpty()) {
                throw new MalformedHttpException(400, "bad chunk");
            }
        }
    }

    private int bodyLength(String text, int radix) throws MalformedHttpException {
        if (text.isEmpty()
                || text.length() > (radix == 16 ? 15 : 18)
                || text.chars().anyMatch(c -> Character.digit(c, radix) < 0 || c > 'z')) {
            throw new MalformedHttpException(400, "bad length of the body");
        }
        long length = Long.parseLong(text, radix);
        if (length > maxBodyBytes) {
            throw new MalformedHttpException(413, "body too large");
        }
        return (int) length;
    }

    /** Takes memory for what has arrived, whatever was announced. */
    private void bytes(ByteArrayOutputStream body, int length) throws IOException {
        int buffered = Math.min(length, limit - position);
        body.write(buffer, position, buffered);
        position += buffered;
        byte[] some = new byte[Math.min(length - buffered, UNASKED_BYTES)];
        for (int left = length - buffered; left > 0; ) {
            int count = in.read(some, 0, Math.min(left, some.length));
            if (count < 0) {
                throw new EOFException("closed within a body");
            }
            body.write(some, 0, count);
            left -= count;
        }
    }

    private String line() throws IOException {
        for (int i = position; ; i++) {
            while (i + 1 >= limit) {
                int scanned = i - position;
                fill();
                i = position + scanned;
            }
            if (buffer[i] == '\r' && buffer[i + 1] == '\n') {
                String line = new String(buffer, position, i - position, ISO_8859_1);
                position = i + 2;
                return line;
            }
        }
    }

    private @Nullable String head() throws IOException {
        if (position == limit && !fillOrEnd()) {
            return null;
        }
        for (int scanned = 0; ; ) {
            for (int i = position + scanned; i + 3 < limit; i++) {
                if (buffer[i] == '\r' && buffer[i + 1] == '\n' && buffer[i + 2] == '\r' && buffer[i + 3] == '\n') {
                    requireNoBareLineFeed(i);
                    String head = new String(buffer, position, i - position, ISO_8859_1);
                    position = i + 4;
                    return head;
                }
            }
            scanned = Math.max(0, limit - position - 3);
            requireNoBareLineFeed(limit);
            fill();
        }
    }

    /** A client that ends its lines with a bare LF would otherwise wait for an answer for ever. */
    private void requireNoBareLineFeed(int end) throws MalformedHttpException {
        for (int i = position; i < end; i++) {
            if (buffer[i] == '\n' && (i == position || buffer[i - 1] != '\r')) {
                throw new MalformedHttpException(400, "bare LF");
            }
        }
    }

    private void fill() throws IOException {
        if (limit - position >= MAX_HEAD_BYTES) {
            throw new MalformedHttpException(431, "headers too large");
        }
        if (!fillOrEnd()) {
            throw new EOFException("closed within a request");
        }
    }

    private boolean fillOrEnd() throws IOException {
        if (position > 0) {
            System.arraycopy(buffer, position, buffer, 0, limit - position);
            limit -= position;
            position = 0;
        }
        if (limit == buffer.length) {
            buffer = Arrays.copyOf(buffer, buffer.length * 2);
        }
        int count = in.read(buffer, limit, buffer.length - limit);
        limit += Math.max(0, count);
        return count >= 0;
    }
}
