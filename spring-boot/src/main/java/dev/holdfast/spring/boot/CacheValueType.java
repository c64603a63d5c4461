package dev.holdfast.spring.boot;

import java.lang.reflect.Type;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Decides the type of a cache's values. */
final class CacheValueType {
    private CacheValueType() {}

    /**
     * Decides.
     *
     * @param cache the cache's name
     * @param configured what its property says; {@code null} if nothing
     * @param uses the methods that name the cache
     * @param loader where the classes are
     * @return the type; {@code null} if nothing tells it. Where methods only remove, and nothing is ever read, bytes do
     * @throws HoldfastConfigurationException if methods contradict each other or a type says nothing about values
     */
    static @Nullable Type of(String cache, @Nullable String configured, List<CacheUse> uses, ClassLoader loader) {
        if (configured != null) {
            return parsed(cache, configured, loader);
        }
        CacheUse first = null;
        for (CacheUse use : uses) {
            if (use.values() == null) {
                continue;
            }
            if (!ValueTypes.isReadable(use.values())) {
                throw unreadable(cache, use);
            }
            if (first != null && !use.values().equals(first.values())) {
                throw contradiction(cache, first, use);
            }
            first = use;
        }
        if (first != null) {
            return first.values();
        }
        return uses.isEmpty() ? null : byte[].class;
    }

    static String property(String cache) {
        boolean plain = cache.chars().allMatch(c -> Character.isLetterOrDigit(c) || c == '-');
        return plain ? "holdfast.caches." + cache : "holdfast.caches[" + cache + ']';
    }

    private static Type parsed(String cache, String configured, ClassLoader loader) {
        String property = property(cache) + ".type";
        try {
            Type type = TypeNames.parse(configured, loader);
            if (ValueTypes.isReadable(type)) {
                return type;
            }
            throw new IllegalArgumentException("it does not say what its values are");
        } catch (IllegalArgumentException e) {
            throw new HoldfastConfigurationException(
                    property + " is \"" + configured + "\", but " + e.getMessage(),
                    "Set " + property + " to a type such as com.example.User or java.util.List<com.example.User>.",
                    e);
        }
    }

    private static HoldfastConfigurationException unreadable(String cache, CacheUse use) {
        return new HoldfastConfigurationException(
                "The type of the values in the cache \"" + cache + "\" is not known: " + use.name() + " returns "
                        + use.method().getGenericReturnType().getTypeName(),
                "Return a type that says what it holds, or set " + property(cache) + ".type.",
                null);
    }

    private static HoldfastConfigurationException contradiction(String cache, CacheUse first, CacheUse second) {
        return new HoldfastConfigurationException(
                "The cache \"" + cache + "\" is to hold two types of values: " + shown(first) + " and " + shown(second),
                "Give one of the methods another cache, or set " + property(cache)
                        + ".type to a type that both can have.",
                null);
    }

    private static String shown(CacheUse use) {
        return String.valueOf(use.values() == null ? null : use.values().getTypeName()) + " by " + use.name();
    }
}
