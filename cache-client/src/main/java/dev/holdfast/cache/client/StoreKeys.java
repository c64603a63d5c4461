package dev.holdfast.cache.client;

import dev.holdfast.cache.ForeignText;
import java.util.Objects;
import java.util.function.Function;

/**
 * Where a cache's keys stand in its store; {@code prefix} is empty for raw keys. What begins with {@code #} is the client's own:
 * counters and what else is no cache's.
 */
record StoreKeys<K>(String prefix, Function<? super K, String> mapper) {

    String of(K key) {
        String mapped = mapper.apply(Objects.requireNonNull(key, "key"));
        if (mapped == null) {
            throw new NullPointerException("the key mapper returned null for " + ForeignText.shown(key.toString()));
        }
        return prefix.isEmpty() ? raw(mapped) : prefix.concat(mapped);
    }

    private static String raw(String key) {
        if (!key.isEmpty() && key.charAt(0) == '#') {
            throw new IllegalArgumentException(
                    "a raw key must not begin with #, as the client's own do: " + ForeignText.shown(key));
        }
        return key;
    }
}
