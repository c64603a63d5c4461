package dev.holdfast.cache.spi;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a read found, and under which guard it may be kept.
 *
 * @param value the value, not to be changed, as from {@link CacheStore#getShared}; {@code null} if the key is absent
 * @param guard was alive before the read was sent, to the place where its changes are told of; {@code null} if it must not be kept
 */
@SuppressWarnings("ArrayRecordComponent") // handed on at once, and never compared
public record Covered(byte @Nullable [] value, @Nullable Guard guard) {

    /**
     * Puts what a read of several keys found under one guard.
     *
     * @param guard the guard, taken before the read was sent; {@code null} if nothing of it must be kept
     * @param values the keys that are there, with their values
     * @return the same keys, in the same order
     */
    public static Map<String, Covered> all(@Nullable Guard guard, Map<String, byte[]> values) {
        Map<String, Covered> found = new LinkedHashMap<>();
        values.forEach((key, value) -> found.put(key, new Covered(value, guard)));
        return found;
    }
}
