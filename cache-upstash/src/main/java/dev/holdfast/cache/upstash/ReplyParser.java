package dev.holdfast.cache.upstash;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;

/**
 * Reads the JSON that the service answers with {@code Upstash-Encoding: base64}: every text is base64 but the status
 * {@code OK}, which can be no padded base64. Strict: what does not parse to the last byte is a
 * {@link MalformedReplyException}.
 */
final class ReplyParser {
    private final JsonFactory json;

    ReplyParser(int maxAnswerBytes) {
        json = JsonFactory.builder()
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(64)
                        .maxStringLength(maxAnswerBytes)
                        .maxNumberLength(40)
                        .maxNameLength(256)
                        .build())
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .build();
    }

    /** Reads the answer to a single command: {@code {"result":…}} or {@code {"error":…}}. */
    Reply one(byte[] body) {
        return parse(body, this::item);
    }

    /** Reads the answer to a pipeline: as many of those as commands were sent. */
    List<Reply> many(byte[] body, int count) {
        return parse(body, parser -> {
            List<Reply> replies = new ArrayList<>(count);
            expect(parser, JsonToken.START_ARRAY, "an array of answers");
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                replies.add(item(parser));
            }
            if (replies.size() != count) {
                throw new MalformedReplyException(replies.size() + " answers to " + count + " commands");
            }
            return replies;
        });
    }

    /** Reads the text of an {@code {"error":…}}; {@code null} if the body is something else. */
    @Nullable
    String error(byte[] body) {
        try {
            return one(body) instanceof Reply.Failure failure ? failure.text() : null;
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

    private Reply item(JsonParser parser) {
        expect(parser, JsonToken.START_OBJECT, "an object with result or error");
        Reply reply = null;
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            JsonToken token = parser.nextToken();
            if (name.equals("error") && token == JsonToken.VALUE_STRING) {
                reply = new Reply.Failure(parser.getString());
            } else if (name.equals("result")) {
                Reply result = value(parser);
                if (!(reply instanceof Reply.Failure)) {
                    reply = result;
                }
            } else {
                parser.skipChildren();
            }
        }
        if (reply == null) {
            throw new MalformedReplyException("an answer with neither result nor error");
        }
        return reply;
    }

    private Reply value(JsonParser parser) {
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw new MalformedReplyException("the answer ends within a value");
        }
        return switch (token) {
            case VALUE_NULL -> Reply.Nil.NIL;
            case VALUE_STRING -> new Reply.Bytes(text(parser.getString()));
            case VALUE_NUMBER_INT -> new Reply.Whole(exact(parser.getBigIntegerValue()));
            case START_ARRAY -> array(parser);
            default -> throw new MalformedReplyException("a value of a type that no command here answers: " + token);
        };
    }

    private Reply array(JsonParser parser) {
        List<Reply> values = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            values.add(value(parser));
        }
        return new Reply.Array(values);
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
