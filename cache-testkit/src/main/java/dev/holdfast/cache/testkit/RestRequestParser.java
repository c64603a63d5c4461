package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;

/**
 * Turns what a request carries into commands. Numbers in JSON stay the text that they were ({@code 1731000000000},
 * {@code 1.50}). Bytes that are not UTF-8, and halves of surrogate pairs, become U+FFFD, as in a Go server. Thread-safe.
 */
final class RestRequestParser {
    /** A body as a whole can't be used; {@link #error} is what the answer says. */
    static final class Refusal extends Exception {
        private static final long serialVersionUID = 1L;

        final String error;

        Refusal(String error) {
            super(error, null, false, false);
            this.error = error;
        }
    }

    private static final byte[] REPLACEMENT = "\uFFFD".getBytes(UTF_8);

    private final JsonFactory json = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .build();

    /** {@code ["SET","k","v"]} */
    RestCommand command(byte[] body) throws Refusal {
        requireBody(body);
        try (JsonParser parser = parser(body)) {
            if (parser.nextToken() != JsonToken.START_ARRAY) {
                throw new Refusal("ERR failed to parse command: expected JSON array");
            }
            RestCommand command = command(parser, "ERR empty command");
            if (parser.nextToken() != null) {
                throw new Refusal("ERR failed to parse command");
            }
            return command;
        } catch (JacksonException e) {
            throw new Refusal("ERR failed to parse command");
        }
    }

    /** {@code [["SET","k","v"],["GET","k"]]} */
    List<RestCommand> commands(byte[] body) throws Refusal {
        requireBody(body);
        List<RestCommand> commands = new ArrayList<>();
        try (JsonParser parser = parser(body)) {
            requireArray(parser.nextToken());
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                requireArray(parser.currentToken());
                commands.add(command(parser, "ERR empty pipeline command"));
            }
            if (parser.nextToken() != null) {
                throw new Refusal("ERR failed to parse pipeline request");
            }
        } catch (JacksonException e) {
            throw new Refusal("ERR failed to parse pipeline request");
        }
        if (commands.isEmpty()) {
            throw new Refusal("ERR empty pipeline request");
        }
        return commands;
    }

    /** {@code /set/k/v?EX=100} and the body, which is one more argument, byte for byte. */
    RestCommand path(List<byte[]> segments, byte[] body, String query) {
        List<byte[]> args = new ArrayList<>(segments);
        if (body.length > 0) {
            args.add(body);
        }
        for (String parameter : query.split("&", -1)) {
            int equals = parameter.indexOf('=');
            String name = equals < 0 ? parameter : parameter.substring(0, equals);
            if (!name.isEmpty() && !name.equals("_token")) {
                args.add(percentDecoded(name));
                if (equals >= 0) {
                    args.add(percentDecoded(parameter.substring(equals + 1)));
                }
            }
        }
        return RestCommand.of(args);
    }

    /** The segments of a path, decoded after they were separated: {@code %2F} is data. */
    List<byte[]> segments(String path) {
        List<byte[]> segments = new ArrayList<>();
        String[] parts = path.substring(1).split("/", -1);
        // One slash at the end means nothing, as it does in a base URL.
        int count = parts[parts.length - 1].isEmpty() ? parts.length - 1 : parts.length;
        for (int i = 0; i < count; i++) {
            segments.add(percentDecoded(parts[i]));
        }
        return segments;
    }

    /** {@code %41} is a byte; anything else, also {@code +} and a stray {@code %}, stands for itself. */
    static byte[] percentDecoded(String text) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int high = c == '%' && i + 2 < text.length() ? Character.digit(text.charAt(i + 1), 16) : -1;
            int low = high < 0 ? -1 : Character.digit(text.charAt(i + 2), 16);
            bytes.write(low < 0 ? c : (high << 4) | low);
            i += low < 0 ? 0 : 2;
        }
        return bytes.toByteArray();
    }

    private static void requireBody(byte[] body) throws Refusal {
        if (body.length == 0) {
            throw new Refusal("EOF");
        }
    }

    private static void requireArray(@Nullable JsonToken token) throws Refusal {
        if (token != JsonToken.START_ARRAY) {
            throw new Refusal("ERR failed to parse pipeline request");
        }
    }

    private JsonParser parser(byte[] body) {
        return json.createParser(ObjectReadContext.empty(), new String(body, UTF_8));
    }

    private static RestCommand command(JsonParser parser, String ifEmpty) {
        List<byte[]> args = new ArrayList<>();
        String error = null;
        for (JsonToken token = parser.nextToken(); token != JsonToken.END_ARRAY; token = parser.nextToken()) {
            if (token.isStructStart()) {
                parser.skipChildren();
                error = "ERR unsupported arg type: \"" + (token == JsonToken.START_ARRAY ? '[' : '{')
                        + "\": json.Delim";
            } else if (token == JsonToken.VALUE_NULL) {
                error = "ERR null args are not supported";
            } else {
                args.add(utf8(parser.getString()));
            }
        }
        if (error != null) {
            return RestCommand.refused(error);
        }
        return args.isEmpty() ? RestCommand.refused(ifEmpty) : RestCommand.of(args);
    }

    private static byte[] utf8(String text) {
        if (text.chars().noneMatch(c -> Character.isSurrogate((char) c))) {
            return text.getBytes(UTF_8);
        }
        try {
            ByteBuffer bytes = UTF_8.newEncoder()
                    .replaceWith(REPLACEMENT)
                    .onMalformedInput(CodingErrorAction.REPLACE)
                    .encode(CharBuffer.wrap(text));
            byte[] exact = new byte[bytes.remaining()];
            bytes.get(exact);
            return exact;
        } catch (CharacterCodingException impossible) {
            throw new AssertionError("malformed input is replaced", impossible);
        }
    }
}
