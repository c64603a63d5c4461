package dev.holdfast.cache.upstash;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** One command with its arguments, as a JSON array of strings. */
final class Command {
    private final String name;
    private final byte[] json;

    private Command(String name, byte[] json) {
        this.name = name;
        this.json = json;
    }

    /** What it is called in messages. */
    String name() {
        return name;
    }

    /** The command in UTF-8; not to be changed. */
    byte[] json() {
        return json;
    }

    static Command of(String... parts) {
        return new Command(parts[0], JsonArray.of(List.of(parts)));
    }

    static Command of(List<String> parts) {
        return new Command(parts.get(0), JsonArray.of(parts));
    }

    /** Writes JSON arrays of strings. The only JSON that this client sends: numbers would lose digits on some servers. */
    private static final class JsonArray {
        private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

        private byte[] out;
        private int length;

        private JsonArray(int capacity) {
            out = new byte[capacity];
        }

        static byte[] of(List<String> parts) {
            long size = 2;
            for (String part : parts) {
                size += part.length() + 3L;
            }
            JsonArray array = new JsonArray((int) Math.min(size, 1 << 28));
            char separator = '[';
            for (String part : parts) {
                array.put(separator);
                array.putText(part);
                separator = ',';
            }
            array.put(']');
            return array.length == array.out.length ? array.out : java.util.Arrays.copyOf(array.out, array.length);
        }

        private void putText(String text) {
            put('"');
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                if (c >= 0x80) {
                    putUtf8(text.substring(i));
                    break;
                }
                putAscii(c);
            }
            put('"');
        }

        /** The rest of a text from its first character beyond ASCII; surrogates were checked when the key was encoded. */
        private void putUtf8(String text) {
            for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
                if (b < 0) {
                    putByte(b);
                } else {
                    putAscii((char) b);
                }
            }
        }

        private void putAscii(char c) {
            if (c == '"' || c == '\\') {
                put('\\');
                put(c);
            } else if (c < 0x20) {
                put('\\');
                put('u');
                put('0');
                put('0');
                putByte(HEX[c >> 4]);
                putByte(HEX[c & 15]);
            } else {
                put(c);
            }
        }

        private void put(char c) {
            putByte((byte) c);
        }

        private void putByte(byte b) {
            if (length == out.length) {
                out = java.util.Arrays.copyOf(out, Math.max(64, out.length + (out.length >> 1)));
            }
            out[length++] = b;
        }
    }
}
