package dev.holdfast.cache.upstash;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** One command with its arguments, as a JSON array of strings. */
final class Command {
    /** What a command that answers with no value of somebody's may answer with, an error text included. */
    private static final int SMALL_ANSWER_BYTES = 8 * 1024;

    /** A page of SCAN may have more keys than it was asked for, but not without an end. */
    private static final int MAX_SCANNED = 100_000;

    private static final int LARGE_BYTES = 64 * 1024;
    private static final int LARGEST_SHARED_BYTES = 256 * 1024;

    private final String name;
    private final byte[] json;
    private final boolean harmless;
    private final int maxValues;

    private Command(List<String> parts, boolean harmless) {
        this.name = parts.get(0);
        this.json = JsonArray.of(parts);
        this.harmless = harmless;
        this.maxValues = switch (name) {
            case "MGET" -> parts.size();
            case "SCAN" -> MAX_SCANNED;
            default -> 1;
        };
    }

    private static boolean isHarmless(List<String> parts) {
        return switch (parts.get(0)) {
            case "GET", "MGET", "EXISTS", "PTTL", "SCAN", "PING", "INFO", "UNLINK", "PEXPIRE" -> true;
            case "SET" -> !parts.get(parts.size() - 1).equals("NX") || parts.size() == 3;
            default -> false;
        };
    }

    /** Whether it changes nothing. */
    boolean isReadOnly() {
        return switch (name) {
            case "GET", "MGET", "EXISTS", "PTTL", "SCAN", "PING", "INFO" -> true;
            default -> false;
        };
    }

    /** Whether its effect is the same if it is executed twice. */
    boolean isHarmless() {
        return harmless;
    }

    /** Whether it leaves a value behind that was not there before, or another one. */
    boolean stores() {
        return name.equals("SET");
    }

    /** Whether its size alone may be more than a proxy lets through, see {@link Blame}. */
    boolean isLarge() {
        return json.length >= LARGE_BYTES;
    }

    /** Whether it is to share a request with others, who would wait for its bytes. */
    boolean mayShare() {
        return json.length < LARGEST_SHARED_BYTES;
    }

    /** How many values its result may have, arrays counted too. */
    int maxValues() {
        return maxValues;
    }

    /**
     * How many bytes its answer may have.
     *
     * @param largest how many the answer of any command may have
     * @param largestValue how many that of a single value may have
     */
    long maxAnswerBytes(long largest, long largestValue) {
        return switch (name) {
            case "GET" -> Math.min(largest, largestValue);
            case "MGET", "SCAN" -> largest;
            default -> Math.min(largest, SMALL_ANSWER_BYTES);
        };
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
        return of(List.of(parts));
    }

    static Command of(List<String> parts) {
        return new Command(parts, isHarmless(parts));
    }

    /** One whose caller does not mind if a second execution answers that the first was made. */
    static Command repeatable(List<String> parts) {
        return new Command(parts, true);
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
