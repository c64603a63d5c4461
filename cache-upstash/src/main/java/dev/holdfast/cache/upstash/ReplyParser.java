package dev.holdfast.cache.upstash;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;

/**
 * Reads the JSON that the service answers with {@code Upstash-Encoding: base64}: every text is base64 but the status
 * {@code OK}, which can be no padded base64. Strict: what does not parse to the last byte is a
 * {@link MalformedReplyException}.
 */
final class ReplyParser {
    /** A service may say more than is documented, but not without an end. */
    private static final int MAX_NAMES = 16;

    private final JsonFactory json;

    ReplyParser(int maxAnswerBytes) {
        json = JsonFactory.builder()
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(64)
                        .maxStringLength(maxAnswerBytes)
                        .maxNumberLength(40)
                        .maxNameLength(256)
                        .build())
                .build();
    }

    /** Reads the answer to a single command: {@code {"result":…}} or {@code {"error":…}}. */
    Reply one(byte[] body, Command command) {
        return parse(body, parser -> item(parser, command.maxValues()));
    }

    /** Reads the answer to a pipeline: as many of those as commands were sent. */
    List<Reply> many(byte[] body, List<Command> commands) {
        return parse(body, parser -> {
            List<Reply> replies = new ArrayList<>(commands.size());
            expect(parser, JsonToken.START_ARRAY, "an array of answers");
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                if (replies.size() == commands.size()) {
                    throw new MalformedReplyException("more answers than commands");
                }
                replies.add(item(parser, commands.get(replies.size()).maxValues()));
            }
            if (replies.size() < commands.size()) {
                throw new MalformedReplyException(replies.size() + " answers to " + commands.size() + " commands");
            }
            return replies;
        });
    }

    /** Reads the text of an {@code {"error":…}}; {@code null} if the body is something else. */
    @Nullable
    String error(byte[] body) {
        try {
            return parse(body, parser -> item(parser, 1)) instanceof Reply.Failure failure ? failure.text() : null;
        } catch (MalformedReplyException e) {
            return null;
        }
    }

    private interface Reading<T> {
        T read(JsonParser parser);
    }

    private <T> T parse(byte[] body, Reading<T> reading) {
        try (JsonParser parser = json.createParser(ObjectReadContext.empty(), body)) {
            parser.nextToken();
            T result = reading.read(parser);
            if (parser.nextToken() != null) {
                throw new MalformedReplyException("something follows the answer");
            }
            return result;
        } catch (JacksonException e) {
            throw new MalformedReplyException("not the JSON of an answer: " + e.getOriginalMessage(), e);
        }
    }

    private static Reply item(JsonParser parser, int maxValues) {
        expect(parser, JsonToken.START_OBJECT, "an object with result or error");
        Reply result = null;
        Reply error = null;
        int names = 0;
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            JsonToken token = parser.nextToken();
            if (++names > MAX_NAMES
                    || (name.equals("result") && result != null)
                    || (name.equals("error") && error != null)) {
                throw new MalformedReplyException("an answer that says more than one thing");
            }
            if (name.equals("error") && token == JsonToken.VALUE_STRING) {
                error = new Reply.Failure(parser.getString());
            } else if (name.equals("result")) {
                result = new Values(parser, maxValues).next();
            } else {
                parser.skipChildren();
            }
        }
        if (error == null && result == null) {
            throw new MalformedReplyException("an answer with neither result nor error");
        }
        return error != null ? error : Objects.requireNonNull(result);
    }

    /** Reads a result of no more values than the command can have. */
    private static final class Values {
        private final JsonParser parser;
        private int left;

        Values(JsonParser parser, int most) {
            this.parser = parser;
            this.left = most;
        }

        Reply next() {
            if (--left < 0) {
                throw new MalformedReplyException("more values than the command can answer");
            }
            return value(parser, this);
        }
    }

    private static Reply value(JsonParser parser, Values values) {
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw new MalformedReplyException("the answer ends within a value");
        }
        return switch (token) {
            case VALUE_NULL -> Reply.Nil.NIL;
            case VALUE_STRING -> new Reply.Bytes(text(parser.getString()));
            case VALUE_NUMBER_INT -> new Reply.Whole(exact(parser.getBigIntegerValue()));
            case START_ARRAY -> array(parser, values);
            default -> throw new MalformedReplyException("a value of a type that no command here answers: " + token);
        };
    }

    private static Reply array(JsonParser parser, Values values) {
        List<Reply> elements = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            elements.add(values.next());
        }
        return new Reply.Array(elements);
    }

    private static long exact(BigInteger number) {
        try {
            return number.longValueExact();
        } catch (ArithmeticException e) {
            throw new MalformedReplyException("an integer beyond 64 bits", e);
        }
    }

    private static byte[] text(String text) {
        byte[] encoded = text.getBytes(StandardCharsets.ISO_8859_1);
        if (text.equals("OK")) {
            return encoded;
        }
        // The JDK's decoder takes texts without padding; a server that ignores the header must not slip through it.
        if (encoded.length % 4 != 0) {
            throw new MalformedReplyException("a text that is not base64, though base64 was asked for");
        }
        try {
            return Base64.getDecoder().decode(encoded);
        } catch (IllegalArgumentException e) {
            throw new MalformedReplyException("a text that is not base64, though base64 was asked for", e);
        }
    }

    private static void expect(JsonParser parser, JsonToken token, String what) {
        if (parser.currentToken() != token) {
            throw new MalformedReplyException("no answer: " + what + " was expected");
        }
    }
}
