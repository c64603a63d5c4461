package dev.holdfast.cache.client;

import java.util.Objects;
import java.util.function.Function;

/** Where a cache's keys stand in its store; {@code prefix} is empty for raw keys. */
record StoreKeys<K>(String prefix, Function<? super K, String> mapper) {

    String of(K key) {
        String mapped = mapper.apply(Objects.requireNonNull(key, "key"));
        if (mapped == null) {
            throw new NullPointerException("the key mapper returned null for " + key);
        }
        return prefix.isEmpty() ? mapped : prefix.concat(mapped);
    }
}
