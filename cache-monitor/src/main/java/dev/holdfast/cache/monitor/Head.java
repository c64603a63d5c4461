package dev.holdfast.cache.monitor;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The head of a request of HTTP/1.0 or 1.1, which has no more than 8 KiB in its first line and 16 KiB in all others.
 *
 * @param method the method, in capitals as it was sent
 * @param target what is asked for
 * @param headers by their names in lower case; of several with one name the first
 */
record Head(String method, URI target, Map<String, String> headers) {
    private static final int LONGEST_LINE = 8 << 10;
    private static final int LONGEST_REST = 16 << 10;

    /**
     * Reads one.
     *
     * @throws BadRequestException if it is none
     * @throws IOException if it does not come to its end
     */
    static Head read(InputStream in) throws IOException, BadRequestException {
        String[] words =
                line(in, LONGEST_LINE, 414, "the request's line is too long").split(" ", -1);
        if (words.length != 3 || !words[2].startsWith("HTTP/1.")) {
            throw new BadRequestException(400, "a request begins with a method, a target and HTTP/1.1");
        }
        return new Head(words[0], target(words[1]), headers(in));
    }

    private static URI target(String text) throws BadRequestException {
        try {
            return new URI(text);
        } catch (URISyntaxException e) {
            throw new BadRequestException(400, "the target is no address");
        }
    }

    private static Map<String, String> headers(InputStream in) throws IOException, BadRequestException {
        Map<String, String> headers = new HashMap<>();
        int left = LONGEST_REST;
        for (String line = header(in, left); !line.isEmpty(); line = header(in, left)) {
            left -= line.length() + 1;
            int colon = line.indexOf(':');
            if (colon <= 0 || line.substring(0, colon).chars().anyMatch(Character::isWhitespace)) {
                throw new BadRequestException(400, "a header has a name and a colon");
            }
            String name = line.substring(0, colon).toLowerCase(Locale.ROOT);
            String before = headers.putIfAbsent(name, line.substring(colon + 1).strip());
            if (before != null && name.equals("host")) {
                throw new BadRequestException(400, "a request has one host");
            }
        }
        return headers;
    }

    private static String header(InputStream in, int left) throws IOException, BadRequestException {
        return line(in, left, 431, "the headers are too long");
    }

    /** Without its end. */
    private static String line(InputStream in, int longest, int status, String tooLong)
            throws IOException, BadRequestException {
        byte[] bytes = new byte[Math.min(longest, 256)];
        int length = 0;
        for (int next = in.read(); next != '\n'; next = in.read()) {
            if (next < 0) {
                throw new EOFException("the request ends in its head");
            }
            if (length == longest) {
                throw new BadRequestException(status, tooLong);
            }
            if (length == bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.min(longest, 2 * length));
            }
            bytes[length++] = (byte) next;
        }
        int end = length > 0 && bytes[length - 1] == '\r' ? length - 1 : length;
        return new String(bytes, 0, end, StandardCharsets.ISO_8859_1);
    }

    @Nullable
    String header(String name) {
        return headers.get(name);
    }

    /** Whom the request is for: an address that is asked for whole counts before the header. */
    @Nullable
    String host() {
        return target.getRawAuthority() == null ? header("host") : target.getRawAuthority();
    }

    Request request(String remote) {
        String path = target.getPath();
        return new Request(
                method,
                path == null ? "" : path,
                Request.parameters(target.getRawQuery()),
                header("authorization"),
                remote);
    }
}
