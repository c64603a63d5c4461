package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import tools.jackson.core.JsonEncoding;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The faults that lie in the body of an answer. */
final class BodyFaults {
    private static final JsonFactory JSON = new JsonFactory();
    private static final int BLOCK = 64 * 1024;
    private static final byte[] OPENING = "{\"result\":\"".getBytes(UTF_8);
    private static final byte[] CLOSING = "\"}".getBytes(UTF_8);

    private BodyFaults() {}

    static void truncate(HttpConnection connection, HttpResponse whole) throws IOException {
        byte[] head = whole.head(true, "content-length: " + whole.body.length);
        connection.raw(head, 0, head.length);
        connection.raw(whole.body, 0, whole.body.length / 2);
        connection.close();
    }

    static void drip(HttpConnection connection, HttpResponse whole, Duration pause) throws IOException {
        byte[] head = whole.head(true, "content-length: " + whole.body.length);
        connection.raw(head, 0, head.length);
        for (int i = 0; i < whole.body.length; i++) {
            pause(pause);
            connection.raw(whole.body, i, 1);
        }
    }

    static void endless(HttpConnection connection) throws IOException {
        connection.startChunks(HttpResponse.empty(200).with("content-type", HttpResponse.JSON));
        connection.chunk(OPENING);
        while (true) {
            connection.chunk(block());
        }
    }

    static void twice(HttpConnection connection, HttpResponse first, Duration pause, HttpResponse second)
            throws IOException {
        ByteArrayOutputStream answers = new ByteArrayOutputStream();
        whole(answers, first);
        if (!pause.isZero()) {
            connection.raw(answers.toByteArray(), 0, answers.size());
            answers.reset();
            pause(pause);
        }
        whole(answers, second);
        connection.raw(answers.toByteArray(), 0, answers.size());
    }

    private static void whole(ByteArrayOutputStream out, HttpResponse response) {
        out.writeBytes(response.head(true, "content-length: " + response.body.length));
        out.writeBytes(response.body);
    }

    static void endlessExtension(HttpConnection connection) throws IOException {
        connection.startChunks(HttpResponse.empty(200).with("content-type", HttpResponse.JSON));
        byte[] extension = "5;x=".getBytes(UTF_8);
        connection.raw(extension, 0, extension.length);
        byte[] block = block();
        while (true) {
            connection.raw(block, 0, block.length);
        }
    }

    /** One deflated block, byte-aligned and independent of what precedes it, is sent again and again. */
    static void bomb(HttpConnection connection, long bytes) throws IOException {
        connection.startChunks(
                HttpResponse.of(200, HttpResponse.JSON, new byte[0]).with("content-encoding", "gzip"));
        long blocks = Math.max(1, bytes / BLOCK);
        CRC32 crc = new CRC32();
        connection.chunk(new byte[] {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0, 0, (byte) 255});
        connection.chunk(deflated(OPENING));
        crc.update(OPENING);
        byte[] block = block();
        byte[] deflated = deflated(block);
        for (long i = 0; i < blocks; i++) {
            connection.chunk(deflated);
            crc.update(block);
        }
        connection.chunk(deflated(CLOSING));
        crc.update(CLOSING);
        connection.chunk(new byte[] {3, 0}); // the last block, and empty
        long size = OPENING.length + blocks * BLOCK + CLOSING.length;
        connection.chunk(littleEndian(crc.getValue(), size));
        connection.raw("0\r\n\r\n".getBytes(ISO_8859_1), 0, 5);
        connection.close();
    }

    /** The first array of the answer, longer or shorter by some elements. */
    static byte[] resized(byte[] body, int by) {
        String text = new String(body, UTF_8);
        try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), text)) {
            JsonToken token = parser.nextToken();
            while (token != null && token != JsonToken.START_ARRAY) {
                token = parser.nextToken();
            }
            if (token == null) {
                return body;
            }
            int start = offset(parser);
            List<String> elements = new ArrayList<>();
            for (token = parser.nextToken(); token != JsonToken.END_ARRAY; token = parser.nextToken()) {
                int from = (int) parser.currentTokenLocation().getCharOffset();
                parser.skipChildren();
                parser.finishToken();
                elements.add(text.substring(from, offset(parser)));
            }
            int end = (int) parser.currentTokenLocation().getCharOffset();
            resize(elements, by);
            return (text.substring(0, start) + String.join(",", elements) + text.substring(end)).getBytes(UTF_8);
        }
    }

    static byte[] garbled(byte[] body) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), new String(body, UTF_8));
                JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), out, JsonEncoding.UTF8)) {
            while (parser.nextToken() != null) {
                if (parser.currentToken() == JsonToken.VALUE_STRING) {
                    json.writeString("%not*base64!");
                } else {
                    json.copyCurrentEvent(parser);
                }
            }
        }
        return out.toByteArray();
    }

    static void pause(Duration time) throws InterruptedIOException {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("the gateway is closed");
        }
    }

    private static void resize(List<String> elements, int by) {
        for (int i = 0; i < by; i++) {
            elements.add(elements.isEmpty() ? "null" : elements.get(elements.size() - 1));
        }
        int size = Math.max(0, elements.size() + Math.min(0, by));
        elements.subList(size, elements.size()).clear();
    }

    private static int offset(JsonParser parser) {
        return (int) parser.currentLocation().getCharOffset();
    }

    private static byte[] block() {
        byte[] block = new byte[BLOCK];
        Arrays.fill(block, (byte) 'A');
        return block;
    }

    private static byte[] deflated(byte[] bytes) {
        Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION, true);
        try {
            deflater.setInput(bytes);
            byte[] out = new byte[bytes.length + 64];
            return Arrays.copyOf(out, deflater.deflate(out, 0, out.length, Deflater.FULL_FLUSH));
        } finally {
            deflater.end();
        }
    }

    private static byte[] littleEndian(long crc, long size) {
        byte[] trailer = new byte[8];
        for (int i = 0; i < 4; i++) {
            trailer[i] = (byte) (crc >> (8 * i));
            trailer[4 + i] = (byte) (size >> (8 * i));
        }
        return trailer;
    }
}
