package dev.holdfast.cache.client;

import java.util.Set;
import java.util.UUID;
import java.util.function.Function;

/** How keys of the usual types become strings: one string for each key, the same in every process and release. */
final class KeyMappers {
    private static final Set<Class<?>> OWN_TEXT =
            Set.of(String.class, Long.class, Integer.class, Short.class, Byte.class, UUID.class);

    private KeyMappers() {}

    static <K> Function<K, String> of(Class<K> type) {
        if (OWN_TEXT.contains(type)) {
            return String::valueOf;
        }
        if (Enum.class.isAssignableFrom(type)) {
            // Not toString(), which an enum may override.
            return key -> ((Enum<?>) key).name();
        }
        throw new IllegalArgumentException("keys of " + type.getName()
                + " don't map themselves, only String, whole numbers, UUID and enums do: give the cache a function that"
                + " makes a different String of each different key");
    }
}
