package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheCodecException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;

/**
 * How bytes stand in a database whose arguments are JSON strings, so text: what is valid UTF-8 stands as it is, for other
 * clients to read, unless it is large and JSON would escape most of it; anything else as base64 behind a marker. Text that happens to begin with the marker is written as
 * base64 too, so what begins with it is always ours.
 */
final class ValueText {
    /** U+0000 is valid in JSON and in Redis, and begins no text that people or programs store. */
    private static final String MARKER = "\0base64:";

    /** Smaller values stand as text, for other clients to read, whatever room that takes. */
    private static final int LARGE = 64 << 10;

    private static final byte[] MARKER_BYTES = MARKER.getBytes(StandardCharsets.US_ASCII);

    private ValueText() {}

    static String encode(byte[] value) {
        if (!beginsWithMarker(value)) {
            String text = textOf(value);
            if (text != null && !isLongerAsText(value)) {
                return text;
            }
        }
        return MARKER + Base64.getEncoder().encodeToString(value);
    }

    /**
     * How many bytes of an encoded value are the same in that of every other that begins with so many bytes of it; of base64, which goes by
     * threes, those of the last one or two are not among them.
     */
    static int lead(String encoded, int bytes) {
        return encoded.startsWith(MARKER) ? MARKER.length() + bytes / 3 * 4 : bytes;
    }

    /** The text of a value that {@link #encode} writes as base64 for its size alone: others may have stored it so. {@code null} of any other. */
    static @org.jspecify.annotations.Nullable String avoidedText(byte[] value) {
        return isLongerAsText(value) && !beginsWithMarker(value) ? textOf(value) : null;
    }

    static byte[] decode(byte[] stored) {
        if (!beginsWithMarker(stored)) {
            return stored;
        }
        try {
            return Base64.getDecoder().decode(Arrays.copyOfRange(stored, MARKER_BYTES.length, stored.length));
        } catch (IllegalArgumentException e) {
            throw new CacheCodecException("a value begins with this client's base64 marker, but is not base64", e);
        }
    }

    private static @org.jspecify.annotations.Nullable String textOf(byte[] value) {
        boolean ascii = true;
        for (byte b : value) {
            if (b < 0) {
                ascii = false;
                break;
            }
        }
        if (ascii) {
            return new String(value, StandardCharsets.ISO_8859_1);
        }
        try {
            CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(value));
            return text.toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    /** Whether a large value takes more room as a JSON string than as base64: one full of control characters, as bitmaps are, or of quotes. */
    private static boolean isLongerAsText(byte[] value) {
        if (value.length < LARGE) {
            return false;
        }
        long escaped = 0;
        for (byte b : value) {
            escaped += b >= 0 && b < ' ' ? 6 : b == '"' || b == '\\' ? 2 : 1;
        }
        return escaped > MARKER_BYTES.length + 4L * (value.length / 3 + 1);
    }

    private static boolean beginsWithMarker(byte[] value) {
        return value.length >= MARKER_BYTES.length
                && Arrays.equals(value, 0, MARKER_BYTES.length, MARKER_BYTES, 0, MARKER_BYTES.length);
    }
}
