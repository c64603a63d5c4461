package dev.holdfast.cache.benchmarks;

import java.nio.charset.StandardCharsets;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Which of the entries a thread asks for: 8,192 of 10,000, in an order that no cache line follows. For JMH. */
@State(Scope.Thread)
public class HitKeys {
    static final int ENTRIES = 10_000;
    static final int VALUE_BYTES = 100;
    private static final int MASK = 8_191;
    private static final Entries ALL = new Entries("entry:", ENTRIES, VALUE_BYTES);

    private final String[] keys = new String[MASK + 1];
    private int next = (int) Thread.currentThread().getId() * 1_000;

    /** For JMH. */
    public HitKeys() {
        for (int i = 0; i <= MASK; i++) {
            // Equal to the entry's key and not the same object: a request brings a key of its own.
            keys[i] = new String(ALL.key(i * 5 % ENTRIES).toCharArray());
        }
    }

    String next() {
        return keys[next++ & MASK];
    }

    static void bytes(BiConsumer<String, byte[]> sink) {
        ALL.all().forEach(sink);
    }

    static void texts(BiConsumer<String, String> sink) {
        ALL.all().forEach((key, value) -> sink.accept(key, new String(value, StandardCharsets.US_ASCII)));
    }

    static byte[] checked(byte @Nullable [] value) {
        if (value == null || value.length != VALUE_BYTES) {
            throw new WrongAnswerException("not a value of " + VALUE_BYTES + " bytes");
        }
        return value;
    }

    static String checked(@Nullable Object value) {
        if (!(value instanceof String text) || text.length() != VALUE_BYTES) {
            throw new WrongAnswerException("not a value of " + VALUE_BYTES + " characters: " + value);
        }
        return text;
    }
}
