package dev.holdfast.cache.benchmarks;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Keys, each with a value of its own: printable, so that it is also text. */
final class Entries {
    private final String[] keys;
    private final byte[][] values;

    /** Makes some; the same ones each time. */
    Entries(String prefix, int count, int valueBytes) {
        SplittableRandom random = new SplittableRandom(42);
        keys = new String[count];
        values = new byte[count][];
        for (int i = 0; i < count; i++) {
            keys[i] = prefix + i;
            byte[] value = new byte[valueBytes];
            for (int at = 0; at < valueBytes; at++) {
                value[at] = (byte) ('a' + random.nextInt(26));
            }
            values[i] = value;
        }
    }

    int count() {
        return keys.length;
    }

    String key(int index) {
        return keys[index];
    }

    /** The key as clients take it that know bytes only; encoded anew each time, as their callers must. */
    byte[] keyBytes(int index) {
        return keys[index].getBytes(StandardCharsets.UTF_8);
    }

    byte[] value(int index) {
        return values[index];
    }

    /** The values, as text. */
    String[] texts() {
        return Arrays.stream(values)
                .map(value -> new String(value, StandardCharsets.US_ASCII))
                .toArray(String[]::new);
    }

    /** Puts every value under its key, as text. */
    void putTexts(BiConsumer<String, String> cache) {
        String[] texts = texts();
        for (int i = 0; i < texts.length; i++) {
            cache.accept(keys[i], texts[i]);
        }
    }

    /** {@code some} keys in a row, from an index on. */
    List<String> keys(int index, int some) {
        List<String> row = new ArrayList<>(some);
        for (int i = 0; i < some; i++) {
            row.add(keys[(index + i) % keys.length]);
        }
        return row;
    }

    Map<String, byte[]> all() {
        Map<String, byte[]> map = new LinkedHashMap<>();
        for (int i = 0; i < keys.length; i++) {
            map.put(keys[i], values[i]);
        }
        return map;
    }

    void require(int index, byte @Nullable [] answer) {
        WrongAnswerException.require(values[index], answer);
    }

    /** Checks the answer to {@link #keys(int, int)}. */
    void require(int index, int some, Map<String, byte[]> answer) {
        if (answer.size() != some) {
            throw new WrongAnswerException("expected " + some + " values and got " + answer.size());
        }
        for (int i = 0; i < some; i++) {
            int at = (index + i) % keys.length;
            require(at, answer.get(keys[at]));
        }
    }

    /** Checks the answer to {@link #keys(int, int)}, as a list in their order. */
    void require(int index, List<byte[]> answer) {
        for (int i = 0; i < answer.size(); i++) {
            require((index + i) % keys.length, answer.get(i));
        }
    }
}
