package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.Base64Variants;
import tools.jackson.core.JsonEncoding;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** Writes replies as {@code {"result":…}} or {@code {"error":…}}, or as RESP2. Immutable. */
final class ReplyWriter {
    private static final JsonFactory JSON = new JsonFactory();

    private final boolean base64;
    private final boolean literalOk;

    /**
     * A writer of one kind of answers.
     *
     * @param literalOk whether a status {@code OK} stays {@code "OK"} under base64, as documented, or becomes {@code "T0s="}
     */
    ReplyWriter(boolean base64, boolean literalOk) {
        this.base64 = base64;
        this.literalOk = literalOk;
    }

    byte[] one(@Nullable Object reply) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(128);
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), out, JsonEncoding.UTF8)) {
            item(json, reply);
        }
        return out.toByteArray();
    }

    byte[] all(List<?> replies) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(1024);
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), out, JsonEncoding.UTF8)) {
            json.writeStartArray();
            for (Object reply : replies) {
                item(json, reply);
            }
            json.writeEndArray();
        }
        return out.toByteArray();
    }

    static byte[] resp2(List<?> replies) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(128);
        replies.forEach(reply -> resp2(out, reply));
        return out.toByteArray();
    }

    /** The bytes of all strings in a reply: what the limit on the size of a result counts. */
    static long size(@Nullable Object reply) {
        if (reply instanceof byte[] bytes) {
            return bytes.length;
        }
        if (reply instanceof List<?> elements) {
            return elements.stream().mapToLong(ReplyWriter::size).sum();
        }
        return 0;
    }

    private void item(JsonGenerator json, @Nullable Object reply) {
        json.writeStartObject();
        if (reply instanceof RespError error) {
            json.writeName("error").writeString(error.message());
        } else {
            json.writeName("result");
            if ("OK".equals(reply) && literalOk) {
                json.writeString("OK");
            } else {
                value(json, reply);
            }
        }
        json.writeEndObject();
    }

    private void value(JsonGenerator json, @Nullable Object reply) {
        if (reply == null) {
            json.writeNull();
        } else if (reply instanceof Long number) {
            json.writeNumber(number);
        } else if (reply instanceof List<?> elements) {
            json.writeStartArray();
            for (Object element : elements) {
                value(json, element);
            }
            json.writeEndArray();
        } else if (reply instanceof byte[] bytes) {
            string(json, bytes);
        } else if (reply instanceof RespError error) {
            // Only a script nests an error; what the service makes of it isn't known.
            string(json, error.message().getBytes(UTF_8));
        } else {
            string(json, ((String) reply).getBytes(UTF_8));
        }
    }

    private void string(JsonGenerator json, byte[] bytes) {
        if (base64) {
            json.writeBinary(Base64Variants.MIME_NO_LINEFEEDS, bytes, 0, bytes.length);
        } else {
            json.writeString(new String(bytes, UTF_8));
        }
    }

    private static void resp2(ByteArrayOutputStream out, @Nullable Object reply) {
        if (reply == null) {
            line(out, "$-1");
        } else if (reply instanceof Long) {
            line(out, ":" + reply);
        } else if (reply instanceof List<?> elements) {
            line(out, "*" + elements.size());
            elements.forEach(element -> resp2(out, element));
        } else if (reply instanceof byte[] bytes) {
            line(out, "$" + bytes.length);
            out.writeBytes(bytes);
            line(out, "");
        } else if (reply instanceof RespError error) {
            line(out, "-" + error.message());
        } else {
            line(out, "+" + reply);
        }
    }

    private static void line(ByteArrayOutputStream out, String text) {
        out.writeBytes((text + "\r\n").getBytes(UTF_8));
    }
}
