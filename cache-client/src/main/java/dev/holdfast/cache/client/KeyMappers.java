package dev.holdfast.cache.client;

import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;

/** How keys of the usual types become strings: one string for each key, the same in every process and release. */
final class KeyMappers {
    private static final Set<Class<?>> OWN_TEXT = Set.of(
            String.class,
            Long.class,
            Integer.class,
            Short.class,
            Byte.class,
            UUID.class,
            long.class,
            int.class,
            short.class,
            byte.class);

    private KeyMappers() {}

    static <K> Function<K, String> of(Class<K> type) {
        if (type.isRecord() && Arrays.stream(type.getRecordComponents()).allMatch(part -> isPlain(part.getType()))) {
            return ofRecord(type);
        }
        if (!isPlain(type)) {
            throw new IllegalArgumentException("keys of " + type.getName()
                    + " need a function that makes a different String of each different key: give the cache keys(key -> ...)."
                    + " String, whole numbers, UUID, enums, and records of these need none");
        }
        return KeyMappers::text;
    }

    /**
     * Whether keys of a type can't be changed, and those that are equal have one text. A record's {@code equals} may say anything, and what a function makes texts
     * of may change under it.
     */
    static boolean areValues(Class<?> type) {
        return isPlain(type);
    }

    private static boolean isPlain(Class<?> type) {
        return OWN_TEXT.contains(type) || Enum.class.isAssignableFrom(type);
    }

    private static String text(Object plain) {
        // Not toString(), which an enum may override.
        return plain instanceof Enum<?> constant ? constant.name() : plain.toString();
    }

    /** The components' texts, joined by colons; colons and backslashes within them have a backslash before them. */
    private static <K> Function<K, String> ofRecord(Class<K> type) {
        RecordComponent[] parts = type.getRecordComponents();
        Method[] accessors = new Method[parts.length];
        for (int i = 0; i < parts.length; i++) {
            accessors[i] = parts[i].getAccessor();
            try {
                accessors[i].setAccessible(true);
            } catch (InaccessibleObjectException | SecurityException e) {
                throw new IllegalArgumentException(
                        "the record " + type.getName()
                                + " is not open to dev.holdfast.cache.client, which is to make texts"
                                + " of keys: export its package, open it, or give the cache keys(key -> ...)",
                        e);
            }
        }
        return key -> {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < accessors.length; i++) {
                if (i > 0) {
                    text.append(':');
                }
                escape(text, component(key, parts[i].getName(), accessors[i]));
            }
            return text.toString();
        };
    }

    private static String component(Object key, String name, Method accessor) {
        Object value;
        try {
            value = accessor.invoke(key);
        } catch (ReflectiveOperationException e) {
            throw new IllegalArgumentException("the component " + name + " of a key can't be read", e);
        }
        if (value == null) {
            throw new NullPointerException("the component " + name + " of a key is null");
        }
        return text(value);
    }

    private static void escape(StringBuilder text, String component) {
        for (int i = 0; i < component.length(); i++) {
            char c = component.charAt(i);
            if (c == ':' || c == '\\') {
                text.append('\\');
            }
            text.append(c);
        }
    }
}
