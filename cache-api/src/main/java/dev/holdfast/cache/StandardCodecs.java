package dev.holdfast.cache;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Function;

/** The codecs that need no library. */
final class StandardCodecs {
    static final Codec<String> STRING = new StringCodec();
    static final Codec<byte[]> BYTES = new BytesCodec();
    static final Codec<Integer> INTEGER = new TextCodec<>("an int", Integer::valueOf);
    static final Codec<Long> LONG = new TextCodec<>("a long", Long::valueOf);
    static final Codec<Double> DOUBLE = new TextCodec<>("a double", Double::valueOf);
    static final Codec<Boolean> BOOLEAN = new TextCodec<>("true or false", StandardCodecs::parseBoolean);

    private StandardCodecs() {}

    private static Boolean parseBoolean(String text) {
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException("neither true nor false");
        };
    }

    private static final class StringCodec implements Codec<String> {
        @Override
        public byte[] encode(String value) {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            // getBytes writes '?' for what has no encoding; only then can a '?' hide an unpaired surrogate.
            if (bytes.length != value.length() || hasSurrogate(value)) {
                requireEncodable(value);
            }
            return bytes;
        }

        private static boolean hasSurrogate(String value) {
            for (int i = 0; i < value.length(); i++) {
                if (Character.isSurrogate(value.charAt(i))) {
                    return true;
                }
            }
            return false;
        }

        private static void requireEncodable(String value) {
            try {
                StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(value));
            } catch (CharacterCodingException e) {
                throw new CacheCodecException("a String with an unpaired surrogate has no UTF-8 form", e);
            }
        }

        @Override
        public String decode(byte[] bytes) {
            return decode(bytes, 0, bytes.length);
        }

        @Override
        public String decode(byte[] bytes, int offset, int length) {
            // The JDK's decoder is fast, and lenient: it writes U+FFFD for what is malformed.
            String text = new String(bytes, offset, length, StandardCharsets.UTF_8);
            return text.indexOf('\uFFFD') < 0 ? text : decodeStrictly(bytes, offset, length);
        }

        private static String decodeStrictly(byte[] bytes, int offset, int length) {
            try {
                return StandardCharsets.UTF_8
                        .newDecoder()
                        .decode(ByteBuffer.wrap(bytes, offset, length))
                        .toString();
            } catch (CharacterCodingException e) {
                throw new CacheCodecException("not UTF-8, so not a String: " + length + " bytes", e);
            }
        }

        @Override
        public String toString() {
            return "Codec.string()";
        }
    }

    private static final class BytesCodec implements Codec<byte[]> {
        @Override
        public byte[] encode(byte[] value) {
            return value.clone();
        }

        @Override
        public byte[] decode(byte[] bytes) {
            return bytes.clone();
        }

        @Override
        public byte[] decode(byte[] bytes, int offset, int length) {
            return Arrays.copyOfRange(bytes, offset, offset + length);
        }

        @Override
        public String toString() {
            return "Codec.bytes()";
        }
    }

    private record TextCodec<V>(String what, Function<String, V> parser) implements Codec<V> {
        @Override
        public byte[] encode(V value) {
            return Objects.requireNonNull(value, "value").toString().getBytes(StandardCharsets.US_ASCII);
        }

        @Override
        public V decode(byte[] bytes) {
            return decode(bytes, 0, bytes.length);
        }

        @Override
        public V decode(byte[] bytes, int offset, int length) {
            try {
                return parser.apply(new String(bytes, offset, length, StandardCharsets.US_ASCII));
            } catch (IllegalArgumentException e) {
                throw new CacheCodecException("not " + what + ": " + length + " bytes", e);
            }
        }

        @Override
        public String toString() {
            return "Codec for " + what;
        }
    }
}
